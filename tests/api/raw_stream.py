"""Server-sent events as a client without a library sees them."""

from collections.abc import AsyncIterator


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Events of a raw stream: id, event, data; comments (pings) are left out."""
    event: dict[str, str] = {}
    async for line in lines:
        if not line and event:
            yield event
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            assert name not in event, "a data line was torn"
            event[name] = value


def numbers(heard: list[dict[str, str]]) -> list[int]:
    """Their ids."""
    return [int(event["id"]) for event in heard]
