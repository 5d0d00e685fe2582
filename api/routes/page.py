"""What all lists share: the cursor, the limit, and moments in UTC."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator

from store.pool import Row

ROWS_MAX = 200

Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
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
