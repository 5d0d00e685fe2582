"""A stranger who knows nothing but the OpenAPI document tries every route, with sound and with broken requests.

In the short form the examples and a few random requests for each; `NIGHTSHIFT_CHAOS=full` adds the edges of every
parameter and chains of requests. Streams are left out: they do not end.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.api.conftest import Door

HERE = Path(__file__).parent
LEFT_OUT = (
    r"(/events$|/ag-ui$|/chat/"
    r"|/keys/.+/revoke$|/deactivate$)"  # whose own key is gone sees nothing but 401
)
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
PHASES = "examples,coverage,fuzzing,stateful" if FULL else "examples,fuzzing"


async def test_a_stranger_finds_nothing(door: Door) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"http://127.0.0.1:{door.port}/openapi.json", "--header", f"Authorization: Bearer {door.keys['admin']}",
        "--phases", PHASES, "--max-examples", "50" if FULL else "3", "--exclude-path-regex", LEFT_OUT,
        "--seed", "20260301", "--continue-on-failure", "--no-color", "--suppress-health-check", "all", "--workers", "4",
    ]  # fmt: skip
    walk = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await walk.communicate())[0].decode()
    failures = said.partition("FAILURES")[2].partition("WARNINGS")[0]
    assert walk.returncode == 0, failures[:20_000] or said[-5_000:]
    assert "Tested: 0" not in said
    # With other admins beside it, it may have taken its own role away; but it was known to the end.
    assert (await door.get("/api/v1/people", "admin")).status_code != 401, "it was let in to the end"
