"""Answering what was asked: one run of a thread at a time, in order, taken up again where a worker died."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from core.errors import Unavailable
from engine.chatting import Reason, cancel_channel, defer_answer
from engine.house import House
from engine.transcript import Lost, TooLong, Transcript
from store import thread_runs, threads
from store.pool import Connection, Row

if TYPE_CHECKING:
    from agent.chat import Ending

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 5
RUN_S_MAX = 300.0
HISTORY_RUNS_MAX = 100
FORGOTTEN_S = 5.0
WORDS = {
    Reason.ASKER_GONE: "Who asked this does not work here any more.",
    Reason.GAVE_UP: f"This was begun {ATTEMPTS_MAX} times and broken off each time. Ask again.",
    Reason.TOOK_TOO_LONG: f"There was no answer within {RUN_S_MAX:.0f} seconds. Ask for less at once.",
    Reason.ANSWER_TOO_LONG: "The answer grew too long and was cut off. Ask for less at once.",
    Reason.BROKE: "Something broke inside Nightshift; its log tells more. Ask again.",
}


async def answer_thread(house: House, run_id: str) -> None:
    """Answer what waits in the thread of this run, in order; the job of a run that was answered so finds nothing."""
    async with house.store.begin(single=True) as conn:
        thread_id = (await thread_runs.get(conn, UUID(run_id)))["thread_id"]
    while run := await _take_up(house, thread_id):
        await _answer(house, run)


async def _answer(house: House, run: Row) -> None:
    transcript = Transcript(house.store, run)
    try:
        ending = await _answered(house, run, transcript)
        await transcript.flush()
        await _finish(house, run, ending)
    except Lost:
        log.info("answer.lost", run=str(run["id"]), attempt=run["attempt"])
    except Unavailable:
        if run["attempt"] < ATTEMPTS_MAX:
            raise  # the job comes again, as the next attempt
        await _fail(house, run, Reason.GAVE_UP)
    except TimeoutError:
        await _fail(house, run, Reason.TOOK_TOO_LONG)
    except TooLong as error:
        await _fail(house, run, error.reason)
    except Exception as error:
        log.error("answer.broke", run=str(run["id"]), error=repr(error), exc_info=True)
        await _fail(house, run, Reason.BROKE)
    finally:
        await transcript.close()


async def _take_up(house: House, thread_id: UUID) -> Row | None:
    """The first open run, ours from now on; None where nothing is left to answer."""
    async with house.store.begin() as conn:
        await threads.lock(conn, thread_id)
        for waiting in await thread_runs.open_of(conn, thread_id):
            run = await thread_runs.take_up(conn, waiting["id"])
            if run is None:
                continue
            if run["role_now"] is None:
                await _end_with_error(conn, run, Reason.ASKER_GONE)
            elif run["attempt"] > ATTEMPTS_MAX:
                await _end_with_error(conn, run, Reason.GAVE_UP)
            else:
                kind = "run.started" if run["attempt"] == 1 else "run.restarted"
                await threads.append(conn, thread_id, kind, {"attempt": run["attempt"]}, run_id=run["id"])
                conn.wake(cancel_channel(run["id"]))  # who had it before and is only slow hears that it is lost
                return run
    return None


async def _answered(house: House, run: Row, transcript: Transcript) -> "Ending":
    """Let the agent answer, until it has, or nobody wants it any more. Raises Lost, TimeoutError."""
    work = asyncio.create_task(_ask_agent(house, run, transcript))
    lost = asyncio.create_task(_until_lost(house, run))
    try:
        waited = (work, lost, transcript.fault)
        done, _ = await asyncio.wait(waited, timeout=RUN_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        for ended in (lost, transcript.fault):
            if ended in done:
                ended.result()
        if work in done:
            return work.result()
        raise TimeoutError
    finally:
        for task in (work, lost):
            task.cancel()
        await asyncio.gather(work, lost, return_exceptions=True)


async def _ask_agent(house: House, run: Row, transcript: Transcript) -> "Ending":
    chats = await house.chats()
    from agent.chat import Turn

    async with house.store.begin(single=True) as conn:
        history = await thread_runs.history(conn, run, runs_max=HISTORY_RUNS_MAX)
    turn = Turn(
        thread_id=run["thread_id"],
        run_id=run["id"],
        person_id=run["person_id"],
        person_name=run["person"],
        role=run["role_now"],
        text=run["text"],
        incident_id=run["incident_id"],
        language=run["language"],
        history=history,
    )
    return await chats.answer(await house.context(), turn, transcript.emit)


async def _until_lost(house: House, run: Row) -> None:
    """Ends (with Lost) when somebody cancels, or another worker takes the run up."""
    async with house.store.bus.subscribe(cancel_channel(run["id"])) as wakes:
        while True:
            async with house.store.begin(single=True) as conn:
                now = await thread_runs.get(conn, run["id"])
            if now["state"] != "running" or now["attempt"] != run["attempt"]:
                raise Lost
            if await anext(wakes, None) is None:  # the house closes, and this job with it
                await asyncio.Event().wait()


async def _finish(house: House, run: Row, ending: "Ending") -> None:
    """The answer is whole. One that asked for an approval rests until that is decided."""
    approval_id = UUID(ending.approval_id) if ending.approval_id else None
    state, kind = ("paused", "run.paused") if approval_id else ("finished", "run.finished")
    body = {"text": ending.text, "outcome": ending.outcome, "attempt": run["attempt"]}
    async with house.store.begin() as conn:
        await threads.lock(conn, run["thread_id"])
        if not await thread_runs.end(
            conn, run["id"], state, before=["running"], attempt=run["attempt"], outcome=ending.outcome,
            answer=ending.text, approval_id=approval_id,
        ):  # fmt: skip
            raise Lost
        if approval_id:
            body["approval_id"] = str(approval_id)
        await threads.append(conn, run["thread_id"], kind, body, run_id=run["id"])


async def _fail(house: House, run: Row, reason: Reason) -> None:
    async with house.store.begin() as conn:
        await threads.lock(conn, run["thread_id"])
        await _end_with_error(conn, run, reason)


async def _end_with_error(conn: Connection, run: Row, reason: Reason) -> None:
    """End the run, if it is this attempt's, and tell its readers why."""
    text = await thread_runs.said(conn, run["id"])
    ended = await thread_runs.end(
        conn, run["id"], "failed", before=["running"], attempt=run["attempt"], outcome=reason, answer=text
    )
    if ended:
        body = {"reason": reason, "text": WORDS[reason], "said": text}
        await threads.append(conn, run["thread_id"], "error", body, run_id=run["id"])


async def sweep_threads(house: House) -> None:
    """Questions whose job is gone get another; answers that waited for an approval end with what was decided."""
    async with house.store.begin() as conn:
        for run in await thread_runs.forgotten(conn, older_than_s=FORGOTTEN_S):
            log.warning("answer.forgotten", run=str(run["id"]))
            await defer_answer(conn, run["thread_id"], run["id"])
    async with house.store.begin() as conn:
        for run in await thread_runs.decided(conn):
            await _decided(conn, run)


async def _decided(conn: Connection, run: Row) -> None:
    await threads.lock(conn, run["thread_id"])
    state = run["approval_state"]
    if await thread_runs.end(
        conn, run["id"], "finished", before=["paused"], outcome=state, answer=run["answer"],
        approval_id=run["approval_id"],
    ):  # fmt: skip
        told = {"approval_id": str(run["approval_id"]), "state": state}
        await threads.append(conn, run["thread_id"], "approval.decided", told, run_id=run["id"])
        body = {"text": run["answer"], "outcome": state, "approval_id": str(run["approval_id"])}
        await threads.append(conn, run["thread_id"], "run.finished", body, run_id=run["id"])
