"""CloudWatch alarms, as they stand in the message of an SNS notification."""

from datetime import datetime
from typing import Any

from core.alert import AlertStatus
from ingest.draft import NO_DATA, Draft, inner, object_of, parse_drafts, text_of, time_of
from ingest.parsed import Flag, Parsed, RejectReason, Unusable

DIMENSIONS_MAX = 30
# Names of dimensions that say where something is, as labels that place it.
PLACES = {"ServiceName": "service", "ClusterName": "cluster", "InstanceId": "instance"}


def parse(body: Any, source: str, now: datetime) -> Parsed:
    """One alarm. Raises Unusable where it is none."""
    given = object_of(body, "The alarm")
    if "AlarmName" not in given or "NewStateValue" not in given:
        raise Unusable(
            RejectReason.WRONG_SHAPE, "This is no CloudWatch alarm: `AlarmName` or `NewStateValue` is missing."
        )
    return parse_drafts([given], source, now, lambda item: _alarm(item, source))


def _alarm(item: dict[str, Any], source: str) -> Draft:
    flags: set[Flag] = set()
    state = text_of(item.get("NewStateValue")).upper()
    if state not in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        flags.add(Flag.STATUS_GUESSED)
    arn = text_of(item.get("AlarmArn"))
    name, account = text_of(item.get("AlarmName")), text_of(item.get("AWSAccountId"))
    key = arn or (f"{account}/{text_of(item.get('Region'))}/{name}" if account else "")
    moment = time_of(item.get("StateChangeTime"), flags)
    is_over = state == "OK"
    trigger = item.get("Trigger")
    parts = arn.split(":")
    labels = {
        **_dimensions(inner(trigger, "Dimensions")),
        "region": parts[3] if len(parts) > 6 else "",
        "account": account,
        "aws_namespace": inner(trigger, "Namespace"),
        "metric": inner(trigger, "MetricName"),
    }
    annotations = {
        "summary": item.get("AlarmDescription"),
        "description": item.get("NewStateReason"),
        "threshold": _threshold(trigger),
        NO_DATA: state if state == "INSUFFICIENT_DATA" else "",
    }
    return Draft(
        f"cloudwatch/{source}:{key}" if key else "",
        name,
        AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        labels,
        annotations,
        None if is_over else moment,
        moment if is_over else None,
        flags=flags,
    )


def _dimensions(given: Any) -> dict[str, str]:
    pairs = given[:DIMENSIONS_MAX] if isinstance(given, list) else []
    named = {text_of(inner(pair, "name")): text_of(inner(pair, "value")) for pair in pairs}
    return named | {PLACES[name]: value for name, value in named.items() if name in PLACES}


def _threshold(trigger: Any) -> str:
    comparison, threshold = inner(trigger, "ComparisonOperator"), inner(trigger, "Threshold")
    return f"{text_of(comparison)} {text_of(threshold)}" if comparison and threshold is not None else ""
