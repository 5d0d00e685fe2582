"""Slack over HTTP, for who has an address that Slack reaches: events, clicks, forms and commands, all to one route.

A post is believed for its signature over the raw bytes, which is checked before anything reads them.
"""

import asyncio
import hashlib
import hmac
import importlib
import json
import os
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request, Response

from api.access import house_of
from api.problems import Problem, documented
from api.slack_apps import HTTP, SlackApp, apps_of
from store import heard_updates

if TYPE_CHECKING:
    from api.slack import SlackDoor

log = structlog.get_logger(__name__)
router = APIRouter(tags=["chat"])
STAMP_AGE_S_MAX = 300
STAMP_DIGITS_MAX = 12
BODY_BYTES_MAX = 1024 * 1024
WATCH_EVERY_S = 2.0
EVERY_CHANNEL = ""
NO_RETRY = {"X-Slack-No-Retry": "1"}


class PostFault(StrEnum):
    """Why a post is not taken for one of Slack's."""

    NO_CHANNEL = "no_such_channel"
    MISSING = "signature_missing"
    FORGED = "signature_forged"
    STALE = "signature_stale"


SAID = {
    PostFault.NO_CHANNEL: "This is not signed by a Slack app that the site describes.",
    PostFault.MISSING: "This is not signed: X-Slack-Signature and X-Slack-Request-Timestamp are needed.",
    PostFault.FORGED: "The signature does not fit this body and this app's signing secret.",
    PostFault.STALE: "The signature is too old, or from the future: one of the clocks is wrong.",
}


class SlackDoors:
    """The apps that are reached over HTTP, each opened at its first post: their library takes a while to import."""

    def __init__(self, house: Any) -> None:
        self._house = house
        self._doors: dict[SlackApp, SlackDoor] = {}
        self._opening = asyncio.Lock()

    async def app_of(self, channel: str) -> SlackApp | None:
        """The app that a channel of the site belongs to, with its secrets as they are now."""
        apps = apps_of(await self._house.site(), HTTP, os.environ)
        return next((app for app in apps if any(one.id == channel for one in app.channels)), None)

    async def door(self, app: SlackApp) -> "SlackDoor":
        """The open door of an app. One that the site described otherwise before is closed."""
        async with self._opening:
            if app not in self._doors:
                for other in [one for one in self._doors if {*one.channels} & {*app.channels}]:
                    await self._doors.pop(other).close()
                module: Any = await asyncio.to_thread(importlib.import_module, "api.slack")
                self._doors[app] = module.SlackDoor(self._house, app)
            return self._doors[app]

    async def watch(self) -> None:
        """Open doors before their first post, for which Slack would not wait so long. Runs until cancelled."""
        while True:
            try:
                await self.open_all()
            except Exception as error:
                log.warning("slack.not_opened", error=repr(error))
            await asyncio.sleep(WATCH_EVERY_S)

    async def open_all(self) -> None:
        """Open the door of every app that the site describes now."""
        for app in apps_of(await self._house.site(), HTTP, os.environ):
            if app not in self._doors:
                await (await self.door(app)).who()

    async def close(self) -> None:
        """Finish what was acknowledged, and close."""
        for door in self._doors.values():
            await door.close()
        self._doors.clear()


@router.post("/api/v1/chat/slack/{channel}", responses=documented(400, 401, 409, 413, 503))
async def post_slack(request: Request, channel: str) -> Response:
    """Whatever Slack posts for one channel's app, signed by it, at most five minutes old, and once."""
    doors: SlackDoors = request.app.state.slack
    app = await doors.app_of(channel)
    body = await request.body()
    if len(body) > BODY_BYTES_MAX:
        raise Problem(413, f"Slack posts at most {BODY_BYTES_MAX} bytes.")
    signature = _only(request, "x-slack-signature")
    stamp = _only(request, "x-slack-request-timestamp")
    fault = fault_of(app.signing_secret, signature, stamp, body, time.time()) if app else PostFault.NO_CHANNEL
    if fault is not None or app is None:
        raise Problem(401, SAID[fault or PostFault.NO_CHANNEL], reason=fault)
    check_readable(body, request.headers.get("content-type", ""))
    async with house_of(request).store.begin() as conn:
        # The name of the signature, not the signature: whoever reads the table learns nothing to sign with.
        name = f"post:{hashlib.sha256(signature.encode()).hexdigest()}"
        # Each of an app's channels is an address that takes its posts: whichever it was, this one counts once.
        if not await heard_updates.is_new(conn, EVERY_CHANNEL, name):
            raise Problem(409, "This post was taken before.", reason="replayed", headers=NO_RETRY)
    return await (await doors.door(app)).serve(request)


def fault_of(secret: str, signature: str, stamp: str, body: bytes, now: float) -> PostFault | None:
    """Is this the signature, version 0, of this stamp and these bytes, made a moment ago? None where it is."""
    if not secret or not signature or not stamp:
        return PostFault.MISSING
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= STAMP_DIGITS_MAX):
        return PostFault.FORGED
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={made}".encode(), signature.encode("utf-8", "replace")):
        return PostFault.FORGED
    return PostFault.STALE if abs(now - int(stamp)) > STAMP_AGE_S_MAX else None


def check_readable(body: bytes, content_type: str) -> None:
    """Is it what Slack posts: a JSON object, or a form with one inside or with a command? Raises Problem."""
    try:
        text = body.decode()
        if not content_type.startswith("application/json"):
            form = parse_qs(text, keep_blank_values=True, max_num_fields=100)
            text = form["payload"][0] if "payload" in form else json.dumps({name: form[name][0] for name in form})
        if isinstance(json.loads(text), Mapping):
            return
    except (ValueError, RecursionError):
        pass
    raise Problem(400, "This is signed, but it is not what Slack posts.", reason="not_readable")


def _only(request: Request, name: str) -> str:
    """The value of a header that comes once; empty where it is missing or comes twice."""
    values = request.headers.getlist(name)
    return values[0] if len(values) == 1 else ""
