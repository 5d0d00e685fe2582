"""Eight clients of other people, as they are, against a house that is really up: ask, read, cut, resume, decide."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from httpx_sse import aconnect_sse

from tests.clients.conftest import ANSWER, Served
from tests.clients.node import run_script
from tests.stories.town import ROOT, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
QUESTION = "what changed on shop?"
QUESTIONS = [{"role": "user", "content": QUESTION}]
PROGRAM_S = 60.0
GUIDES_URL = "https://nightshift.example/v1"


def client_of(served: Served) -> openai.AsyncOpenAI:
    web = httpx.AsyncClient(trust_env=False, timeout=60)
    return openai.AsyncOpenAI(base_url=served.base_url, api_key=served.key, max_retries=0, http_client=web)


async def test_openai_for_python(served: Served) -> None:
    async with client_of(served) as client:
        assert [model.id async for model in client.models.list()] == ["nightshift"]
        assert (await client.models.retrieve("nightshift")).owned_by == "nightshift"
        stream: Any = await client.chat.completions.create(
            model="nightshift", messages=QUESTIONS, stream=True, stream_options={"include_usage": True}
        )  # type: ignore[call-overload]
        chunks = [chunk async for chunk in stream]
        told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert ANSWER in told
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens > 0
        assert len({chunk.id for chunk in chunks}) == 1
        whole: Any = await client.chat.completions.create(model="nightshift", messages=QUESTIONS)  # type: ignore[call-overload]
        assert whole.choices[0].message.content == told
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-4o", messages=QUESTIONS)  # type: ignore[call-overload]
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="nightshift", messages=[])
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="ns_wrong").models.list()


async def test_card_in_an_answer_is_approved_by_the_line_below_it(served: Served) -> None:
    async with client_of(served) as client:
        said: list[Any] = [{"role": "user", "content": f"please poke cart, #{served.numbers['cart']}"}]
        card: Any = await client.chat.completions.create(model="nightshift", messages=said)
        text = card.choices[0].message.content
        assert "Target        service:test/cart" in text
        [line] = [line for line in text.splitlines() if line.startswith("approve ")]
        said += [{"role": "assistant", "content": text}, {"role": "user", "content": line}]
        done: Any = await client.chat.completions.create(model="nightshift", messages=said)
        assert done.choices[0].message.content.startswith("Approved: poke v")
    assert served.town.rows("SELECT verdict FROM approval_votes WHERE via = 'openai'") == [{"verdict": "approve"}]


async def test_openai_for_node(served: Served) -> None:
    lines = await asyncio.to_thread(run_script, "openai.mjs", served.town.url, served.key, QUESTION)
    seen = {line["what"]: line for line in lines}
    assert seen["models"]["ids"] == ["nightshift"]
    assert ANSWER in seen["stream"]["text"]
    assert (seen["stream"]["finish"], seen["stream"]["chunks"] > 2) == ("stop", True)
    assert seen["stream"]["usage"]["completion_tokens"] > 0
    assert (seen["whole"]["text"], seen["whole"]["finish"]) == (seen["stream"]["text"], "stop")
    assert (seen["refused"]["status"], seen["refused"]["kind"]) == (401, "AuthenticationError")


async def test_langchain_openai(served: Served) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    async with httpx.AsyncClient(trust_env=False, timeout=60) as web:
        chat = ChatOpenAI(
            model="nightshift",
            base_url=served.base_url,
            api_key=SecretStr(served.key),
            max_retries=0,
            http_async_client=web,
        )
        parts = [part.text async for part in chat.astream(QUESTION)]
        assert ANSWER in "".join(parts)
        answer = await chat.ainvoke(QUESTION)
    assert answer.text == "".join(parts)
    assert answer.usage_metadata
    assert answer.usage_metadata["output_tokens"] > 0


async def test_llm_on_the_command_line(served: Served, tmp_path: Path) -> None:
    guide = (ROOT / "docs/chat-clients.md").read_text()
    [entry] = re.findall(r"```yaml\n# extra-openai-models.yaml.*?\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "extra-openai-models.yaml").write_text(entry.replace(GUIDES_URL, served.base_url))
    program = Path(sys.executable).with_name("llm")
    words = ("-m", "nightshift", "--key", served.key, QUESTION)
    told = await spoken(str(program), *words, LLM_USER_PATH=str(tmp_path))
    assert ANSWER in told


async def test_curl(served: Served) -> None:
    body = json.dumps({"model": "nightshift", "stream": True, "messages": QUESTIONS})
    told = await spoken(
        *("curl", "-sSN", "--fail-with-body", f"{served.base_url}/chat/completions", "-d", body),
        *("-H", f"Authorization: Bearer {served.key}", "-H", "Content-Type: application/json"),
    )
    events = [line.removeprefix("data: ") for line in told.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert ANSWER in "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


async def test_httpx_sse_is_cut_and_reads_on_without_a_gap(served: Served) -> None:
    thread = await asked_in_a_thread(served)
    path, headers = f"{served.town.url}/api/v1/threads/{thread}/events", {"Authorization": f"Bearer {served.key}"}
    ids: list[int] = []
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        for connection in itertools.count():
            resumed = {"Last-Event-ID": str(ids[-1])} if ids else {}
            async with aconnect_sse(client, "GET", path, headers=resumed) as source:
                async for event in source.aiter_sse():
                    ids.append(int(event.id))
                    if event.event == "run.finished" or (connection < 2 and len(ids) >= 3 * (connection + 1)):
                        break
            if event.event == "run.finished":
                break
    assert connection == 2
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) > 6


async def test_eventsource_is_cut_and_reads_on_by_itself(served: Served) -> None:
    thread = await asked_in_a_thread(served)
    words = (served.town.url, served.key, thread, "3", "run.finished")
    [seen] = await asyncio.to_thread(run_script, "eventsource.mjs", *words)
    assert (seen["connects"], seen["resumedFrom"]) == (2, [None, "3"])
    assert seen["ids"] == list(range(1, len(seen["ids"]) + 1))


async def test_ag_ui_asks_is_interrupted_and_resumes_to_the_end(served: Served) -> None:
    town = served.town
    words = (town.url, served.key, "checkout", f"please poke shop, #{served.numbers['shop']}", "approve")
    script = asyncio.create_task(asyncio.to_thread(run_script, "ag_ui.mjs", *words))

    async def is_poked() -> bool:
        return script.done() or any(row["service"] == "shop" for row in town.target.effective())

    await until("the poke", is_poked)
    await town.clear(served.alerts["shop"])
    seen = {line["what"]: line for line in await script}
    asked, resumed = seen["asked"], seen["resumed"]
    assert asked["types"][0] == "RUN_STARTED"
    assert asked["types"][-1] == "RUN_FINISHED"
    assert asked["tools"] == ["propose_action"]
    [card] = asked["pending"]
    assert (card["reason"], "poke v" in card["message"]) == ("approval", True)
    assert "pending interrupt" in seen["client refused"]["message"]
    assert (resumed["errors"], resumed["pending"]) == ([], [])
    assert resumed["text"].startswith("Approved: poke v")
    assert "helped, still watched (signals_good)" in resumed["text"]
    assert "nightshift.execution.changed" in resumed["custom"]
    assert town.rows("SELECT verdict FROM approval_votes WHERE via = 'ag-ui'") == [{"verdict": "approve"}]


async def asked_in_a_thread(served: Served) -> str:
    """A thread of the API's own door with a question in it."""
    town = served.town
    thread = str((await town.ask("POST", "/threads", {}, who="on-call"))["id"])
    await town.ask("POST", f"/threads/{thread}/messages", {"text": QUESTION}, who="on-call")
    return thread


async def spoken(*command: str, **environment: str) -> str:
    """What a program prints; AssertionError where it fails."""
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=PROGRAM_S, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return str(done.stdout)
