"""Learning: how often each playbook helped, what is known of each kind of trouble, and what it recommends."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from api.access import Principal, Role, house_of, needs
from api.problems import Problem, documented
from api.routes.incidents import find
from api.routes.learning_forms import LearnedPage, Recommended, Summary, SummaryPage
from core.advice import advise
from core.alert import AlertClass
from core.errors import NotFound
from core.incident import signature_class, signature_family
from core.rates import Outcome, TrackRecord, track_record
from core.recommendation import Recommendation, agreement, best_of, status
from core.site import Site
from knowledge.records import Where, track_records, with_rest
from store import alerts, diagnoses, learning
from store.pool import Connection, Row
from tools.act.proposals import current_playbooks

router = APIRouter(prefix="/api/v1", tags=["learning"])
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Signature = Annotated[str, Query(max_length=500, description="A kind of trouble, as incidents show it.")]


@router.get("/learning/stats", response_model=LearnedPage, responses=documented(401, 403))
async def learned(request: Request, caller: Viewer) -> Any:
    """How often each playbook helped: n of N with the 95 % interval, by kind of trouble."""
    async with house_of(request).store.begin() as conn:
        rows = await learning.history(conn)
        by_hand = await learning.human_fixes(conn)
    seen: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        seen[row["playbook_id"], row["signature"]].append(row)
    hands = {(row["playbook_id"], row["signature"]): row["times"] for row in by_hand}
    return {"items": [_learned(*key, _counted(seen[key]), hands.get(key, 0)) for key in sorted(seen)]}


@router.get("/learning/recommendation", response_model=Recommended, responses=documented(401, 403, 404, 422))
async def recommendation(
    request: Request,
    caller: Viewer,
    incident: Annotated[str | None, Query(max_length=40, description="An incident's number or id.")] = None,
    signature: Signature | None = None,
    environment: Annotated[str, Query(max_length=200)] = "",
) -> Any:
    """What history recommends for an incident or a kind of trouble, from 5 outcomes and 6 of 10 that helped on.

    Otherwise the least invasive playbook that fits is named, marked as the default.
    """
    if (incident is None) == (signature is None):
        raise Problem(422, "Give either incident or signature.", reason="one_of_two")
    return await _advice(request, incident, signature or "", environment)


@router.get(
    "/learning/recommendation/{signature:path}", response_model=Recommended, responses=documented(401, 403, 422)
)
async def recommendation_for_kind(
    request: Request,
    caller: Viewer,
    signature: str,
    environment: Annotated[str, Query(max_length=200)] = "",
) -> Any:
    """What history recommends for a kind of trouble."""
    return await _advice(request, None, signature, environment)


async def _advice(request: Request, incident: str | None, signature: str, environment: str) -> dict[str, Any]:
    house = house_of(request)
    site = await house.site()
    async with house.store.begin() as conn:
        where, name, cause = await _asked(conn, site, incident, signature, environment)
        kind = _class(where.signature)
        fitting = [book for book in (await current_playbooks(conn, site)).values() if book.fits(kind, name)]
        records = await track_records(conn, where, fitting)
    advice = advise(fitting, records, cause)
    return {
        "signature": where.signature, "environment": where.environment, "service": where.service,
        "basis": advice.basis, "reasons": advice.reasons, "disagreement": advice.disagreement,
        "recommendation": advice.recommendation and _recommended(advice.recommendation),
    }  # fmt: skip


@router.get("/learning/summary", response_model=SummaryPage, responses=documented(401, 403, 422))
async def summaries(
    request: Request,
    caller: Viewer,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Rows in one answer, at most.")] = 100,
) -> Any:
    """What is known of each kind of trouble, the most frequent first; and what the shadow mode would have done."""
    async with house_of(request).store.begin() as conn:
        items = await _summaries(conn, None, limit)
        rows = await learning.shadow(conn)
    return {"items": items, "shadow": _shadow(rows)}


@router.get("/learning/summary/{signature:path}", response_model=Summary, responses=documented(401, 403, 404))
async def summary(request: Request, caller: Viewer, signature: str) -> Any:
    """What is known of one kind of trouble."""
    async with house_of(request).store.begin() as conn:
        found = await _summaries(conn, signature, 1)
    if not found:
        said = f"No incident has the signature {signature[:200]!r}"
        raise NotFound(f"{said}. List them with: nightshift playbooks learned")
    return found[0]


async def _asked(
    conn: Connection, site: Site, ref: str | None, signature: str, environment: str
) -> tuple[Where, str, str]:
    """Where the question is about, the alert's name, and the cause that was found today (empty where none was)."""
    half_life_s = site.timings.rate_half_life_s
    if ref is None:
        return Where(signature, environment, half_life_s=half_life_s), signature_family(signature), ""
    incident = await find(conn, ref)
    rows = await alerts.summary(conn, incident["id"])
    known = await diagnoses.last(conn, incident["id"])
    cause = str(known["body"].get("cause", "")) if known else ""
    return Where.of(incident, half_life_s), rows[0]["name"] if rows else "", cause


def _class(signature: str) -> AlertClass:
    try:
        return signature_class(signature)
    except ValueError:
        said = (
            f"{signature[:200]!r} is no signature."
            if signature
            else "Nobody has looked yet what kind of trouble it is."
        )
        raise Problem(422, said, reason="no_signature") from None


def _recommended(found: Recommendation) -> dict[str, Any]:
    return {
        "action": found.playbook.action, "playbook_id": found.playbook.id, "confidence": found.confidence,
        "expected": found.record.expected, "tier": found.playbook.tier, "based_on": found.based_on,
        "avg_execution_time_s": found.record.seconds,
        "words": found.record.words(),
        "alternatives": [
            {"playbook_id": book.id, "action": book.action, "confidence": record.cautious,
             "expected": record.expected, "based_on": record.tried, "words": record.words()}
            for book, record in found.alternatives
        ],
    }  # fmt: skip


async def _summaries(conn: Connection, signature: str | None, limit: int) -> list[dict[str, Any]]:
    """Everything of each signature, read once and put together here."""
    by_signature: dict[str, list[Row]] = defaultdict(list)
    for row in await learning.history(conn, signature=signature):
        by_signature[row["signature"]].append(row)
    by_hand: dict[str, list[Row]] = defaultdict(list)
    for row in await learning.human_fixes(conn, signature):
        by_hand[row["signature"]].append(row)
    shadow: dict[str, list[Row]] = defaultdict(list)
    for row in await learning.shadow(conn, signature):
        shadow[row["signature"]].append(row)
    return [
        _summary(row, by_signature[row["signature"]], by_hand[row["signature"]], shadow[row["signature"]])
        for row in await learning.occurrences(conn, signature, rows=limit)
    ]


def _summary(seen: Row, rows: list[Row], by_hand: list[Row], shadow: list[Row]) -> dict[str, Any]:
    actions: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        actions[row["playbook_id"]].append(row)
    records = [(name, _counted(actions[name])) for name in sorted(actions)]
    whole = _counted(rows)
    hands = {row["playbook_id"]: row["times"] for row in by_hand}
    return {
        "signature": seen["signature"], "occurrences": seen["occurrences"], "last_at": seen["last_at"],
        "attempts": whole.tried, **_numbers(whole), "status": status(whole.helped, whole.tried),
        "actions": [_learned(name, seen["signature"], record, hands.get(name, 0)) for name, record in records],
        "best_action": best_of(records),
        "by_hand": [{"playbook_id": r["playbook_id"], "words": r["words"], "times": r["times"]} for r in by_hand
                    if not r["is_alone"]],
        "went_away_alone": sum(row["times"] for row in by_hand if row["is_alone"]),
        "shadow": _shadow(shadow),
    }  # fmt: skip


def _shadow(rows: Iterable[Row]) -> dict[str, Any]:
    found = agreement((row["proposed"], row["done"]) for row in rows)
    return {"agreed": found.agreed, "compared": found.compared, "open": found.open, "words": found.words()}


def _counted(rows: Iterable[Row]) -> TrackRecord:
    kept = list(rows)
    return with_rest(track_record(Outcome(row["outcome"]) for row in kept), kept)


def _learned(playbook_id: str, signature: str, record: TrackRecord, by_hand: int) -> dict[str, Any]:
    return {"playbook_id": playbook_id, "signature": signature, **_numbers(record), "by_hand": by_hand}


def _numbers(record: TrackRecord) -> dict[str, Any]:
    low, high = record.interval
    return {
        "helped": record.helped, "tried": record.tried, "apart": record.apart, "rate": record.rate, "low": low,
        "high": high, "words": record.words(), "returned": record.returned, "avg_execution_time_s": record.seconds,
    }  # fmt: skip
