"""A start that cannot work ends at once with one line that says what to do."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLI = [sys.executable, "-c", "from api.cli.main import main; main()"]


def start(*args: str, **environment: str) -> tuple[int, str]:
    """Run a command that must fail; its code and what it said on stderr."""
    done = subprocess.run(
        [*CLI, *args], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )
    return done.returncode, done.stderr


def one_line(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, said
    return lines[0]


def test_a_taken_port(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = start("up", "--port", port, "--data-dir", str(data_dir))
    assert code == 1
    assert port in one_line(said)
    assert "--port" in said


def test_a_data_directory_that_is_a_file(data_dir: Path) -> None:
    path = data_dir / "occupied"
    path.write_text("x")
    code, said = start("up", "--port", "0", "--data-dir", str(path))
    assert code == 1
    assert "--data-dir" in one_line(said)


def test_a_second_instance_on_the_same_directory(data_dir: Path) -> None:
    command = [*CLI, "up", "--port", "0", "--data-dir", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as first:
        try:
            assert first.stdout is not None
            assert "ready at" in first.stdout.readline()
            code, said = start("up", "--port", "0", "--data-dir", str(data_dir))
        finally:
            first.terminate()
            first.communicate(timeout=30)
    assert code == 1
    assert "Another nightshift already runs" in one_line(said)


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/nothing", "not a url", "postgresql://u@127.0.0.1:1/x?nonsense=1"]
)
def test_a_wrong_database_url(url: str) -> None:
    code, said = start("serve", "--port", "0", DATABASE_URL=url)
    assert code == 1
    assert "DATABASE_URL" in one_line(said)


def test_serve_without_a_database_says_what_to_use() -> None:
    code, said = start("serve")
    assert code == 1
    assert "nightshift up" in one_line(said)


def test_a_database_that_forgets_commits_is_refused(database: Any) -> None:
    code, said = start("serve", "--port", "0", DATABASE_URL=database.url)
    assert code == 1
    assert "fsync" in one_line(said)


@pytest.mark.parametrize(
    ("site", "sign"),
    [
        ("services: {shop: {depends_on: [ghost]}}", "ghost"),
        ("timing: {}", "unknown key 'timing'"),
        ("rules: [{name: x}]", "query"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_faulty_site_file_is_named_with_its_place(data_dir: Path, site: str, sign: str) -> None:
    path = data_dir / "site.yaml"
    path.write_text(site)
    code, said = start("up", "--port", "0", "--data-dir", str(data_dir / "data"), "--config", str(path))
    assert code == 1
    assert sign in one_line(said)
    assert "site.yaml" in said


def test_settings_are_all_named_at_once() -> None:
    code, said = start("up", NIGHTSHIFT_PORT="99999", NIGHTSHIFT_LOG_LEVEL="loud")
    assert code == 1
    assert "NIGHTSHIFT_PORT" in one_line(said)
    assert "NIGHTSHIFT_LOG_LEVEL" in said
