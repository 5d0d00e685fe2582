"""Where Telegram posts what was said, for bots that are not polled. The secret is looked at before anything is read."""

import asyncio
import hmac
import importlib
import os
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.access import house_of
from api.body import NotJson, read_json
from api.problems import Problem, documented
from api.telegram import WEBHOOK, TelegramBot, bots_of

router = APIRouter(prefix="/api/v1/chat", tags=["chat"])
SECRET_HEADER = b"x-telegram-bot-api-secret-token"
SAID = "This is for Telegram alone, which sends along the secret of the channel."


class Heard(BaseModel):
    """It was dealt with, and need not be posted again."""

    ok: bool = True


@router.post("/telegram/{channel}", response_model=Heard, responses=documented(400, 401, 503))
async def hear_telegram(request: Request, channel: str) -> Any:
    """An update of Telegram's, for the bot of this channel."""
    house = house_of(request)
    bot = await _bot(house, channel)
    given = dict(request.scope["headers"]).get(SECRET_HEADER, b"")
    # An unknown channel and a wrong secret look the same from outside.
    if bot is None or not bot.secret or not hmac.compare_digest(given, bot.secret.encode()):
        raise Problem(401, SAID, reason="secret_wrong")
    try:
        update = read_json(await request.body())
    except NotJson as error:
        raise Problem(400, str(error), reason="no_update") from None
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise Problem(400, "This is no update of Telegram's.", reason="no_update")
    module: Any = await asyncio.to_thread(importlib.import_module, "api.telegram_ear")
    await module.hear_post(house, bot, update, request.app.state.crowd)
    return {"ok": True}


async def _bot(house: Any, channel: str) -> TelegramBot | None:
    """The bot whose posts come in under this channel's name."""
    found = bots_of(await house.site(), os.environ)
    return next((bot for bot in found if bot.mode == WEBHOOK and bot.channels[0].id == channel), None)
