"""OpenAI's chat completions over our threads: any front end that speaks them can ask, and show cards as text.

The conversation that a client sends is never trusted: the last message is asked, what came before is in the thread, and
only a card that the thread showed can be decided, by the person whose key it is.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.access import Principal, Role, house_of, needs
from api.conversing import KEY_CHARS_MAX, Asked, ask, language_for, rows_of, text_of
from api.openai_answer import MODEL, Answer
from api.openai_errors import documented, error_body
from api.problems import Problem
from api.routes.openai_forms import STREAM, Completion, CompletionRequest, Model, ModelList, Said
from core.card_text import decided_words
from core.catalogue import Language, say
from core.chore import chore_of, do_chore
from core.errors import BadInput, IllegalTransition, NotFound, Refused
from core.phrases_compat import PHRASES
from core.plain_text import storable
from core.written_decision import Written, read_decision
from engine.approving import Person
from engine.shown_cards import decide_shown
from store import threads
from store.ids import new_id

router = APIRouter(prefix="/v1", tags=["chat, compatible"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
DOOR = "openai"
PING_S = 15
SEND_S_MAX = 30.0
THREAD_HEADERS = ("x-thread-id", "x-openwebui-chat-id")
NO_ID = ("new", "null", "undefined")  # front ends say so before a conversation has a name
NO_RETRY = {"x-should-retry": "false"}  # the question was asked; asking again would ask it twice
BEGAN = 1_767_225_600  # a model has a birthday there


@router.get("/models", response_model=ModelList, responses=documented(401, 403))
async def list_models(caller: Viewer) -> Any:
    """The one that can be asked."""
    return {"object": "list", "data": [_model()]}


@router.get("/models/{name}", response_model=Model, responses=documented(401, 403, 404))
async def get_model(caller: Viewer, name: str) -> Any:
    """One that can be asked."""
    _check_model(name)
    return _model()


@router.post("/chat/completions", response_model=Completion, responses={200: STREAM, **documented(400, 401, 403, 404)})
async def complete(request: Request, caller: Viewer, body: CompletionRequest) -> Response:
    """Ask, and get the answer as a stream or in one piece. The same thread goes on for the same `X-Thread-Id`."""
    _check_model(body.model)
    text = _last_said(body.messages)
    answer = Answer(str(new_id()), int(time.time()), language_for(request, text), len(text), _wants_usage(body))
    if chore := chore_of(text):
        done = do_chore(chore, text, as_json=bool(body.response_format))
        return await _told(body, answer, [done])
    if body.response_format and body.response_format.get("type") != "text":
        raise Problem(400, "Answers are text: leave response_format out.", reason="unsupported_response_format")
    outside_key = await _outside_key(request, caller, body.messages)
    if written := read_decision(text):
        said = await _decide(request, caller, outside_key, written, answer.language)
        return await _told(body, answer, [said])
    asked = await ask(request, caller, door=DOOR, outside_key=outside_key, text=text, language=answer.language)
    headers = {"X-Nightshift-Thread": str(asked.thread_id)}
    if body.stream:
        return _stream(_chunks(request, caller, asked, answer), headers)
    return await _whole(request, caller, asked, answer, headers)


async def _whole(
    request: Request, caller: Principal, asked: Asked, answer: Answer, headers: dict[str, str]
) -> Response:
    async for row in rows_of(request, caller, asked):
        for _ in answer.take(row):
            pass
        if answer.is_over:
            break
    if answer.fault:
        reason, words = answer.fault
        return JSONResponse(error_body(503, words, code=reason), 503, {**headers, **NO_RETRY})
    if not answer.is_over:
        words = say(PHRASES, "too_long", answer.language, thread=asked.thread_id)
        return JSONResponse(error_body(503, words, code="not_over"), 503, {**headers, **NO_RETRY})
    return JSONResponse(answer.whole(), headers=headers)


async def _chunks(request: Request, caller: Principal, asked: Asked, answer: Answer) -> AsyncIterator[dict[str, Any]]:
    yield answer.opening()
    async for row in rows_of(request, caller, asked):
        for chunk in answer.take(row):
            yield chunk
        if answer.is_over:
            break
    else:
        for chunk in answer.say(say(PHRASES, "too_long", answer.language, thread=asked.thread_id)):
            yield chunk
    for chunk in answer.ending():
        yield chunk


async def _told(body: CompletionRequest, answer: Answer, texts: Iterable[str]) -> Response:
    """An answer that is there already."""
    chunks = [answer.opening(), *(chunk for text in texts for chunk in answer.say(text))]
    if not body.stream:
        return JSONResponse(answer.whole())

    async def all_of() -> AsyncIterator[dict[str, Any]]:
        for chunk in (*chunks, *answer.ending()):
            yield chunk

    return _stream(all_of(), {})


def _stream(chunks: AsyncIterator[dict[str, Any]], headers: dict[str, str]) -> Response:
    async def events() -> AsyncIterator[ServerSentEvent]:
        async for chunk in chunks:
            yield ServerSentEvent(json.dumps(chunk, ensure_ascii=False), sep="\n")
        yield ServerSentEvent("[DONE]", sep="\n")

    return EventSourceResponse(events(), ping=PING_S, send_timeout=SEND_S_MAX, headers=headers)


async def _decide(request: Request, caller: Principal, outside_key: str, written: Written, language: Language) -> str:
    """Decide as written, in the thread of this conversation; what came of it in words."""
    try:
        async with house_of(request).store.begin() as conn:
            thread = await threads.create(conn, person_id=caller.id, door=DOOR, outside_key=outside_key)
            decided = await decide_shown(
                conn,
                thread["id"],
                Person(caller.id, caller.name, via=DOOR),
                caller.role,
                approval=written.approval,
                verdict=written.verdict,
                intent_hash=written.intent_hash,
                reason=storable(written.reason),
            )
    except (Refused, IllegalTransition, NotFound, BadInput) as error:
        return say(PHRASES, "refused", language, detail=error.detail)
    return decided_words(written.verdict, decided.approval["card"], decided.missing, language)


async def _outside_key(request: Request, caller: Principal, messages: list[Said]) -> str:
    """What this conversation is called: by a header, or by how it began.

    Two conversations may begin alike. One without an answer in it is new; one with goes on with the newest of its kind.
    """
    for name in THREAD_HEADERS:
        if (given := request.headers.get(name, "").strip()) and given not in NO_ID:
            if len(given) > KEY_CHARS_MAX:
                raise Problem(400, f"{name} has at most {KEY_CHARS_MAX} characters.", reason="thread_id_too_long")
            return f"id:{given}"
    first = next((text_of(said.content) for said in messages if said.role == "user"), "")
    stem = f"began:{hashlib.sha256(storable(first).encode()).hexdigest()[:32]}:"
    if any(said.role == "assistant" for said in messages):
        async with house_of(request).store.begin() as conn:
            if found := await threads.newest_key(conn, person_id=caller.id, door=DOOR, stem=stem):
                return found
    return f"{stem}{new_id()}"


def _last_said(messages: list[Said]) -> str:
    last = messages[-1]
    if last.role != "user" or not (text := storable(text_of(last.content)).strip()):
        raise Problem(400, "The last message must be the user's, with text.", reason="no_user_message")
    return text


def _wants_usage(body: CompletionRequest) -> bool:
    return bool(body.stream and body.stream_options and body.stream_options.include_usage)


def _check_model(name: str) -> None:
    if name != MODEL:
        raise Problem(404, f"There is no model of this name here: use {MODEL}.", reason="model_not_found")


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": BEGAN, "owned_by": "nightshift"}
