"""Which network addresses an action may reach. Link-local and metadata addresses are never among them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Denied whatever the operator allows: cloud metadata, link-local, multicast, unspecified, reserved.
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32",
        "168.63.129.16/32", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::254/128", "64:ff9b:1::/48",
    )
)  # fmt: skip
_PRIVATE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15",
                 "::1/128", "fc00::/7", "fec0::/10")
)  # fmt: skip


def address_fault(text: str, *, allow_private: bool, networks: tuple[str, ...] = ()) -> str:
    """Say why an address must not be called, or return an empty string. Embedded IPv4 forms are unwrapped first.

    A private address is fine where all of them are allowed, or where it is in one of the `networks`.
    """
    try:
        address = _unwrapped(ip_address(text))
    except ValueError:
        return f"{text} is not an address"
    if any(address in network for network in _NEVER):
        return f"{text} is a link-local, metadata, multicast or reserved address"
    if allow_private or not any(address in network for network in _PRIVATE):
        return ""
    if any(address in ip_network(network) for network in networks):
        return ""
    if networks:
        return f"{text} is a private address outside of the networks of this endpoint ({', '.join(networks)})"
    return f"{text} is a private address; name its network or set allow_private for this endpoint if that is meant"


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    packed = address.packed
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if packed[:12] == ip_address("64:ff9b::").packed[:12] or (
        packed[:12] == bytes(12) and packed[12:] > bytes([0, 0, 0, 1])
    ):
        return IPv4Address(packed[12:])
    return address.sixtofour or (address.teredo[1] if address.teredo else None) or address
