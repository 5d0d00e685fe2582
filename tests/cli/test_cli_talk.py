"""`nightshift ask` and `chat`: answers on stdout, everything else on stderr, and Ctrl-C stops what was asked."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.worker import run_worker
from evals.scripted_model import Turn, scripted_model

SLOW = Turn("It goes on and on. " * 40, pace_s=0.1)


@pytest.fixture
async def working(office: Any) -> AsyncIterator[Any]:
    """A worker beside the server."""
    work = asyncio.create_task(run_worker(office.house))
    yield office
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def with_model(office: Any, base_url: str) -> None:
    office.house.settings = office.house.settings.model_copy(
        update={"openai_base_url": base_url, "openai_api_key": SecretStr("test-key"), "model": "scripted-1"}
    )


async def test_ask_streams_the_answer_and_takes_what_is_piped_in(working: Any) -> None:
    async with scripted_model([Turn("v42 was \x1b[31mdeployed."), Turn("So it was.")]) as server:
        with_model(working, server.base_url)
        ran = await working.run("viewer", "ask", "what", "changed?", typed="ERROR card refused\n")
        assert (ran.code, ran.out) == (0, "v42 was \\u001b[31mdeployed.\n"), ran.err
        asked = server.requests[0]["messages"][-1]["content"]
        assert "what changed?" in asked
        assert "ERROR card refused" in asked
        threads = await working.run("viewer", "ask", "sure?", "--json")
    found = json.loads(threads.out)
    assert (found["text"], found["outcome"], found["reason"]) == ("So it was.", "answered", "")


async def test_chat_goes_on_in_one_conversation_without_a_model(working: Any) -> None:
    number = await working.trouble()
    ran = await working.run("responder", "chat", "--incident", str(number), typed="status\n\nwhat changed?\n")
    assert ran.code == 0, ran.err
    assert "checkout" in ran.out
    assert "v42" in ran.out
    thread = ran.err.rpartition("--thread ")[2].strip()
    async with working.house.store.begin() as conn:
        runs = await (await conn.execute("SELECT text, thread_id FROM thread_runs ORDER BY seq")).fetchall()
    assert [(run["text"], str(run["thread_id"])) for run in runs] == [("status", thread), ("what changed?", thread)]
    strange = await working.run("viewer", "ask", "joke", "--thread", thread)
    assert strange.code == 2, "it could not be answered"
    foreign = await working.run("viewer", "ask", "hello", "--thread", "0193f0a0-0000-7000-8000-000000000000")
    assert (foreign.code, foreign.out) == (1, "")
    assert (await working.run("viewer", "ask")).code == 1


async def test_ctrl_c_stops_the_answer(working: Any) -> None:
    async with scripted_model([SLOW]) as server:
        with_model(working, server.base_url)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
            "NIGHTSHIFT_URL": working.url, "NIGHTSHIFT_TOKEN": working.keys["viewer"],
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli.main", "ask", "and?", env=environment, cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(30):
            begun = await process.stdout.read(4)
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        assert (process.returncode, err.decode().strip()) == (130, "(stopped)")
        assert (begun + out).decode().startswith("It goes")
    async with working.house.store.begin() as conn:
        [run] = await (await conn.execute("SELECT state, answer FROM thread_runs")).fetchall()
    assert run["state"] == "cancelled"
    assert run["answer"].startswith("It goes")
