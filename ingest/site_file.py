"""The site file: YAML in, a validated `Site` out; the checked body is what is stored as a version."""

from pathlib import Path
from typing import Any

import yaml

from core.errors import BadConfiguration
from core.site_form import read_site

FILE_BYTES_MAX = 1024 * 1024


def load_site_file(path: Path) -> dict[str, Any]:
    """Read and check a site file; its body as plain data. Raises BadConfiguration with file, line or key."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: cannot be read ({error}); check NIGHTSHIFT_CONFIG") from error
    if len(text) > FILE_BYTES_MAX:
        raise BadConfiguration(f"{path}: larger than 1 MiB")
    try:
        body = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadConfiguration(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    read_site(body, 0, str(path))
    return dict(body)
