"""Secrets that must be read back are stored sealed (AES-256-GCM), with a key that is not in the database."""

import hashlib
import os

from core.errors import BadConfiguration
from engine.settings import Settings

KEY_CHARS_MIN = 32
KEY_FILE = "secret.key"
_MARK_BYTES, _NONCE_BYTES = 8, 12


def seal_key(settings: Settings) -> bytes:
    """The key of this house: from NIGHTSHIFT_SECRET_KEY, else from a file of the data directory, made at first need.

    Raises BadConfiguration where it is short, or the file can be neither read nor made.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        if len(given) < KEY_CHARS_MIN or len(set(given)) < 10:
            raise BadConfiguration(
                f"NIGHTSHIFT_SECRET_KEY has less than {KEY_CHARS_MIN} random characters; make one with: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return hashlib.sha256(given.encode()).digest()
    file = settings.data_dir.expanduser() / KEY_FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
                made.write(os.urandom(32))
        except FileExistsError:
            pass
        key = file.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{file} cannot be used ({error.strerror}): set NIGHTSHIFT_SECRET_KEY.") from error
    if len(key) != 32:
        raise BadConfiguration(f"{file} does not hold a key of 32 bytes: restore it, or set NIGHTSHIFT_SECRET_KEY.")
    return key


def seal(key: bytes, text: str, place: str) -> bytes:
    """A text that only this key opens, and only at the same place (table, row and column)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return _mark(key) + nonce + AESGCM(key).encrypt(nonce, text.encode(), place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> str:
    """The text again. Raises BadConfiguration where it was sealed with another key, or belongs elsewhere."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    mark, rest = sealed[:_MARK_BYTES], sealed[_MARK_BYTES:]
    if mark != _mark(key):
        raise BadConfiguration(
            "A secret was sealed with another key: give every process the same NIGHTSHIFT_SECRET_KEY, or the key file."
        )
    try:
        return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode()).decode()
    except InvalidTag:
        raise BadConfiguration("A sealed secret was changed or moved; set it anew.") from None


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"mark:" + key).digest()[:_MARK_BYTES]
