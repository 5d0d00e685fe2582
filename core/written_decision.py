"""A decision that a person writes as a message: the verb, the approval and the hash that its card showed.

approve 0199c2e4-9b20-7c3a 5f2c91aa03d4e7b1
reject 0199c2e4-9b20-7c3a 5f2c91aa03d4e7b1 the release is not to blame
"""

import re
from dataclasses import dataclass

ID_CHARS = 18  # up to the third hyphen of a UUIDv7: its millisecond and twelve random bits
HASH_CHARS = 16  # as cards show it
WRITTEN = re.compile(
    r"(?P<verdict>approve|reject)\s+(?P<id>[0-9a-f-]{18,36})\s+(?P<hash>[0-9a-f]{16,64})(?:\s+(?P<reason>\S.*))?",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a message decides; id and hash are beginnings of those of a card."""

    verdict: str
    approval: str
    intent_hash: str
    reason: str


def read_decision(text: str) -> Written | None:
    """The decision in a message that is nothing else; None for any other message."""
    found = WRITTEN.fullmatch(text.strip())  # no space is left over, so the time grows with the length alone
    if found is None:
        return None
    return Written(
        found["verdict"].lower(), found["id"].lower(), found["hash"].lower(), " ".join((found["reason"] or "").split())
    )


def decision_key(approval_id: str, intent_hash: str) -> str:
    """What stands behind the verb: the beginning of the approval's id, and the hash as its card shows it."""
    return f"{approval_id[:ID_CHARS]} {intent_hash[:HASH_CHARS]}"
