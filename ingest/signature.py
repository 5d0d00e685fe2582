"""Signatures of senders: HMAC-SHA256 over the bytes as they came, and what can be wrong with one."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

STAMP_AGE_S_MAX = 300  # of a signed time stamp, in either direction
STAMP_DIGITS_MAX = 12
OUR_SIGNATURE_HEADER = "x-nightshift-signature"
OUR_STAMP_HEADER = "x-nightshift-timestamp"


class SignatureFault(StrEnum):
    """Why a delivery is not believed."""

    MISSING = "signature_missing"
    FORGED = "signature_forged"
    STALE = "signature_stale"


def hex_hmac(secret: str, signed: bytes) -> str:
    """Lower-case hex, 64 digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time; whatever characters a header holds."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def body_fault(secret: str, given: str, body: bytes) -> SignatureFault | None:
    """Is `given` the signature of the body alone? None where it is."""
    if not given:
        return SignatureFault.MISSING
    return None if same(given, hex_hmac(secret, body)) else SignatureFault.FORGED


def stamped_fault(secret: str, given: str, stamp: str, body: bytes, now: datetime) -> SignatureFault | None:
    """Is `given` the signature of `<unix seconds>:<body>`, made a moment ago? None where it is."""
    if not given or not stamp:
        return SignatureFault.MISSING
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= STAMP_DIGITS_MAX):
        return SignatureFault.FORGED
    if not same(given, hex_hmac(secret, stamp.encode() + b":" + body)):
        return SignatureFault.FORGED
    return SignatureFault.STALE if abs(now.timestamp() - int(stamp)) > STAMP_AGE_S_MAX else None


def our_fault(
    settings: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureFault | None:
    """The scheme for senders that can be taught one: both headers, whose names the source may change."""
    given = headers.get(str(settings.get("signature_header") or OUR_SIGNATURE_HEADER), "")
    stamp = headers.get(str(settings.get("timestamp_header") or OUR_STAMP_HEADER), "")
    return stamped_fault(str(settings["secret"]), given, stamp, body, now)
