"""What all lists share: the cursor, the limit, and moments in UTC."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from store.pool import Row

ROWS_MAX = 200


def _iso(moment: Any) -> Any:
    """A bare number would be taken for seconds, or for milliseconds, as its size happens to be."""
    if isinstance(moment, int | float) or (isinstance(moment, str) and not moment[:5].endswith("-")):
        raise ValueError("write a time as 2026-03-01T10:00:00Z (ISO 8601)")
    return moment


Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
GivenMoment = Annotated[AwareDatetime, BeforeValidator(_iso)]
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX, description="Rows in one answer, at most.")]
BeforeId = Annotated[UUID | None, Query(description="Continue here: `next` of the answer before.")]


def page_of(
    rows: Sequence[Row], limit: int, form: Callable[[Row], Any], *, cursor: str = "id", **more: Any
) -> dict[str, Any]:
    """One page: the items, and the cursor of the next page (None where the list ends).

    `rows` holds one more than `limit` where there is a next page, so that the last page says so.
    """
    shown = rows[:limit]
    following = shown[-1][cursor] if len(rows) > limit else None
    return {"items": [form(row) for row in shown], "next": following, **more}
