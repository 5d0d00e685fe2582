"""The actuator of tickets: looks for the mark first, and opens an issue only where there is none."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from core.errors import Refused
from core.hand import hand_by_id
from core.playbook import ActionType
from core.site import Endpoint
from core.ticket import LABEL, Ticket, ticket_of
from core.tracker import Tracker, TrackerKind
from tools.act import http
from tools.act.actuator import Answer, Effect, Order, Probe, refused, shown
from tools.act.secret import read_secret, read_token

LISTED_MAX = 100


async def act(order: Order) -> Answer:
    """Open the issue, unless one with the same mark is there already."""
    ticket = _ticket(order)
    try:
        tracker = _tracker(order)
        if known := await _find(tracker, ticket):
            return Answer(Effect.DONE, f"it is there already: {known}")
        url, body = _new(tracker, ticket)
        reply = await http.send(
            _endpoint(tracker), "POST", url, body, key=order.key, timeout_s=order.timeout_s, headers=_access(tracker)
        )
    except Refused as error:
        return refused(error.detail)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(Effect.UNKNOWN, f"no whole answer: {shown(error)}")
    made = reply.json()
    if reply.status == 201 and tracker.kind is not TrackerKind.WEBHOOK and isinstance(made, Mapping):
        return Answer(Effect.DONE, f"opened {shown(_name(tracker, made))}")
    return http.judged(reply)


async def probe(order: Order) -> tuple[Probe, str]:
    """Is there an issue with our mark? Jira's search may lag, so only a finding counts; a webhook has no search."""
    try:
        tracker = _tracker(order)
        if tracker.kind is TrackerKind.WEBHOOK:
            return Probe.CANNOT_TELL, f"{tracker.id} cannot be asked what it received"
        known = await _find(tracker, _ticket(order))
    except Refused as error:
        return Probe.CANNOT_TELL, error.detail
    if known:
        return Probe.SAW_EFFECT, f"it is there: {known}"
    late = tracker.kind is TrackerKind.JIRA
    return (Probe.CANNOT_TELL if late else Probe.NO_EFFECT), f"{tracker.id} knows no issue with this mark"


async def _find(tracker: Tracker, ticket: Ticket) -> str:
    """The name of an issue that has our mark in its own field, or an empty string. Raises Refused without an answer."""
    if tracker.kind is TrackerKind.WEBHOOK:
        return ""
    try:
        reply = await http.send(
            _endpoint(tracker), "GET", _search(tracker, ticket), None, key="", timeout_s=http.PROBE_S,
            headers=_access(tracker),
        )  # fmt: skip
    except (httpx.HTTPError, TimeoutError) as error:
        raise Refused(f"{tracker.id} does not answer: {shown(error)}", "not_reached") from error
    found = reply.json() if reply.status == 200 else None
    if tracker.kind is TrackerKind.JIRA and isinstance(found, Mapping):
        found = found.get("issues")
    if not isinstance(found, list):
        raise Refused(f"{tracker.id} gives no list of issues: {reply.said}", "not_understood")
    issues = [issue for issue in found if isinstance(issue, Mapping)]
    return next((shown(_name(tracker, issue)) for issue in issues if ticket.label in _labels(tracker, issue)), "")


def _search(tracker: Tracker, ticket: Ticket) -> str:
    if tracker.kind is TrackerKind.GITHUB:
        query = {"labels": ticket.label, "state": "all", "per_page": LISTED_MAX}
        return f"{tracker.url}/repos/{tracker.project}/issues?{urlencode(query)}"
    if tracker.kind is TrackerKind.GITLAB:
        query = {"labels": ticket.label, "state": "all", "per_page": LISTED_MAX}
        return f"{tracker.url}/projects/{quote(tracker.project, safe='')}/issues?{urlencode(query)}"
    wish = f'project = "{tracker.project}" AND labels = "{ticket.label}"'
    return f"{tracker.url}/rest/api/2/search?{urlencode({'jql': wish, 'fields': 'labels', 'maxResults': LISTED_MAX})}"


def _new(tracker: Tracker, ticket: Ticket) -> tuple[str, dict[str, Any]]:
    labels = [LABEL, ticket.label]
    if tracker.kind is TrackerKind.WEBHOOK:
        return tracker.url, {"title": ticket.title, "body": ticket.body, "mark": ticket.label, "labels": labels}
    if tracker.kind is TrackerKind.GITHUB:
        body = {"title": ticket.title, "body": ticket.body, "labels": labels}
        return f"{tracker.url}/repos/{tracker.project}/issues", body
    if tracker.kind is TrackerKind.GITLAB:
        body = {"title": ticket.title, "description": ticket.body, "labels": ",".join(labels)}
        return f"{tracker.url}/projects/{quote(tracker.project, safe='')}/issues", body
    fields = {"project": {"key": tracker.project}, "issuetype": {"name": tracker.issue_type}}
    words = {"summary": ticket.title, "description": ticket.body, "labels": labels}
    return f"{tracker.url}/rest/api/2/issue", {"fields": {**fields, **words}}


def _labels(tracker: Tracker, issue: Mapping[str, Any]) -> list[str]:
    fields = issue.get("fields")
    given = fields.get("labels") if isinstance(fields, Mapping) else issue.get("labels")
    rows = given if isinstance(given, list) else []
    return [str(row.get("name", "")) if isinstance(row, Mapping) else str(row) for row in rows]


def _name(tracker: Tracker, issue: Mapping[str, Any]) -> str:
    names = {TrackerKind.GITHUB: "html_url", TrackerKind.GITLAB: "web_url", TrackerKind.JIRA: "key"}
    return str(issue.get(names[tracker.kind], "an issue"))


def _access(tracker: Tracker) -> dict[str, str]:
    if tracker.kind is TrackerKind.WEBHOOK and not (tracker.token_file or tracker.token_env):
        return {}
    if tracker.kind is not TrackerKind.JIRA:
        secret = read_token(tracker.token_file, tracker.token_env)
    else:
        secret = read_secret(tracker.token_file, tracker.token_env)
    if tracker.kind is TrackerKind.GITLAB:
        return {"PRIVATE-TOKEN": secret}
    if tracker.kind is TrackerKind.JIRA:
        pair = base64.b64encode(f"{tracker.user}:{secret}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}
    if tracker.kind is TrackerKind.WEBHOOK:
        return {"Authorization": f"Bearer {secret}"}
    accept = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return {"Authorization": f"Bearer {secret}", **accept}


def _endpoint(tracker: Tracker) -> Endpoint:
    return Endpoint(
        tracker.id, ActionType.OPEN_TICKET, "", tracker.url, allow_private=tracker.allow_private,
        networks=tracker.networks,
    )  # fmt: skip


def _ticket(order: Order) -> Ticket:
    return ticket_of(order.intent.incident_id, order.intent.playbook_id, order.card)


def _tracker(order: Order) -> Tracker:
    hand = hand_by_id(order.site, order.intent.action, order.intent.endpoint_id)
    tracker = next((t for t in order.site.trackers if hand and t.id == hand.name), None)
    if tracker is None:
        raise Refused(f"{order.intent.endpoint_id} is not registered any more", "not_registered")
    return tracker
