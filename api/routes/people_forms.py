"""What the routes about persons take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from api.routes.page import Moment

PersonName = Annotated[str, Path(max_length=63, description="The person's name, as it was given.")]
DAY_S = 86_400.0
KEY_S_MAX = 366 * DAY_S
BREAK_GLASS_KEY_S = 3_600.0
NAME = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@ -]{0,62}$", examples=["early"])
LABEL = Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$", description="Where it is kept.", examples=["laptop"])
KEY_S = Field(strict=True, ge=60, le=KEY_S_MAX, description="How long it works, in seconds; null: until it is revoked.")


class NewPerson(BaseModel):
    """What a person is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, NAME]
    role: Literal["viewer", "responder", "approver", "operator", "admin", "break-glass"]


class RoleChange(BaseModel):
    """What a person may do from now on. Break-glass is a person of its own, never a role that somebody gets."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["viewer", "responder", "approver", "operator", "admin"]


class NewKey(BaseModel):
    """What a key is made of."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, LABEL] = ""
    expires_s: Annotated[float | None, KEY_S] = None


class Person(BaseModel):
    """Somebody who works here, or did."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01990c2e-7d10-7c3a-9a51-0d8b8c0f2f21", "name": "early", "role": "approver",
                "created_at": "2026-03-01T09:00:00Z", "disabled_at": None,
            }
        }
    )  # fmt: skip
    id: UUID
    name: str
    role: str
    created_at: Moment
    disabled_at: Moment | None = Field(description="Since when they do not work here any more.")


class People(BaseModel):
    """All of them, in the order of their names."""

    people: list[Person]


class Key(BaseModel):
    """A key without what opens: its last characters."""

    id: UUID
    hint: str
    label: str
    created_by: str
    created_at: Moment
    expires_at: Moment | None


class Keys(BaseModel):
    """The keys of a person that open anything, newest first."""

    keys: list[Key]


class MadeKey(Key):
    """The only answer that holds the key itself."""

    name: str = Field(description="Whose it is.")
    key: str | None = Field(None, description="Null where the request was repeated: a key is shown once.")


class MadePerson(BaseModel):
    """A new person with their first key."""

    id: UUID
    name: str
    role: str
    key: str | None = Field(None, description="Shown only here; null where the request was repeated.")


class PersonDetail(Person):
    """One person, and by what they can show who they are."""

    teams: list[str]
    keys: list[Key]
    password_set_at: Moment | None
    second_factor_since: Moment | None
    recovery_codes: int = Field(description="How many are left.")
