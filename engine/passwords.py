"""Passwords are hashed with Argon2id, two at a time beside the event loop, and an unknown name costs as much as a known
one. One hash takes about 64 MiB and a third of a second, so more at once would be a way to stop the house."""

import asyncio
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from core.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from pwdlib import PasswordHash

Done = TypeVar("Done")
AT_ONCE_MAX = 2
WAITING_MAX = 40
CHARS_MIN, CHARS_MAX = 12, 200
DIFFERENT_CHARS_MIN = 5


def check_password(text: str, name: str) -> None:
    """Refuse what is guessed at once. Raises BadInput. Length counts; there are no rules about kinds of characters."""
    plain = _plain(text)
    if not CHARS_MIN <= len(plain) <= CHARS_MAX:
        raise BadInput(f"A password has {CHARS_MIN} to {CHARS_MAX} characters; a few words are easy to remember.")
    if len(set(plain)) < DIFFERENT_CHARS_MIN or (len(name) >= 4 and name.casefold() in plain.casefold()):
        raise BadInput("This password is guessed too easily: do not repeat characters or use your name in it.")


def argon2id() -> "PasswordHash":
    """Argon2id with the parameters that its library recommends; imported at first need."""
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


@dataclass
class Hasher:
    """Makes and compares hashes. `computed` counts them, so that a test sees that every login costs the same."""

    make: Callable[[], "PasswordHash"] = argon2id
    computed: int = 0
    _waiting: int = 0
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE_MAX, "password"))
    _hashes: "PasswordHash | None" = None
    _nobodys: str = ""
    _first: threading.Lock = field(default_factory=threading.Lock)

    async def hash(self, text: str) -> str:
        """The hash of a password, with its parameters. Raises Unavailable where too many wait."""
        return await self._beside(lambda hashes: hashes.hash(_plain(text)))

    async def matches(self, text: str, hashed: str | None) -> tuple[bool, str | None]:
        """Is it this password? Also its hash with the parameters of today, if it has others. None never matches."""

        def compare(hashes: "PasswordHash") -> tuple[bool, str | None]:
            try:
                return hashes.verify_and_update(_plain(text), hashed or self._nobodys)
            except ValueError:  # not a hash at all
                return False, None

        good, renewed = await self._beside(compare)
        return (good and hashed is not None), renewed if good and hashed is not None else None

    async def _beside(self, work: Callable[["PasswordHash"], Done]) -> Done:
        if self._waiting >= WAITING_MAX:
            raise Unavailable("Too many people log in at this moment; try again in a few seconds.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, work)
        finally:
            self._waiting -= 1

    def _run(self, work: Callable[["PasswordHash"], Done]) -> Done:
        with self._first:
            if self._hashes is None:
                hashes = self.make()
                self._nobodys = hashes.hash(secrets.token_urlsafe(32))
                self._hashes = hashes
        self.computed += 1
        return work(self._hashes)


def _plain(text: str) -> str:
    """The same characters however a keyboard composes them."""
    return unicodedata.normalize("NFC", text)
