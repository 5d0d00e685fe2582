"""Conversations: ask, read along from any row on, stop. What is asked is answered whether somebody reads or not."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.access import Principal, Role, house_of, needs, once
from api.conversing import put
from api.problems import Problem, documented
from api.routes.incidents import find
from api.routes.page import BeforeId, Limit, page_of
from api.routes.thread_forms import (
    Asked,
    Cancelled,
    NewThread,
    Said,
    Thread,
    ThreadDetail,
    ThreadPage,
    ThreadRow,
    ThreadRowPage,
)
from api.streaming import STREAM, After, Follow, LastEventId, RowLimit, Stream, page, place
from core.errors import NotFound, Refused
from core.plain_text import storable
from engine import chatting
from engine.approving import Person
from store import thread_runs, threads
from store.pool import Connection, Row

router = APIRouter(prefix="/api/v1", tags=["chat"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
RUNS_SHOWN = 20


@router.post("/threads", response_model=ThreadDetail, status_code=201, responses=documented(401, 403, 404, 409, 422))
async def begin(request: Request, caller: Viewer, body: NewThread) -> Response:
    """Begin a conversation, in general or about an incident."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            incident = await find(conn, body.incident) if body.incident else None
            made = await threads.create(
                conn,
                person_id=caller.id,
                door="api",
                incident_id=incident["id"] if incident else None,
                title=storable(body.title).strip(),
            )
            return 201, await _detail(conn, made)

        return await once(request, caller, conn, work)


@router.get("/threads", response_model=ThreadPage, responses=documented(401, 403, 404, 422))
async def list_threads(
    request: Request,
    caller: Viewer,
    incident: Annotated[
        str | None, Query(min_length=1, description="Those about this one, whoever began them.")
    ] = None,
    whose: Annotated[Literal["mine", "all"], Query(description="`all` is for admins.")] = "mine",
    before: BeforeId = None,
    limit: Limit = 50,
) -> Any:
    """Your conversations, or those about an incident, newest first."""
    if whose == "all" and not caller.role.covers(Role.ADMIN):
        raise Problem(403, "Only an admin sees everybody's conversations.", reason="role_missing")
    async with house_of(request).store.begin() as conn:
        about = None if incident is None else (await find(conn, incident))["id"]
        person = caller.id if about is None and whose == "mine" else None
        rows = await threads.page(conn, person=person, incident=about, before=before, rows=limit + 1)
    return page_of(rows, limit, _shown)


@router.get("/threads/{thread_id}", response_model=ThreadDetail, responses=documented(401, 403, 404, 422))
async def get_thread(request: Request, caller: Viewer, thread_id: UUID) -> Any:
    """One conversation and its newest runs."""
    async with house_of(request).store.begin() as conn:
        return await _detail(conn, await _readable(conn, caller, thread_id))


@router.post(
    "/threads/{thread_id}/messages",
    response_model=Asked,
    status_code=202,
    responses=documented(401, 403, 404, 409, 422, 429),
)
async def say(request: Request, caller: Viewer, thread_id: UUID, body: Said) -> Response:
    """Ask. The answer comes as rows of the conversation, behind what waits there already."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            thread = await _readable(conn, caller, thread_id)
            if thread["incident_id"] is None and thread["person_id"] != caller.id:
                raise Refused("This conversation is somebody else's: begin one of your own.", "not_yours")
            person = Person(caller.id, caller.name, via="api")
            run = await put(conn, thread, person, caller.role, body.text, language=body.language)
            return 202, {
                "thread_id": str(thread_id),
                "run_id": str(run["id"]),
                "seq": run["seq"],
                "state": run["state"],
                "events": f"/api/v1/threads/{thread_id}/events?after={run['seq'] - 1}",
            }

        return await once(request, caller, conn, work)


@router.post("/threads/{thread_id}/cancel", response_model=Cancelled, responses=documented(401, 403, 404, 409, 422))
async def cancel(request: Request, caller: Viewer, thread_id: UUID) -> Response:
    """Stop the answers to what you asked; from operator on, to what anybody asked."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            await _readable(conn, caller, thread_id)
            person = Person(caller.id, caller.name, via="api")
            everyone = caller.role.covers(Role.OPERATOR)
            return 200, {"cancelled": await chatting.cancel(conn, thread_id, person, everyone=everyone)}

        return await once(request, caller, conn, work)


@router.get(
    "/threads/{thread_id}/events",
    response_model=ThreadRowPage,
    responses={200: STREAM, **documented(401, 403, 404, 422)},
)
async def read_rows(
    request: Request,
    caller: Viewer,
    thread_id: UUID,
    after: After = 0,
    limit: RowLimit = 200,
    follow: Follow = True,
    last_event_id: LastEventId = None,
) -> Any:
    """The conversation from a number on: as a stream that goes on, or as a page."""
    seen = place(after, last_event_id)
    async with house_of(request).store.begin() as conn:
        await _readable(conn, caller, thread_id)
        rows = [] if follow else await threads.after(conn, thread_id, seen, rows_max=limit + 1)
    if follow:
        return Stream(request, caller, threads.source(thread_id), seen, ThreadRow)
    return page(rows, limit)


async def _readable(conn: Connection, caller: Principal, thread_id: UUID) -> Row:
    """The thread, if the caller may read it: their own, one about an incident, or any for an admin. A foreign one is
    told from one that does not exist by nobody else."""
    thread = await threads.get(conn, thread_id)
    is_open = thread["incident_id"] is not None or thread["person_id"] == caller.id
    if not is_open and not caller.role.covers(Role.ADMIN):
        raise NotFound("There is no such thread; list yours with GET /api/v1/threads.")
    return thread


async def _detail(conn: Connection, thread: Row) -> dict[str, Any]:
    runs = await thread_runs.newest(conn, thread["id"], RUNS_SHOWN)
    return ThreadDetail.model_validate({**_shown(thread), "runs": runs}, from_attributes=True).model_dump(mode="json")


def _shown(thread: Row) -> dict[str, Any]:
    return Thread.model_validate({**thread, "last": thread["event_seq"]}).model_dump(mode="json")
