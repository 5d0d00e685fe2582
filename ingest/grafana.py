"""Grafana: the webhook of unified alerting (version 1) and the one of the alerting before it; its signature."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.alert import AlertStatus
from ingest.alertmanager import identity
from ingest.draft import NO_DATA, Draft, inner, object_of, parse_drafts, text_of, time_of
from ingest.parsed import Flag, Parsed, RejectReason, Unusable, labels_of
from ingest.signature import SignatureFault, body_fault, stamped_fault

# The documentation names the first, one release of Grafana's library the second; a source may set a third.
SIGNATURE_HEADERS = ("x-grafana-alerting-signature", "x-grafana-alert-signature")
NO_DATA_NAMES = ("DatasourceNoData", "DatasourceError")
SHOWN = {"dashboardURL": "dashboard_url", "panelURL": "panel_url", "silenceURL": "silence_url", "imageURL": "image_url"}
MATCHES_SHOWN_MAX = 20
_LEGACY_FIRING = ("alerting", "no_data")
_LEGACY_QUIET = ("paused", "pending", "unknown")  # nobody evaluates the rule: that is neither trouble nor health


def signature_fault(
    settings: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureFault | None:
    """Over the body, or over `<unix seconds>:<body>` where the source has a header for the time."""
    own = settings.get("signature_header")
    names = (str(own),) if own else SIGNATURE_HEADERS
    given = next((headers[name] for name in names if name in headers), "")
    secret = str(settings["secret"])
    if stamp_header := settings.get("timestamp_header"):
        return stamped_fault(secret, given, headers.get(str(stamp_header), ""), body, now)
    return body_fault(secret, given, body)


def parse(body: Any, source: str, now: datetime) -> Parsed:
    """Either form. Raises Unusable where it is neither."""
    given = object_of(body, "The body")
    if isinstance(given.get("alerts"), list):
        left_out = given.get("truncatedAlerts")
        truncated = max(left_out, 0) if type(left_out) is int else 0
        parsed = parse_drafts(given["alerts"], source, now, lambda item: _unified(item, source))
        return Parsed(parsed.alerts, parsed.rejected, parsed.flagged, truncated)
    if "ruleId" in given or "ruleName" in given:
        quiet = text_of(given.get("state")).lower() in _LEGACY_QUIET
        return Parsed() if quiet else parse_drafts([given], source, now, lambda item: _legacy(item, source))
    raise Unusable(RejectReason.WRONG_SHAPE, "The body must have `alerts` (unified) or `ruleId` (legacy).")


def _unified(item: dict[str, Any], source: str) -> Draft:
    flags: set[Flag] = set()
    labels = labels_of(item.get("labels"), flags)
    fingerprint = text_of(item.get("fingerprint"))
    annotations = dict(item["annotations"]) if isinstance(item.get("annotations"), dict) else {}
    annotations |= {name: item.get(field) for field, name in SHOWN.items()} | {"value": item.get("valueString")}
    if labels.get("alertname") in NO_DATA_NAMES:
        annotations[NO_DATA] = labels["alertname"]
    said = text_of(item.get("status")).lower()
    if said not in ("firing", "resolved"):
        flags.add(Flag.STATUS_GUESSED)
    return Draft(
        # Grafana counts the rule in, whose labels it does not send: two rules of one name stay two alerts.
        f"grafana/{source}:{fingerprint}" if fingerprint else identity(labels),
        labels.get("alertname", "unnamed"),
        AlertStatus.RESOLVED if said == "resolved" else AlertStatus.FIRING,
        labels,
        annotations,
        time_of(item.get("startsAt"), flags),
        time_of(item.get("endsAt"), flags),
        item.get("generatorURL"),
        flags,
    )


def _legacy(item: dict[str, Any], source: str) -> Draft:
    flags: set[Flag] = set()
    state = text_of(item.get("state")).lower()
    if state not in (*_LEGACY_FIRING, "ok"):
        flags.add(Flag.STATUS_GUESSED)
    rule, tags = text_of(item.get("ruleId")), item.get("tags")
    matches = item["evalMatches"][:MATCHES_SHOWN_MAX] if isinstance(item.get("evalMatches"), list) else []
    seen = [f"{text_of(inner(match, 'metric'))}={text_of(inner(match, 'value'))}" for match in matches]
    return Draft(
        f"grafana/{source}:rule/{rule}" if rule else "",
        text_of(item.get("ruleName")) or text_of(item.get("title")),
        AlertStatus.RESOLVED if state == "ok" else AlertStatus.FIRING,
        tags if isinstance(tags, dict) else {},
        {
            "summary": item.get("title"),
            "description": item.get("message"),
            "value": ", ".join(seen),
            "image_url": item.get("imageUrl"),
            NO_DATA: state if state == "no_data" else "",
        },
        url=item.get("ruleUrl"),
        flags=flags,
    )
