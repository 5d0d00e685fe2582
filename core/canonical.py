"""One byte form for a value, so that equal values have equal hashes."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Encode JSON with sorted keys, no spaces, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sha256(value: Any) -> str:
    """SHA-256 (hex) of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()
