"""The diagnosis as a comment on the Sentry issues of an incident; at least once, and never in anybody's way."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import structlog

from agent.redaction import Redactor
from core.diagnosis import Cause
from core.errors import Unavailable
from engine.house import House
from ingest.sentry import ISSUE_LABEL
from store import alerts, deliveries, diagnoses
from store.pool import Row

log = structlog.get_logger(__name__)

ISSUES_MAX = 5  # of one incident
COMMENT_CHARS_MAX = 8_000
EVIDENCE_SHOWN_MAX = 6
ANSWER_S = 10.0
AGAIN = (429, 500, 502, 503, 504)
_ISSUE = re.compile(r"[0-9]{1,20}")  # it becomes part of an address
FIX = {
    Cause.BAD_RELEASE: "Go back to the release before, then look at what the new one changed.",
    Cause.CHANGE: "Take the change back, then try it again where nobody is hurt.",
    Cause.DEPENDENCY_DOWN: "Repair {service} first; what needs it recovers after it.",
    Cause.INSTANCE_DOWN: "Bring {service} up again, and read why it went down.",
    Cause.UNKNOWN: "None yet: the cause is not known.",
}
PREVENTION = {
    Cause.BAD_RELEASE: "Let a few instances run a release first, and stop it when their errors grow.",
    Cause.CHANGE: "Try such a change where it can be taken back, and watch these signals while it goes out.",
    Cause.DEPENDENCY_DOWN: "Limit how long {service} is waited for, and what fails with it.",
    Cause.INSTANCE_DOWN: "Run more than one instance of {service}, and restart it when its check fails.",
    Cause.UNKNOWN: "Add the signal that was missing, so that the next time has a cause.",
}


async def sentry_comment(house: House, incident_id: str, attempt: int) -> None:
    """Write one comment on each issue. Raises Unavailable where Sentry should be asked again later."""
    settings = house.settings
    token = settings.sentry_token.get_secret_value()
    if not token:
        return
    async with house.store.begin() as conn:
        found = await alerts.of_incident(conn, UUID(incident_id))
        diagnosis = await diagnoses.get(conn, UUID(incident_id), attempt)
        written = await diagnoses.last(conn, UUID(incident_id))
    issues = issues_of(found)
    if diagnosis is None or written is None or not issues:
        return
    when = written["created_at"].strftime("%Y-%m-%d %H:%M UTC")
    text = Redactor().redact(comment(diagnosis, found, when))[:COMMENT_CHARS_MAX]
    for issue in issues[:ISSUES_MAX]:
        known = f"{issue}/{incident_id}/{attempt}"
        async with house.store.begin() as conn:
            if await deliveries.is_taken(conn, "sentry_comment", known):
                continue
        if await _post(house.client, settings.sentry_url.rstrip("/"), token, issue, text):
            async with house.store.begin() as conn:
                await deliveries.take(conn, "sentry_comment", known)


def issues_of(found: Sequence[Row]) -> list[str]:
    """The numbers of the Sentry issues among these alerts, each once."""
    numbers = [str(row["labels"].get(ISSUE_LABEL, "")) for row in found]
    return list(dict.fromkeys(number for number in numbers if _ISSUE.fullmatch(number)))


def comment(diagnosis: Mapping[str, Any], found: Sequence[Row], when: str) -> str:
    """What a person reads below the issue."""
    cause, service = Cause(diagnosis["cause"]), str(diagnosis["service"])
    evidence = [e for e in diagnosis.get("evidence", []) if not e.get("outsider")]
    seen = "".join(f"\n- {e['statement']}" for e in evidence[:EVIDENCE_SHOWN_MAX])
    where = ", ".join(sorted({row["service"] for row in found} - {"", "-"})) or "no named service"
    first = min(row["starts_at"] for row in found).strftime("%Y-%m-%d %H:%M UTC")
    firing = sum(row["ended_at"] is None for row in found)
    sure = "confirmed by two kinds of signals" if diagnosis.get("confirmed") else "a suspicion, not confirmed"
    unknown = "".join(f"\n- {line}" for line in diagnosis.get("unknowns", []))
    parts = {
        "Root cause": f"{diagnosis['summary']}{seen}",
        "Impact": f"{len(found)} alerts ({firing} still firing) on {where} since {first}.",
        "Suggested fix": FIX[cause].format(service=service),
        "Prevention": PREVENTION[cause].format(service=service),
        "Confidence": f"{sure}.{unknown}",
        "Analysed by": f"Nightshift ({diagnosis.get('by') or 'rules'}), {when}",
    }
    return "\n\n".join(f"**{name}**: {text}" for name, text in parts.items())


async def _post(client: httpx.AsyncClient, url: str, token: str, issue: str, text: str) -> bool:
    try:
        answer = await client.post(
            f"{url}/api/0/issues/{issue}/comments/",
            json={"text": text},
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_S,
            follow_redirects=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("sentry.comment_failed", issue=issue, error=type(error).__name__)
        raise Unavailable("Sentry does not answer; the comment is tried again.") from error
    if answer.status_code in AGAIN:
        log.warning("sentry.comment_failed", issue=issue, status=answer.status_code)
        raise Unavailable(f"Sentry answered {answer.status_code}; the comment is tried again.")
    if answer.status_code not in (200, 201):
        log.warning("sentry.comment_refused", issue=issue, status=answer.status_code)
        return False
    log.info("sentry.commented", issue=issue)
    return True
