"""The command line is there at once: help loads nothing heavy and costs little."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CPU_S_MAX = 0.5
HEAVY = ("rich", "httpx", "fastapi", "pydantic", "psycopg", "yaml", "langgraph", "uvicorn", "engine", "store")
COMMANDS = (
    *("up", "serve", "worker", "migrate", "demo", "version"),
    *("incidents", "approvals", "playbooks", "sources", "people", "kill"),
)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COV_")}


def test_help_names_every_command_under_half_a_cpu_second() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "--help"],
        cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent_s < CPU_S_MAX
    for command in COMMANDS:
        assert f"\n  {command} " in ran.stdout


def test_nothing_heavy_is_loaded_before_a_command_runs() -> None:
    script = "import json, sys, api.cli.main; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True
    )
    loaded = json.loads(ran.stdout)
    assert "typer" in loaded
    assert not set(HEAVY) & set(loaded)


def test_version_and_misuse() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api.cli.main", *words]
        return subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True)

    assert run("version").stdout.count(".") == 2
    assert json.loads(run("version", "--json").stdout)["version"] == run("version").stdout.strip()
    assert run("dance").returncode == 2
    assert run("serve", "--port", "99999").returncode == 2
