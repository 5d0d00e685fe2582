"""Diagnoses as JSON, for the table and the timeline, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.diagnosis import Cause, Diagnosis
from core.evidence import Evidence, EvidenceKind


def diagnosis_to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Plain data, times as ISO 8601."""
    return {
        "cause": diagnosis.cause.value,
        "service": diagnosis.service,
        "summary": diagnosis.summary,
        "evidence": [_evidence_to_json(e) for e in diagnosis.evidence],
        "unknowns": list(diagnosis.unknowns),
        "confirmed": diagnosis.confirmed,
        "by": diagnosis.by,
        "degraded": diagnosis.degraded,
    }


def diagnosis_from_json(body: Mapping[str, Any]) -> Diagnosis:
    """The diagnosis that `diagnosis_to_json` wrote."""
    return Diagnosis(
        cause=Cause(body["cause"]),
        service=body["service"],
        summary=body["summary"],
        evidence=tuple(_evidence_from_json(e) for e in body["evidence"]),
        unknowns=tuple(body["unknowns"]),
        confirmed=body["confirmed"],
        by=body["by"],
        degraded=body["degraded"],
    )


def _evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    return {
        "id": evidence.id,
        "kind": evidence.kind.value,
        "statement": evidence.statement,
        "source": evidence.source,
        "service": evidence.service,
        "at": evidence.at.isoformat() if evidence.at else None,
        "strength": evidence.strength,
        "outsider": evidence.outsider,
    }


def _evidence_from_json(body: Mapping[str, Any]) -> Evidence:
    at = datetime.fromisoformat(body["at"]) if body["at"] else None
    return Evidence(**{**body, "kind": EvidenceKind(body["kind"]), "at": at})
