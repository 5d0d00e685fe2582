"""The blocks of docs/connect.md, so that the tests run exactly what the guide tells people to write."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

GUIDE = Path(__file__).parents[2] / "docs" / "connect.md"
BLOCK = re.compile(r"^```(?:yaml|sh)\n# (?P<name>\S+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(name: str, replace: Mapping[str, str] | None = None) -> list[str]:
    """The fenced blocks that begin with `# name`; every replacement must be of something the guide says somewhere."""
    guide = GUIDE.read_text("utf-8")
    found = [match["text"] for match in BLOCK.finditer(guide) if match["name"] == name]
    assert found, f"the guide has no block that begins with `# {name}`"
    for old, new in (replace or {}).items():
        assert old in guide, f"the guide does not say {old!r} any more"
        found = [text.replace(old, new) for text in found]
    return found


def merged(name: str, replace: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All YAML blocks of one file as one file: each brings keys of its own."""
    whole: dict[str, Any] = {}
    for text in blocks(name, replace):
        part = yaml.safe_load(text)
        assert not whole.keys() & part.keys(), f"two blocks of {name} have the same key"
        whole |= part
    return whole
