"""What fixed it? A person's answer after a repair by hand; counted and shown apart from what Nightshift did."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from api.routes.incident_forms import TEXT_CHARS_MAX
from api.routes.incidents import find
from api.routes.page import Moment
from core.plain_text import storable
from engine.learning import HumanFix, tell_fix

router = APIRouter(prefix="/api/v1", tags=["incidents"])
Responder = Annotated[Principal, Depends(needs(Role.RESPONDER))]


class FixedBy(BaseModel):
    """A playbook that somebody carried out by hand, or words, or that it went away alone."""

    model_config = ConfigDict(json_schema_extra={"example": {"playbook_id": "rollback-bad-release", "words": "to v41"}})
    playbook_id: str | None = Field(None, min_length=1, max_length=128)
    words: str = Field("", max_length=TEXT_CHARS_MAX)
    alone: bool = Field(False, strict=True, description="Nobody did anything: it went away by itself.")

    @model_validator(mode="after")
    def says_one_thing(self) -> "FixedBy":
        """Something was done, or nothing."""
        if self.alone == bool(self.playbook_id or self.words.strip()):
            raise ValueError("say a playbook or words, or that it went away alone")
        return self


class Fixed(BaseModel):
    """What was kept."""

    incident_id: UUID
    signature: str
    playbook_id: str | None
    words: str
    alone: bool
    told_by: str
    told_at: Moment


@router.post("/incidents/{ref}/fixed-by", response_model=Fixed, responses=documented(401, 403, 404, 422))
async def fixed_by(request: Request, caller: Responder, ref: str, body: FixedBy) -> Response:
    """Say what fixed it. Saying it again replaces the first answer."""
    async with house_of(request).store.begin() as conn:
        incident = await find(conn, ref)

        async def work() -> tuple[int, Any]:
            playbook_id = storable(body.playbook_id) if body.playbook_id else None
            said = HumanFix(playbook_id, storable(body.words).strip(), body.alone)
            row = await tell_fix(conn, incident, said, actor=caller.actor)
            return 200, Fixed.model_validate({**row, "alone": row["is_alone"]}).model_dump(mode="json")

        return await once(request, caller, conn, work)
