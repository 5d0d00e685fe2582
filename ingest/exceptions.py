"""Exceptions of the team's own jobs: what kind of trouble each is, and the alert that stands for it."""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.alert import AlertClass, AlertStatus
from core.canonical import sha256
from core.plain_text import storable
from ingest.draft import Draft, parse_drafts, text_of, time_of
from ingest.parsed import Flag, Parsed, RejectReason, Unusable

TYPES_MAX = 16
TEXT_CHARS_MAX = 2_000  # of what is searched for words
TRACE_CHARS_MAX = 6_000


class ErrorClass(StrEnum):
    """What kind of trouble an exception tells of."""

    DNS_FAILURE = "dns_failure"
    DATABASE_UNREACHABLE = "database_unreachable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    DISK = "disk"
    IMPORT = "import"
    UNKNOWN = "unknown"


ALERT_OF: dict[ErrorClass, tuple[str, AlertClass]] = {
    ErrorClass.DNS_FAILURE: ("JobDnsFailure", AlertClass.DNS),
    ErrorClass.DATABASE_UNREACHABLE: ("JobDatabaseUnreachable", AlertClass.DATABASE),
    ErrorClass.TIMEOUT: ("JobTimeout", AlertClass.LATENCY),
    ErrorClass.AUTH: ("JobAuthFailure", AlertClass.ERRORS),
    ErrorClass.DISK: ("JobDiskFailure", AlertClass.DISK),
    ErrorClass.IMPORT: ("JobImportFailure", AlertClass.ERRORS),
    ErrorClass.UNKNOWN: ("JobException", AlertClass.ERRORS),
}
# The order is the contract: a database whose name does not resolve is DNS, one that answers too late is a database.
_WORDS: tuple[tuple[ErrorClass, str], ...] = (
    (ErrorClass.IMPORT, r"\bModuleNotFoundError\b|\bImportError\b"),
    (
        ErrorClass.DNS_FAILURE,
        r"\bgaierror\b|name or service not known|temporary failure in name resolution|nodename nor servname"
        r"|could not translate host name|failed to resolve|NXDOMAIN|name resolution|no address associated",
    ),
    (
        ErrorClass.DISK,
        r"no space left|ENOSPC|disk (?:is )?full|disk quota|read-only file system|EROFS|input/output error"
        r"|\bDiskFull\b",
    ),
    (
        ErrorClass.AUTH,
        r"password authentication failed|access denied|permission denied|\bPermissionError\b|unauthori[sz]ed|forbidden"
        r"|\b40[13]\b|invalid (?:token|credentials|password)|authentication|\bAuth\w*Error\b|\bInvalidPassword\b",
    ),
    (
        ErrorClass.DATABASE_UNREACHABLE,
        r"(?s)(?:psycopg|asyncpg|sqlalchemy|mysql|pymongo|redis|postgres|sqlite|oracle|database).{0,400}"
        r"(?:connect|unreachable|refused|closed|terminat|timed? ?out|starting up|shutting down|too many clients)"
        r"|server closed the connection unexpectedly|connection to server at|too many clients"
        r"|server selection timeout",
    ),
    (ErrorClass.TIMEOUT, r"time(?:d)?[ -]?out|\bTimeoutError\b|deadline exceeded|\bETIMEDOUT\b"),
)
ITEMS_MAX = 1_000
_PATTERNS = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)


def classify(types: Iterable[str], message: str) -> ErrorClass:
    """The kind of trouble, from the types of an exception and of its causes (dotted) and its message."""
    text = f"{' '.join(list(types)[:TYPES_MAX])[:TEXT_CHARS_MAX]}\n{message[:TEXT_CHARS_MAX]}"
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), ErrorClass.UNKNOWN)


def parse(body: Any, source: str, now: datetime) -> Parsed:
    """An exception, an array of them, or an object with `exceptions`. Raises Unusable where it is none of these.

    `status: resolved` without a `type` ends whatever the job had failed by.
    """
    items = body.get("exceptions", [body]) if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise Unusable(
            RejectReason.WRONG_SHAPE, "The body must be an exception, an array, or an object with `exceptions`."
        )
    if len(items) > ITEMS_MAX:
        raise Unusable(RejectReason.WRONG_SHAPE, f"At most {ITEMS_MAX} exceptions fit into one body.")
    spread = [one for item in items for one in _spread(item)]
    return parse_drafts(spread, source, now, lambda item: _draft(item, source))


def _spread(item: Any) -> list[Any]:
    if (
        isinstance(item, dict)
        and item.get("status") == "resolved"
        and not (item.get("type") or item.get("error_class"))
    ):
        return [{**item, "error_class": kind.value} for kind in ErrorClass]
    return [item]


def _draft(item: dict[str, Any], source: str) -> Draft:
    flags: set[Flag] = set()
    service, kind = _needed(item, "service"), _class(item)
    status = text_of(item.get("status") or "firing").lower()
    if status not in ("firing", "resolved"):
        raise Unusable(RejectReason.FIELD_UNUSABLE, "`status` must be firing or resolved, or left out.")
    job, environment = text_of(item.get("job")), text_of(item.get("environment"))
    moment = time_of(item.get("at"), flags)
    is_over = status == "resolved"
    name, alert_class = ALERT_OF[kind]
    return Draft(
        f"exceptions/{source}:{sha256([*map(storable, (environment, service, job)), kind])[:32]}",
        name,
        AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        {
            "service": service,
            "environment": environment,
            "job_name": job,
            "error_class": kind.value,
            "class": alert_class.value,
            "severity": text_of(item.get("severity")) or "warning",
            "host": item.get("host"),
        },
        {
            "summary": _summary(item, job or service),
            "exception": item.get("type"),
            "traceback": text_of(item.get("traceback"))[-TRACE_CHARS_MAX:],
            "release": item.get("release"),
        },
        None if is_over else moment,
        moment if is_over else None,
        flags=flags,
    )


def _class(item: dict[str, Any]) -> ErrorClass:
    if said := item.get("error_class"):
        try:
            return ErrorClass(said)
        except ValueError:
            words = ", ".join(ErrorClass)
            raise Unusable(RejectReason.FIELD_UNUSABLE, f"`error_class` must be one of {words}, or left out.") from None
    causes = item.get("causes")
    types = [_needed(item, "type"), *(map(text_of, causes) if isinstance(causes, list) else ())]
    return classify(types, text_of(item.get("message")))


def _summary(item: dict[str, Any], where: str) -> str:
    kind, message = text_of(item.get("type")).rpartition(".")[2], text_of(item.get("message"))[:TEXT_CHARS_MAX]
    return f"{where}: {kind}{': ' if message else ''}{message}" if kind else ""


def _needed(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Unusable(RejectReason.FIELD_MISSING, f"An exception needs `{name}`, a text that is not empty.")
    return value.strip()
