"""Queries live in `sql/<noun>.sql`: each has a name, one sentence, and its text."""

import re
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The named queries of one noun; an unknown name fails at once and says which exist."""

    def __init__(self, noun: str) -> None:
        text = resources.files("store").joinpath(f"sql/{noun}.sql").read_text("utf-8")
        parts = _NAME.split(text)
        self._noun = noun
        self._texts = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}

    def __getitem__(self, name: str) -> LiteralString:
        """The text of a query; it is our own file, hence literal."""
        if name not in self._texts:
            raise KeyError(f"{self._noun}.sql has no query {name!r}, only {sorted(self._texts)}")
        return cast(LiteralString, self._texts[name])
