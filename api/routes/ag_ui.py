"""AG-UI 1.0 over our threads: text, tool calls, an interrupt for each card, and `resume` to decide on it.

A resumed interrupt is decided only if this thread showed it and the key is of a person with the approval's role;
everything else ends the run with an error that names the reason, and the card goes on waiting.
"""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.access import Principal, Role, house_of, needs
from api.ag_ui_events import Event, Run
from api.conversing import ANSWER_S_MAX, Asked, ask, language_for, rows_of, text_of
from api.problems import Problem, documented
from api.routes.ag_ui_forms import STREAM, Decision, Resumed, RunInput
from api.streaming import Still
from core.card_text import decided_words
from core.catalogue import Language, say
from core.errors import IllegalTransition, NightshiftError, Refused
from core.phrases_answers import STATES
from core.phrases_compat import PHRASES
from core.plain_text import storable
from engine.approving import Person
from engine.execution_news import ENOUGH, follow_execution
from engine.shown_cards import Decided, decide_shown
from store import threads

router = APIRouter(tags=["chat, compatible"])
DOOR = "ag-ui"
PING_S = 15
SEND_S_MAX = 30.0


@router.post(
    "/ag-ui", response_class=EventSourceResponse, responses={200: STREAM, **documented(400, 401, 403, 404, 409, 422)}
)
async def run_agent(
    request: Request, caller: Annotated[Principal, Depends(needs(Role.VIEWER))], body: RunInput
) -> Response:
    """Ask the last message, or answer the interrupts of `resume`. The thread is the client's own `threadId`."""
    run = Run(body.thread_id, body.run_id, body.messages)
    if body.resume:
        events = _resumed(request, caller, body, run)
    else:
        text = _last_said(body.messages)
        language = language_for(request, text)
        asked = await ask(request, caller, door=DOOR, outside_key=body.thread_id, text=text, language=language)
        events = _answered(request, caller, asked, run, language)

    async def frames() -> AsyncIterator[ServerSentEvent]:
        async for event in events:
            yield ServerSentEvent(json.dumps(event, ensure_ascii=False, default=str), sep="\n")

    return EventSourceResponse(frames(), ping=PING_S, send_timeout=SEND_S_MAX)


async def _answered(
    request: Request, caller: Principal, asked: Asked, run: Run, language: Language
) -> AsyncIterator[Event]:
    for event in run.opening():
        yield event
    async for row in rows_of(request, caller, asked):
        for event in run.take(row):
            yield event
        if run.is_over:
            return
    for event in run.fail("not_over", say(PHRASES, "too_long", language, thread=asked.thread_id)):
        yield event


async def _resumed(request: Request, caller: Principal, body: RunInput, run: Run) -> AsyncIterator[Event]:
    """Decide one after the other, tell what came of it, and stay until what was approved has an outcome."""
    language = language_for(request, "")
    for event in run.opening():
        yield event
    approved: list[Decided] = []
    for resumed in body.resume or ():
        try:
            words, decided = await _decide(request, caller, body.thread_id, resumed, language)
        except NightshiftError as error:
            for event in run.fail(getattr(error, "reason", "") or "not_possible", error.detail):
                yield event
            return
        for event in (*run.say(words), *run.close()):
            yield event
        if decided and decided.approval["state"] == "approved":
            approved.append(decided)
    for decided in approved:
        async for event in _outcome(request, caller, decided, run, language):
            yield event
    for event in run.finish({"type": "success"}):
        yield event


async def _decide(
    request: Request, caller: Principal, thread_key: str, resumed: Resumed, language: Language
) -> tuple[str, Decided | None]:
    """Decide on one card: what came of it in words. Raises what forbids it."""
    async with house_of(request).store.begin() as conn:
        thread = await threads.create(conn, person_id=caller.id, door=DOOR, outside_key=thread_key)
        if resumed.status == "cancelled":
            card = await _card(conn, thread["id"], resumed.interrupt_id)
            words = say(PHRASES, "left_waiting", language, playbook=card["playbook"], target=card["target"])
            return words, None
        decision = _decision(resumed.payload)
        verdict = decision.decided()
        if verdict is None:
            raise Refused("The payload must say `verdict`: approve or reject.", "no_verdict")
        decided = await decide_shown(
            conn,
            thread["id"],
            Person(caller.id, caller.name, via=DOOR),
            caller.role,
            approval=resumed.interrupt_id,
            verdict=verdict,
            intent_hash=decision.intent_hash,
            reason=storable(decision.reason),
        )
    return decided_words(verdict, decided.approval["card"], decided.missing, language), decided


async def _card(conn: Any, thread_id: Any, approval_id: str) -> dict[str, Any]:
    for row in await threads.cards(conn, thread_id):
        if str(row["body"]["approval_id"]) == approval_id:
            return dict(row["body"]["card"])
    raise IllegalTransition("This conversation showed no card of that id.", "not_shown_here")


def _decision(payload: Any) -> Decision:
    try:
        return Decision.model_validate(payload if isinstance(payload, dict) else {"approved": payload})
    except ValidationError:
        raise Refused("The payload must say `verdict`: approve or reject.", "no_verdict") from None


async def _outcome(
    request: Request, caller: Principal, decided: Decided, run: Run, language: Language
) -> AsyncIterator[Event]:
    """What becomes of an approved action: each change as a line and as an event of its own."""
    row = decided.approval
    still = Still(request, caller)
    is_known = False
    async for news in follow_execution(
        house_of(request).store,
        row["incident_id"],
        row["execution_id"],
        decided.after,
        wait_s=ANSWER_S_MAX,
        still=still.may_stay,
    ):
        yield {
            "type": "CUSTOM",
            "name": f"nightshift.{news['kind']}",
            "value": {**news["body"], "reason": news["reason"]},
        }
        if news["kind"] == "execution.changed":
            words = say(STATES, news["body"]["to"], language)
            for event in run.say(f"{words} ({news['reason']})\n"):
                yield event
            is_known = news["body"]["to"] in ENOUGH
    if not is_known:
        for event in run.say(say(PHRASES, "still_running", language)):
            yield event


def _last_said(messages: list[dict[str, Any]]) -> str:
    last = messages[-1] if messages else {}
    if last.get("role") != "user" or not (text := storable(text_of(last.get("content"))).strip()):
        raise Problem(422, "The last message must be the user's, with text.", reason="no_user_message")
    return text
