"""Sending one message over one channel; an error is a sentence, never an exception."""

import os
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from core.plain_text import cut
from core.site import Channel

log = structlog.get_logger("nightshift.page")
TIMEOUT_S = 10.0
ERROR_CHARS_MAX = 300


async def send(channel: Channel, message: Mapping[str, Any], client: httpx.AsyncClient) -> str:
    """Deliver a message; an empty string, or what went wrong. The receiver may see it twice, with the same id."""
    if channel.kind == "log":
        log.warning("page", **message)
        return ""
    if channel.kind != "webhook":
        return f"there is no channel kind {channel.kind!r}; use webhook or log"
    token = os.environ.get(channel.token_env, "") if channel.token_env else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = await client.post(channel.url, json=dict(message), headers=headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return cut(str(error) or type(error).__name__, ERROR_CHARS_MAX)
    return "" if response.is_success else f"the channel answered {response.status_code}"
