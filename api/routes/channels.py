"""Channels: where people are told, what waits there, and a test message."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import Moment
from core.errors import NotFound
from core.plain_text import storable
from engine.trying import try_out
from store import audit, notifications

router = APIRouter(prefix="/api/v1/channels", tags=["channels"])


class ChannelOut(BaseModel):
    """One channel of the site file, and its part of the outbox."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "ops", "kind": "telegram", "chat": "-1001234567890", "language": "en", "pending": 0, "failed": 0,
                "last_error": "", "last_sent_at": "2026-03-01T02:59:04Z",
            }
        }
    )  # fmt: skip
    id: str
    kind: str
    chat: str = Field(description="The platform's id of the chat; empty where there is none.")
    language: str
    pending: int = Field(description="Messages that wait.")
    failed: int = Field(description="Messages that were given up.")
    last_error: str = Field(description="Of those that wait or were given up, the newest fault.")
    last_sent_at: Moment | None


class ChannelPage(BaseModel):
    """All channels, in the order of the site file."""

    items: list[ChannelOut]
    next: None = None


class TriedOut(BaseModel):
    """What came of a test message."""

    model_config = ConfigDict(json_schema_extra={"example": {"ok": True, "who": "@nightshift_bot", "detail": ""}})
    ok: bool
    who: str = Field(description="Who we are there.")
    detail: str = Field(description="What to do where it did not arrive.")


@router.get("", response_model=ChannelPage, responses=documented(401, 403))
async def list_channels(request: Request, caller: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> Any:
    """Every channel, and whether its messages get through."""
    house = house_of(request)
    async with house.store.begin() as conn:
        states = await notifications.by_channel(conn)
    nothing: dict[str, Any] = {"pending": 0, "failed": 0, "last_error": "", "last_sent_at": None}
    return {
        "items": [
            {"id": c.id, "kind": c.kind, "chat": c.chat, "language": c.language, **nothing, **states.get(c.id, {})}
            for c in (await house.site()).channels
        ]
    }


@router.post("/{channel}/test", response_model=TriedOut, responses=documented(401, 403, 404))
async def test_channel(
    request: Request, caller: Annotated[Principal, Depends(needs(Role.OPERATOR))], channel: str
) -> Any:
    """Send one test message now. Whether it arrived is in the answer."""
    house = house_of(request)
    found = (await house.site()).channel(channel)
    if found is None:
        raise NotFound(f"There is no channel {storable(channel)[:100]!r}: list them with `nightshift channels`.")
    tried = await try_out(house, found, caller.name)
    async with house.store.begin() as conn:
        await audit.write(
            conn, actor=caller.actor, action="channel.test", subject=f"channel:{found.id}",
            detail={"ok": tried.ok, "detail": tried.detail},
        )  # fmt: skip
    return {"ok": tried.ok, "who": tried.who, "detail": tried.detail}
