"""Which addresses an action may reach, in whatever form they are written."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.address import address_fault

METADATA = ["169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"]
PRIVATE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "::1", "fd12::1"]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111"]


def hidden_in_ipv6(v4: IPv4Address) -> list[str]:
    """The ways in which an IPv6 address carries an IPv4 address."""
    number = int(v4)
    return [
        f"::ffff:{v4}",
        str(IPv6Address((0x64FF9B << 96) | number)),
        str(IPv6Address(0x2002 << 112 | number << 80)),
        str(IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF)),
    ]


@pytest.mark.parametrize("allow_private", [True, False])
@pytest.mark.parametrize("address", [*METADATA, "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1"])
def test_some_addresses_are_never_reached(address: str, allow_private: bool) -> None:
    fault = address_fault(address, allow_private=allow_private)
    assert fault == f"{address} is a link-local, metadata, multicast or reserved address"


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_has_to_be_meant(address: str) -> None:
    assert address_fault(address, allow_private=True) == ""
    assert "set allow_private" in address_fault(address, allow_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_fine(address: str) -> None:
    assert address_fault(address, allow_private=False) == ""


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "10.0.0.1/8", "0177.0.0.1"])
def test_what_is_not_an_address_is_not_reached(text: str) -> None:
    assert address_fault(text, allow_private=True) == f"{text} is not an address"


@given(
    st.ip_addresses(v=4, network="169.254.0.0/16")
    | st.ip_addresses(v=4, network="10.0.0.0/8")
    | st.ip_addresses(v=4, network="224.0.0.0/4")
    | st.ip_addresses(v=4)
)
def test_an_address_hidden_in_ipv6_is_judged_as_what_it_is(v4: IPv4Address) -> None:
    plain = bool(address_fault(str(v4), allow_private=False))
    for hidden in hidden_in_ipv6(v4):
        assert bool(address_fault(hidden, allow_private=False)) == plain, hidden


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_the_old_compatible_form_hides_nothing_either(v4: IPv4Address) -> None:
    assert address_fault(f"::{v4}", allow_private=True)


@given(st.ip_addresses())
def test_allowing_private_addresses_never_forbids_one(address: IPv4Address | IPv6Address) -> None:
    if not address_fault(str(address), allow_private=False):
        assert address_fault(str(address), allow_private=True) == ""


NEVER, PRIVATELY, FREELY = "never", "private", "free"


@pytest.mark.parametrize(
    ("form", "reach"),
    [
        ("168.63.129.16", NEVER),  # Azure's own agent
        ("::ffff:168.63.129.16", NEVER),
        ("169.254.169.254", NEVER),
        ("169.254.0.1", NEVER),
        ("169.254.170.2", NEVER),
        ("0.0.0.0", NEVER),
        ("0.1.2.3", NEVER),
        ("100.100.100.200", NEVER),
        ("192.0.0.8", NEVER),
        ("224.0.0.251", NEVER),
        ("239.255.255.255", NEVER),
        ("240.0.0.1", NEVER),
        ("255.255.255.255", NEVER),
        ("::", NEVER),
        ("fe80::1", NEVER),
        ("fe80::1%1", NEVER),
        ("febf::1", NEVER),
        ("ff02::1", NEVER),
        ("fd00:ec2::254", NEVER),
        ("fd20:ce::254", NEVER),
        ("::ffff:169.254.169.254", NEVER),
        ("::ffff:a9fe:a9fe", NEVER),
        ("0:0:0:0:0:ffff:a9fe:a9fe", NEVER),
        ("::169.254.169.254", NEVER),
        ("2002:a9fe:a9fe::", NEVER),
        ("2002:a9fe:a9fe::1", NEVER),
        ("64:ff9b::169.254.169.254", NEVER),
        ("64:ff9b::a9fe:a9fe", NEVER),
        ("64:ff9b:1::a9fe:a9fe", NEVER),
        ("2001:0:0:0:0:0:5601:5601", NEVER),  # Teredo keeps the address with every bit turned over
        ("2852039166", NEVER),
        ("0xa9fea9fe", NEVER),
        ("0251.0376.0251.0376", NEVER),
        ("169.254.43518", NEVER),
        ("0", NEVER),
        ("127.0.0.1", PRIVATELY),
        ("127.255.255.254", PRIVATELY),
        ("127.1", PRIVATELY),
        ("2130706433", PRIVATELY),
        ("0x7f000001", PRIVATELY),
        ("0x7f.1", PRIVATELY),
        ("0177.0.0.1", PRIVATELY),
        ("10.0.0.1", PRIVATELY),
        ("012.0.0.1", PRIVATELY),
        ("172.31.255.255", PRIVATELY),
        ("192.168.0.1", PRIVATELY),
        ("192.168.257", PRIVATELY),
        ("100.64.0.1", PRIVATELY),
        ("198.19.0.1", PRIVATELY),
        ("::1", PRIVATELY),
        ("fc00::1", PRIVATELY),
        ("fdff::1", PRIVATELY),
        ("fec0::1", PRIVATELY),
        ("feff::1", PRIVATELY),
        ("::ffff:127.0.0.1", PRIVATELY),
        ("::ffff:10.0.0.1", PRIVATELY),
        ("2002:7f00:1::", PRIVATELY),
        ("2002:c0a8:101::1", PRIVATELY),
        ("64:ff9b::10.0.0.1", PRIVATELY),
        ("172.32.0.1", FREELY),
        ("100.128.0.1", FREELY),
        ("168.63.129.17", FREELY),
        ("010.0.0.1", FREELY),  # octal: 8.0.0.1
        ("::ffff:8.8.8.8", FREELY),
        ("64:ff9b::8.8.8.8", FREELY),
        ("2002:808:808::1", FREELY),
        ("2606:4700::1111", FREELY),
    ],
)
def test_every_form_that_a_resolver_takes_is_judged_as_what_it_reaches(form: str, reach: str) -> None:
    """As an action does it: first the resolver, without a name server, then the judgement of all that it answers."""
    for *_, place in socket.getaddrinfo(form, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST):
        address = str(place[0])
        assert bool(address_fault(address, allow_private=False)) == (reach != FREELY), address
        assert bool(address_fault(address, allow_private=True)) == (reach == NEVER), address
