"""Identities: UUIDv7 (RFC 9562), sortable by the time they were made."""

from uuid import UUID


def uuid7(unix_ms: int, randomness: bytes) -> UUID:
    """Make a UUIDv7 from milliseconds since 1970 and ten random bytes."""
    if len(randomness) != 10:
        raise ValueError("uuid7 needs exactly ten random bytes")
    rand = int.from_bytes(randomness, "big")
    value = (unix_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (rand >> 68) << 64
    value |= 0b10 << 62
    value |= rand & ((1 << 62) - 1)
    return UUID(int=value)
