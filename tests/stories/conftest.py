"""A town for each story."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.stories.town import Town, open_town


@pytest.fixture
async def town(database: Any, tmp_path: Path) -> AsyncIterator[Town]:
    """A served house over an empty database, beside a target; no worker yet."""
    async with open_town(database, tmp_path) as opened:
        yield opened
