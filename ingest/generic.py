"""Any JSON as alerts: fields found by the mapping of paths that the source has, else under their usual names."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.alert import Alert, AlertStatus
from core.canonical import sha256
from core.errors import BadInput
from ingest.alertmanager import parse_each
from ingest.draft import text_of, time_of
from ingest.parsed import (
    Flag,
    Parsed,
    RejectReason,
    Unusable,
    annotations_of,
    cleaned,
    flagged,
    limited,
    url_of,
)

PATH_CHARS_MAX = 256
IDENTITY_PATHS_MAX = 16
LABEL_PATHS_MAX = 32
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\[\"([^\"\\\]]{1,128})\"\]")
Path = tuple[str | int, ...]

USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("alertname", "title", "name", "rule_name", "ruleName", "check", "event", "subject", "summary", "message"),
    "severity": ("severity", "level", "priority", "urgency"),
    "service": ("service", "service_name", "serviceName", "app", "application", "component"),
    "environment": ("environment", "env"),
    "status": ("status", "state", "alert_status", "event_type"),
    "instance": ("instance", "host", "hostname", "resource", "node"),
    "starts_at": ("startsAt", "starts_at", "started_at", "since"),
    "summary": ("summary", "description", "message", "body", "text"),
    "url": ("generatorURL", "url", "link", "permalink"),
}
# A plain `id` is not among them: with most senders it names the message, not the condition.
USUAL_IDENTITIES = ("fingerprint", "dedup_key", "dedupKey", "alert_id", "alertId", "incident_key")
OVER_WORDS = frozenset(
    {"resolved", "ok", "okay", "recovered", "recovery", "closed", "normal", "up", "success"}
    | {"clear", "cleared", "inactive", "healthy"}
)
TRUE_WORDS = frozenset(
    {"firing", "alerting", "alarm", "triggered", "trigger", "open", "opened", "active", "problem"}
    | {"critical", "warning", "warn", "error", "down", "failed", "failing"}
)


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Where the fields of one source are. A field without a path is looked for under its usual names."""

    alerts: Path = ()
    paths: Mapping[str, Path] = field(default_factory=dict)
    labels: Mapping[str, Path] = field(default_factory=dict)
    identity: tuple[Path, ...] = ()
    over_words: frozenset[str] = OVER_WORDS
    true_words: frozenset[str] = TRUE_WORDS


def read_mapping(given: Any) -> FieldMapping:
    """The mapping in a source's settings. Raises BadInput naming the entry that cannot be used."""
    if given is None:
        return FieldMapping()
    if not isinstance(given, dict):
        raise BadInput('`mapping` must be an object such as {"title": "$.rule.name"}.')
    known = {"alerts", "labels", "identity", "status_words", *USUAL_NAMES}
    if unknown := sorted(given.keys() - known):
        raise BadInput(f"`mapping` does not know {', '.join(unknown)[:200]}; it knows {', '.join(sorted(known))}.")
    labels, identity, words = given.get("labels", {}), given.get("identity", []), given.get("status_words", {})
    if not isinstance(labels, dict) or len(labels) > LABEL_PATHS_MAX:
        raise BadInput(f"`mapping.labels` must be an object of at most {LABEL_PATHS_MAX} paths.")
    if not isinstance(identity, list) or len(identity) > IDENTITY_PATHS_MAX:
        raise BadInput(f"`mapping.identity` must be an array of at most {IDENTITY_PATHS_MAX} paths.")
    return FieldMapping(
        read_path(given["alerts"]) if "alerts" in given else (),
        {name: read_path(given[name]) for name in USUAL_NAMES if name in given},
        {str(name): read_path(path) for name, path in labels.items()},
        tuple(read_path(path) for path in identity),
        _words(words, "resolved") or OVER_WORDS,
        _words(words, "firing") or TRUE_WORDS,
    )


def read_path(text: Any) -> Path:
    """The steps of a path such as `$.a.b[0]["c d"]`. Raises BadInput."""
    if not isinstance(text, str) or not text.startswith("$") or len(text) > PATH_CHARS_MAX:
        raise BadInput(f"A path begins with $ and has at most {PATH_CHARS_MAX} characters, such as $.a.b[0].")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise BadInput(f"The path {text!r} cannot be read from character {at + 1} on; write it like $.a.b[0].")
        steps.append(int(found[2]) if found[2] else found[1] or found[3])
        at = found.end()
    return tuple(steps)


def at_path(value: Any, path: Path) -> Any:
    """What stands there; None where nothing does."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def parse(body: Any, source: str, mapping: FieldMapping, now: datetime) -> Parsed:
    """An object, an array, or an object with `alerts` (or the mapping's own path to them)."""
    found = at_path(body, mapping.alerts) if mapping.alerts else body
    if not mapping.alerts and isinstance(body, dict) and isinstance(body.get("alerts"), list):
        found = body["alerts"]
    if not isinstance(found, list | dict):
        raise Unusable(RejectReason.WRONG_SHAPE, "The body must be an object, an array, or an object with `alerts`.")
    return parse_each(found if isinstance(found, list) else [found], lambda item: _alert(item, source, mapping, now))


def identity(source: str, labels: Mapping[str, str]) -> str:
    """`generic/<source>:` and a digest of the identity labels, composed alike however a sender composes its letters."""
    pairs = sorted(
        [unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", value)] for name, value in labels.items()
    )
    return f"generic/{source}:{sha256(pairs)[:32]}"


def _alert(item: Any, source: str, mapping: FieldMapping, now: datetime) -> Alert:
    if type(item) is not dict:
        raise Unusable(RejectReason.NOT_AN_OBJECT, f"An alert must be an object, not {type(item).__name__}.")
    flags: set[Flag] = set()
    found = {name: text_of(_found(item, name, mapping)) for name in USUAL_NAMES}
    if not found["title"]:
        usual = ", ".join(USUAL_NAMES["title"])
        raise Unusable(RejectReason.FIELD_MISSING, f"No title found: send one of {usual}, or map `title`.")
    labels = limited(cleaned(_labels(item, found, mapping), flags), flags)
    status = _status(found["status"], mapping, flags)
    starts_at = time_of(_found(item, "starts_at", mapping), flags) or now
    annotations = annotations_of({"summary": found["summary"]} if found["summary"] else None, flags)
    return Alert(
        source,
        identity(source, _identity_labels(item, labels, mapping)),
        labels,
        status,
        starts_at,
        now if status is AlertStatus.RESOLVED else None,
        flagged(annotations, flags),
        url_of(found["url"]),
    )


def _labels(item: dict[str, Any], found: Mapping[str, str], mapping: FieldMapping) -> dict[str, str]:
    own = item.get("labels")
    labels = {str(name): text_of(value) for name, value in own.items()} if isinstance(own, dict) else {}
    labels |= {name: text_of(at_path(item, path)) for name, path in mapping.labels.items()}
    labels |= {name: found[name] for name in ("severity", "service", "environment", "instance") if found[name]}
    labels["alertname"] = found["title"]
    return {name: value for name, value in labels.items() if name and value}


def _identity_labels(item: dict[str, Any], labels: Mapping[str, str], mapping: FieldMapping) -> dict[str, str]:
    if mapping.identity:
        texts = {str(number): text_of(at_path(item, path)) for number, path in enumerate(mapping.identity)}
        if not any(texts.values()):
            raise Unusable(RejectReason.NO_IDENTITY, "None of the paths in `mapping.identity` leads to a value.")
        return cleaned(texts, set())
    for name in USUAL_IDENTITIES:
        if text := text_of(item.get(name)):
            return cleaned({name: text}, set())
    # Without severity: a warning that becomes critical is the same alert, grown worse.
    names = ("alertname", "service", "environment", "instance")
    return {name: labels[name] for name in names if name in labels}


def _found(item: dict[str, Any], name: str, mapping: FieldMapping) -> Any:
    if path := mapping.paths.get(name):
        return at_path(item, path)
    inside = item.get("labels")
    places = (item, inside) if isinstance(inside, dict) else (item,)
    return next((place[key] for key in USUAL_NAMES[name] for place in places if text_of(place.get(key))), None)


def _status(said: str, mapping: FieldMapping, flags: set[Flag]) -> AlertStatus:
    word = said.strip().lower()
    if word in mapping.over_words:
        return AlertStatus.RESOLVED
    if word and word not in mapping.true_words:
        flags.add(Flag.STATUS_GUESSED)
    return AlertStatus.FIRING


def _words(given: Any, name: str) -> frozenset[str]:
    words = given.get(name, []) if isinstance(given, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadInput('`mapping.status_words` must be like {"resolved": ["ok"], "firing": ["problem"]}.')
    return frozenset(word.strip().lower() for word in words)
