"""The second factor: six digits of an authenticator app (RFC 6238), each used once, or a recovery code."""

import hmac
import re
import secrets
from datetime import datetime
from uuid import UUID

from engine.sealing import unseal
from store import second_factors
from store.pool import Connection, now

STEP_S = 30
DRIFT_STEPS = 1  # clocks of phones go wrong by a little
RECOVERY_CODES = 10
ISSUER = "Nightshift"
_DIGITS = re.compile(r"\d{6}")
_RECOVERY = re.compile(r"[A-Z2-7]{16}")
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_secret() -> str:
    """A new secret for an authenticator app: 160 bits, in base32."""
    return "".join(secrets.choice(_BASE32) for _ in range(32))


def uri_of(secret: str, name: str) -> str:
    """What an authenticator app reads, mostly as a QR code."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def new_recovery_codes() -> list[str]:
    """Codes for the day on which the phone is lost: 80 bits each, in groups."""
    plain = ("".join(secrets.choice(_BASE32) for _ in range(16)) for _ in range(RECOVERY_CODES))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in plain]


def plain_code(text: str) -> str:
    """A code as people type it, without spaces and dashes."""
    return re.sub(r"[\s-]", "", text).upper()


def is_six_digits(code: str) -> bool:
    """Is it of an authenticator app, and so short enough to be guessed?"""
    return _DIGITS.fullmatch(plain_code(code)) is not None


def step_of(secret: str, code: str, moment: datetime) -> int | None:
    """The time step that a code belongs to, around this moment; None where it is wrong."""
    import pyotp

    if not code.isascii() or not _DIGITS.fullmatch(code):
        return None
    here = int(moment.timestamp()) // STEP_S
    app = pyotp.TOTP(secret, interval=STEP_S)
    for step in range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1):
        if hmac.compare_digest(app.at(step * STEP_S), code):
            return step
    return None


async def takes(conn: Connection, key: bytes, person_id: UUID, name: str, code: str, *, confirmed: bool = True) -> bool:
    """Is it a right code that was not used before? It is used by this."""
    plain = plain_code(code)
    if confirmed and _RECOVERY.fullmatch(plain):
        return await second_factors.take_code(conn, person_id, name, plain)
    factor = await second_factors.get(conn, person_id)
    if factor is None or (factor["confirmed_at"] is not None) != confirmed or not (confirmed or factor["is_fresh"]):
        return False
    step = step_of(unseal(key, bytes(factor["sealed"]), place_of(person_id)), plain, await now(conn))
    return step is not None and await second_factors.take_step(conn, person_id, step)


def place_of(person_id: UUID) -> str:
    """Where the sealed secret of a person stands."""
    return f"second_factors:{person_id}:sealed"
