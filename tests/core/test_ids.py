"""Identities are version 7 UUIDs and sort by the time they were made."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import uuid7

TIMES = st.integers(0, 2**48 - 1)
RANDOMNESS = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_standard() -> None:
    """RFC 9562, appendix A.6: the two random parts as they stand there, twelve and sixty-two bits."""
    randomness = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0, randomness) == UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@given(TIMES, RANDOMNESS)
def test_version_variant_and_time(unix_ms: int, randomness: bytes) -> None:
    made = uuid7(unix_ms, randomness)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == unix_ms


@given(TIMES, TIMES, RANDOMNESS, RANDOMNESS)
def test_the_later_one_sorts_after(one: int, other: int, some: bytes, more: bytes) -> None:
    earlier, later = sorted((one, other))
    if earlier != later:
        assert uuid7(earlier, some) < uuid7(later, more)
        assert str(uuid7(earlier, some)) < str(uuid7(later, more))


@given(TIMES, st.integers(0, 73))
def test_seventy_four_random_bits_count(unix_ms: int, bit: int) -> None:
    place = bit if bit < 62 else bit + 6  # six bits of the ten bytes are not used
    assert uuid7(unix_ms, bytes(10)) != uuid7(unix_ms, (1 << place).to_bytes(10, "big"))


@pytest.mark.parametrize("count", [0, 9, 11])
def test_any_other_amount_of_randomness_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match="ten random bytes"):
        uuid7(0, bytes(count))
