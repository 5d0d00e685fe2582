"""Past fixes: remembered in five elements after a verdict, found again by signature, words and meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.plain_text import cut, storable
from core.rates import Outcome
from knowledge.embedding import Embedder
from store import fixes, jobs
from store.pool import Connection, Row, Store

ELEMENT_CHARS_MAX = 2_000
BATCH_ROWS = 50
BATCHES_MAX = 20
RANKS_DEEP = 20
# Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009): a large constant lets no single list dominate.
FUSION = 60
# Nearest is not near: below this cosine a neighbour is not a memory. E5 models put even strangers above 0.7.
SIMILARITY_MIN = {"multilingual-e5": 0.83}
SIMILARITY_MIN_ELSE = 0.4


@dataclass(frozen=True, slots=True)
class PastFix:
    """One remembered repair, why it was found (`matched`), and how far up all lists it stood (`score`)."""

    id: UUID
    incident_id: UUID
    incident_number: int
    signature: str
    environment: str
    event: str
    symptoms: str
    action: str
    result: str
    lesson: str
    created_at: datetime
    same_signature: bool
    matched: tuple[str, ...]
    score: float
    execution_id: UUID | None = None
    similarity: float = 0.0


async def recall(
    conn: Connection,
    *,
    signature: str,
    words: str,
    environment: str,
    vector: Sequence[float] | None = None,
    model: str | None = None,
    rows_max: int = 5,
) -> list[PastFix]:
    """The fixes to think of: the same signature first, then by the fused ranks of words and meaning."""
    # A text without a single word is no question; the signature then stands for it.
    words = words if any(c.isalnum() for c in words) else signature
    lexical = await fixes.by_words(
        conn, signature, cut(storable(words), ELEMENT_CHARS_MAX), environment, rows=RANKS_DEEP
    )
    near: list[Row] = []
    if vector and model:
        near = [
            row
            for row in await fixes.by_vector(conn, vector, model, rows=RANKS_DEEP)
            if row["score"] >= _similarity_min(model)
        ]
    rows = {row["id"]: row for row in (*near, *lexical)}
    scores = {key: _score(key, lexical) + _score(key, near) for key in rows}
    reasons = {key: _reasons(key, signature, lexical, near) for key in rows}
    order = sorted(rows, key=lambda key: (rows[key]["signature"] != signature, -scores[key], str(key)))
    alike = {row["id"]: float(row["score"]) for row in near}
    return [_past_fix(rows[key], signature, reasons[key], scores[key], alike.get(key, 0.0)) for key in order[:rows_max]]


async def remember(
    conn: Connection, incident: Row, execution: Row, diagnosis: Mapping[str, Any], outcome: Outcome
) -> UUID | None:
    """Write the five elements of a repair, once, and queue their embedding in the same transaction."""
    values = {
        "incident_id": incident["id"],
        "execution_id": execution["id"],
        "signature": execution["signature"],
        "environment": execution["environment"],
        "event": f"{incident['title']} ({execution['environment']})",
        "symptoms": _symptoms(diagnosis),
        "action": _action(execution),
        "result": RESULTS[outcome],
        "lesson": _lesson(execution, diagnosis, outcome),
    }
    fix_id = await fixes.remember(conn, _storable(values))
    if fix_id:
        await jobs.defer(conn, "embed_fixes", lock="embed_fixes", once="embed_fixes")
    return fix_id


async def remember_by_hand(conn: Connection, incident: Row, did: str, diagnosis: Mapping[str, Any]) -> UUID:
    """The five elements of what a person did; a later answer takes the place of an earlier one."""
    cause = str(diagnosis.get("cause", "unknown")).replace("_", " ")
    values = {
        "incident_id": incident["id"],
        "signature": incident["signature"],
        "environment": incident["environment"],
        "event": f"{incident['title']} ({incident['environment']})",
        "symptoms": _symptoms(diagnosis),
        "action": f"by hand: {did}",
        "result": "A person says that it fixed it.",
        "lesson": f"When the cause was found to be '{cause}', a person fixed it by hand: {did}.",
    }
    fix_id = await fixes.remember_by_hand(conn, _storable(values))
    await jobs.defer(conn, "embed_fixes", lock="embed_fixes", once="embed_fixes")
    return fix_id


async def forget_by_hand(conn: Connection, incident: Row) -> None:
    """Nobody did anything after all, says a later answer."""
    await fixes.forget_by_hand(conn, incident["id"])


async def embed_waiting(store: Store, embedder: Embedder) -> int:
    """Give vectors to fixes that have none of this model, at most 1,000; how many. The model works outside of
    any transaction, and one that does not answer (Unavailable) leaves the rest waiting."""
    done = 0
    for _ in range(BATCHES_MAX):
        async with store.begin() as conn:
            rows = await fixes.unembedded(conn, embedder.name, rows=BATCH_ROWS)
        if not rows:
            break
        vectors = await embedder.embed([f"{r['event']}\n{r['symptoms']}\n{r['lesson']}" for r in rows], query=False)
        async with store.begin() as conn:
            for row, vector in zip(rows, vectors, strict=True):
                await fixes.embed(conn, row["id"], vector, embedder.name)
        done += len(rows)
    return done


RESULTS = {
    Outcome.STABLE: "It helped, and stayed well for the whole watch.",
    Outcome.INEFFECTIVE: "It did not help: the signals stayed bad.",
    Outcome.REGRESSED: "It helped at first; the trouble came back during the watch.",
    Outcome.FAILED: "The action failed before it had an effect.",
    Outcome.RECOVERED_ALONE: "The signals recovered before the action could have had an effect.",
    Outcome.UNKNOWN: "Nobody knows whether the action took place.",
    Outcome.INCONCLUSIVE: "Too little data or traffic to say whether it helped.",
}


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: cut(storable(v), ELEMENT_CHARS_MAX) if isinstance(v, str) else v for k, v in values.items()}


def _symptoms(diagnosis: Mapping[str, Any]) -> str:
    # What an outsider may have written is not carried into memory.
    facts = [e["statement"] for e in diagnosis.get("evidence", []) if not e.get("outsider")]
    return ". ".join([diagnosis.get("summary", "").rstrip("."), *facts[:6]])


def _action(execution: Row) -> str:
    parameters = execution["intent"].get("parameters", {})
    words = ", ".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return f"{execution['playbook_id']} ({execution['action']}: {words or 'no parameters'})"


def _lesson(execution: Row, diagnosis: Mapping[str, Any], outcome: Outcome) -> str:
    cause = str(diagnosis.get("cause", "unknown")).replace("_", " ")
    found = f"When the cause was found to be '{cause}' on {diagnosis.get('service', 'this service')}"
    match outcome:
        case Outcome.STABLE:
            return f"{found}, {execution['playbook_id']} cured it."
        case Outcome.INEFFECTIVE | Outcome.REGRESSED:
            return f"{found}, {execution['playbook_id']} was not a cure; look for another cause."
        case _:
            return f"{found}, {execution['playbook_id']} was tried, which teaches nothing about whether it cures."


def _similarity_min(model: str) -> float:
    return next((least for name, least in SIMILARITY_MIN.items() if model.startswith(name)), SIMILARITY_MIN_ELSE)


def _score(key: UUID, ranked: Sequence[Row]) -> float:
    return next((1.0 / (FUSION + rank) for rank, row in enumerate(ranked, 1) if row["id"] == key), 0.0)


def _reasons(key: UUID, signature: str, lexical: Sequence[Row], near: Sequence[Row]) -> tuple[str, ...]:
    words = next((row for row in lexical if row["id"] == key), None)
    meaning = next((row for row in near if row["id"] == key), None)
    reasons = ["same signature"] if (words or meaning or {})["signature"] == signature else []
    if words and words["score"] > 0:
        reasons.append("shared words")
    if meaning:
        reasons.append(f"similar meaning ({meaning['score']:.2f})")
    return tuple(reasons)


def _past_fix(row: Row, signature: str, matched: tuple[str, ...], score: float, similarity: float) -> PastFix:
    return PastFix(
        id=row["id"],
        incident_id=row["incident_id"],
        incident_number=row["number"],
        signature=row["signature"],
        environment=row["environment"],
        event=row["event"],
        symptoms=row["symptoms"],
        action=row["action"],
        result=row["result"],
        lesson=row["lesson"],
        created_at=row["created_at"],
        same_signature=row["signature"] == signature,
        matched=matched,
        score=score,
        execution_id=row["execution_id"],
        similarity=similarity,
    )
