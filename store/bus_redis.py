"""The live bus over Redis (or Valkey) publish/subscribe."""

from collections.abc import AsyncIterator, Sequence

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from store.bus import LIVE, FanoutBus

POLL_S = 5.0  # between two looks at the health of a silent connection


class RedisBus(FanoutBus):
    """SUBSCRIBE to one channel; the names of ours travel inside the payload."""

    faults = (OSError, RedisError)

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self._redis: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_connect_timeout=5,
            socket_keepalive=True,
            health_check_interval=10,
            retry=Retry(NoBackoff(), 0),  # a silent reconnect would hide what was missed
        )

    async def messages(self) -> AsyncIterator[str | None]:
        """Listen until the connection dies."""
        async with self._redis.pubsub() as listening:
            await listening.subscribe(LIVE)
            while True:
                message = await listening.get_message(timeout=POLL_S)
                if message and message["type"] == "subscribe":
                    yield None
                elif message and message["type"] == "message":
                    yield message["data"]

    async def send(self, texts: Sequence[str]) -> None:
        """PUBLISH through the client's own pool."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for text in texts:
                pipe.publish(LIVE, text)
            await pipe.execute()

    async def close(self) -> None:
        """End the subscriptions and the connections."""
        await super().close()
        await self._redis.aclose()
