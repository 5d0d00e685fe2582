"""Is a page held back? What is set and what fires is read here; `core.muting` decides."""

from collections.abc import Sequence
from uuid import UUID

from core.inhibition import Firing, Inhibition, inhibitors
from core.matcher import Operator, all_match
from core.muting import Mute, MuteReason, Suppressions, mute_page
from core.notice_rule import NoticeKind, inhibition_of, silence_of, window_of
from store import firing, jobs, notice_rules, timeline
from store.pool import Connection, Row, now

FIRING_MAX = 10_000
# An alert that nobody silenced may join a silent incident at any time: looked at often while it is young.
RECHECK_S_MIN = 15.0
RECHECK_S_MAX = 120.0
KINDS = (NoticeKind.SILENCE, NoticeKind.WINDOW, NoticeKind.INHIBITION)


async def mute_of(conn: Connection, incident_id: UUID, kind: str) -> Mute:
    """The answer for one kind of news about an incident. An incident too large to judge is told."""
    rows = await notice_rules.in_force(conn, KINDS)
    if not rows:
        return Mute(MuteReason.AUDIBLE)
    alerts = await firing.of_incident(conn, incident_id, rows_max=FIRING_MAX + 1)
    if len(alerts) > FIRING_MAX:
        return Mute(MuteReason.AUDIBLE)
    rules = [inhibition_of(row) for row in rows if row["kind"] == NoticeKind.INHIBITION]
    known = Suppressions(
        tuple(silence_of(row) for row in rows if row["kind"] == NoticeKind.SILENCE),
        tuple(window_of(row) for row in rows if row["kind"] == NoticeKind.WINDOW),
        inhibitors(rules, await _sources(conn, rules, alerts)),
    )
    return mute_page(kind, alerts, known, await now(conn))


async def hold(conn: Connection, incident: Row, kind: str, mute: Mute, before: str) -> None:
    """Keep the page for later: shown once on the timeline for each reason, and asked about again by a timer."""
    name = f"{mute.reason}:{','.join(mute.by)}"
    moment = await now(conn)
    if mute.is_muted and name != before:
        until = mute.until.isoformat() if mute.until else None
        text = f"held back by {', '.join(mute.by)}" + (f" until {until}" if until else "")
        body = {"kind": kind, "by": list(mute.by), "until": until, "text": text}
        await timeline.append(conn, incident["id"], "page.muted", reason=mute.reason, body=body)
    if mute.reason is MuteReason.STORM and kind == "page" and not before:
        return  # the storm tells of it
    age_s = (moment - incident["opened_at"]).total_seconds()
    recheck_s = min(max(age_s / 4, RECHECK_S_MIN), RECHECK_S_MAX)
    left_s = (mute.until - moment).total_seconds() if mute.until else recheck_s
    await jobs.at(
        conn,
        "page_incident",
        f"{incident['id']}:{kind}",
        delay_s=min(left_s, recheck_s),
        incident_id=str(incident["id"]),
        kind=kind,
        muted=name if mute.is_muted else before,
    )


async def _sources(conn: Connection, rules: Sequence[Inhibition], alerts: Sequence[Firing]) -> list[Firing]:
    """Whatever fires and may be a source for these alerts: the database narrows, the core decides."""
    found: dict[str, Firing] = {}
    for rule in rules:
        targets = [alert for alert in alerts if all_match(rule.target, alert.labels)]
        if not targets:
            continue
        fixed = {m.label: m.value for m in rule.source if m.operator is Operator.EQUAL and m.value}
        keys = {rule.key(alert.labels) for alert in targets}
        agreeing = [{name: text for name, text in zip(rule.equal, key, strict=True) if text} for key in sorted(keys)]
        found.update({one.identity: one for one in await firing.sources(conn, fixed, agreeing)})
    return list(found.values())
