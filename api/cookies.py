"""The cookie of a session, and the defence against requests that another page makes a browser send with it."""

import hashlib
import hmac
import ipaddress
import re
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

from fastapi import Request, Response

from api.problems import Problem

# A browser takes the first name only with Secure, for this host and the whole of it; loopback has no TLS.
SECURE_NAME, LOOPBACK_NAME = "__Host-nightshift", "nightshift"
TOKEN = re.compile(r"nss_[A-Za-z0-9_-]{43}")
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(request: Request) -> str | None:
    """What the cookie of a session holds; None where there is none that looks like one of ours."""
    text = request.cookies.get(SECURE_NAME if is_secure(request) else LOOPBACK_NAME, "")
    return text if TOKEN.fullmatch(text) else None


def give(request: Request, response: Response, token: str, lives_s: int) -> None:
    """Hand the browser its session."""
    secure = is_secure(request)
    name = SECURE_NAME if secure else LOOPBACK_NAME
    response.set_cookie(name, token, max_age=lives_s, path="/", secure=secure, httponly=True, samesite="strict")


def take(request: Request, response: Response) -> None:
    """Let the browser forget its session."""
    secure = is_secure(request)
    name = SECURE_NAME if secure else LOOPBACK_NAME
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")


def is_secure(request: Request) -> bool:
    """Does the browser reach us over TLS, as it must from anywhere but this machine?"""
    if request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").lower() == "https":
        return True
    host = request.url.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def csrf_of(token: str) -> str:
    """What a write with this session has to repeat in a header; no other page can read or compute it."""
    return urlsafe_b64encode(hashlib.sha256(b"csrf:" + token.encode()).digest()).rstrip(b"=").decode()


def check_csrf(request: Request, token: str) -> None:
    """Refuse a write with the cookie that does not come from our own page. Raises a 403."""
    if request.method in SAFE:
        return
    check_origin(request)
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
        said = "A write with a session needs its X-CSRF-Token: read it from the answer to the login or /auth/session."
        raise Problem(403, said, reason="csrf")


def check_origin(request: Request) -> None:
    """Refuse what a browser says comes from another site. Raises a 403."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
    if site not in ("none", "same-origin") or foreign:
        raise Problem(403, "This was sent by a page of another site; open Nightshift itself.", reason="csrf")
