"""Policy files: YAML in, a checked policy out; the body is what is stored as a version."""

from pathlib import Path
from typing import Any

from core.policy_form import read_policy
from ingest.plain_yaml import load_file


def load_policy_file(path: Path) -> dict[str, Any]:
    """The body of a policy file. Raises BadConfiguration with file, line, what is wrong and what is allowed."""
    body, _ = load_file(path, read_policy)
    return dict(body)
