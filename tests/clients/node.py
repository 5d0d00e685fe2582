"""Node and the locked packages of this folder: what starts a script of ours, or says that it cannot."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parent
PACKAGES = TREE / "node_modules"
# Read at import: a fixture takes settings of this machine away before the test runs.
REQUIRED = os.environ.get("NIGHTSHIFT_REQUIRE_NEIGHBOURS") == "1"
SCRIPT_S = 30.0


def node() -> str:
    """The program. The test is skipped without it or its packages, or fails where neighbours are required."""
    found = shutil.which("node")
    if found and (PACKAGES / ".package-lock.json").exists():
        return found
    missing = "the packages of tests/clients (make test installs them)" if found else "node"
    if REQUIRED:
        pytest.fail(f"needs {missing}")
    pytest.skip(f"needs {missing}")


def environment() -> dict[str, str]:
    """What a script of CommonJS elsewhere needs to find the packages."""
    return {**os.environ, "NODE_PATH": str(PACKAGES)}


def run_script(name: str, *words: str) -> list[dict[str, Any]]:
    """The JSON lines that a script of this folder prints; AssertionError where it fails."""
    done = subprocess.run(
        [node(), str(TREE / name), *words], capture_output=True, text=True, timeout=SCRIPT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]
