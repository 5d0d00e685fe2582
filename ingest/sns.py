"""Amazon SNS: is a message really from a topic that we listen to? Nothing in it is followed before that is known.

The signature covers fixed fields; its certificate is taken only from Amazon's own hosts, over HTTPS, without
redirects, within limits of size and time, and kept for a day.
"""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from core.errors import Unavailable
from ingest.draft import time_of
from ingest.signature import SignatureFault

FETCH_S = 5.0
FETCH_BYTES_MAX = 64 * 1024
FETCHES_AT_ONCE_MAX = 2
CERTIFICATES_MAX = 64
CERTIFICATE_KEPT_S = 86_400.0
FAILURE_KEPT_S = 30.0  # an address that gave no certificate is not asked again at once
AGE_S_MAX = 4_500  # Amazon tries a delivery again for an hour at most
URL_CHARS_MAX = 1_024
NOTIFICATION, SUBSCRIPTION = "Notification", "SubscriptionConfirmation"
TYPES = (NOTIFICATION, SUBSCRIPTION, "UnsubscribeConfirmation")
_HOST = re.compile(r"sns\.[a-z]{2}(-[a-z]{1,12}){1,3}-\d{1,2}\.amazonaws\.com(\.cn)?")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem")
_HASHES: dict[str, Callable[[], HashAlgorithm]] = {"1": SHA1, "2": SHA256}
Fetch = Callable[[str], Awaitable[bytes]]


async def fetch(url: str) -> bytes:
    """The body of a 200 answer. Raises Unavailable: too large, too slow, a redirect, anything else."""
    try:
        async with (
            asyncio.timeout(FETCH_S),
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=FETCH_S) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise Unavailable(f"Amazon answered {answer.status_code}; it will be asked again.")
            parts = bytearray()
            async for part in answer.aiter_bytes():
                parts += part
                if len(parts) > FETCH_BYTES_MAX:
                    raise Unavailable(f"Amazon's answer has more than {FETCH_BYTES_MAX} bytes.")
            return bytes(parts)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise Unavailable(f"Amazon could not be reached ({type(error).__name__}); it will be asked again.") from error


@dataclass
class Amazon:
    """The certificates that were seen, and the way to Amazon."""

    fetch: Fetch = fetch
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, RSAPublicKey | None]] = field(default_factory=dict)
    _fetches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FETCHES_AT_ONCE_MAX))

    async def fault(self, message: Mapping[str, Any], topics: list[str], now: datetime) -> SignatureFault | None:
        """Why a message is not believed; None where it is. Raises Unavailable where Amazon cannot be asked.

        What costs nothing is looked at first, so that a stranger cannot make us fetch.
        """
        signature, url = _texts(message, "Signature"), _texts(message, "SigningCertURL")
        if not signature or not url:
            return SignatureFault.MISSING
        algorithm = _HASHES.get(_texts(message, "SignatureVersion"))
        if algorithm is None or _texts(message, "TopicArn") not in topics or not is_certificate_url(url):
            return SignatureFault.FORGED
        sent_at = time_of(message.get("Timestamp"), set())
        if sent_at is None or abs((now - sent_at).total_seconds()) > AGE_S_MAX:
            return SignatureFault.STALE
        try:
            given, signed = base64.b64decode(signature, validate=True), signed_text(message)
        except (binascii.Error, ValueError):
            return SignatureFault.FORGED
        key = await self._key(url)
        if key is None:
            return SignatureFault.FORGED
        try:
            key.verify(given, signed, PKCS1v15(), algorithm())
        except InvalidSignature:
            return SignatureFault.FORGED
        return None

    async def confirm(self, message: Mapping[str, Any]) -> bool:
        """Confirm a subscription whose message is believed; False where its address is not Amazon's."""
        url = _texts(message, "SubscribeURL")
        if not is_confirm_url(url, _texts(message, "TopicArn")):
            return False
        await self.fetch(url)
        return True

    async def _key(self, url: str) -> RSAPublicKey | None:
        async with self._fetches:
            until, key = self._kept.get(url, (0.0, None))
            if until > self.clock():
                return key
            key = _public_key(await self.fetch(url))
            if len(self._kept) >= CERTIFICATES_MAX:
                self._kept.clear()
            self._kept[url] = (self.clock() + (CERTIFICATE_KEPT_S if key else FAILURE_KEPT_S), key)
            return key


def signed_text(message: Mapping[str, Any]) -> bytes:
    """The lines that Amazon signs. Raises ValueError for an unknown type or a missing line."""
    kind = _texts(message, "Type")
    if kind == NOTIFICATION:
        names = [
            "Message",
            "MessageId",
            *(["Subject"] if "Subject" in message else []),
            "Timestamp",
            "TopicArn",
            "Type",
        ]
    elif kind in TYPES:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    else:
        raise ValueError("unknown type of message")
    if any(not isinstance(message.get(name), str) for name in names):
        raise ValueError("a signed line is missing")
    return "".join(f"{name}\n{message[name]}\n" for name in names).encode()


def is_certificate_url(url: str) -> bool:
    """Is it the address of a certificate at Amazon's?"""
    parts = _amazon(url)
    return parts is not None and not parts.query and bool(_CERTIFICATE_PATH.fullmatch(parts.path))


def is_confirm_url(url: str, topic: str) -> bool:
    """Does it confirm a subscription to this topic, at Amazon's, and nothing else?"""
    parts = _amazon(url)
    if parts is None or parts.path not in ("", "/"):
        return False
    asked = parse_qs(parts.query)
    return asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]


def _amazon(url: str) -> Any:
    """The parts of an address that is HTTPS, at an SNS host, at the usual port, with no user and no fragment."""
    if not url.isascii() or not url.isprintable() or "\\" in url or len(url) > URL_CHARS_MAX:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    # The whole of it must be the host: no user, no port, no other spelling.
    is_ours = parts.scheme == "https" and bool(_HOST.fullmatch(parts.netloc)) and not parts.fragment
    return parts if is_ours else None


def _public_key(pem: bytes) -> RSAPublicKey | None:
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def _texts(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""
