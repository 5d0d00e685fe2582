"""The embedded PostgreSQL starts, is shared, survives kills, and leaves nothing behind."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from store import embedded_place
from store.embedded import DataDirectoryUnwritable, EmbeddedServer, EmbeddedStartFailed, embedded, start

REPOSITORY = Path(__file__).parents[2]
FAST = {"fsync": "off"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root only")
unprivileged = pytest.mark.skipif(os.geteuid() == 0, reason="root may do anything")


def postmaster(server: EmbeddedServer) -> int:
    """The pid, as the server itself reports it."""
    with psycopg.connect(server.owner_url()) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert row
    return int(row[0].split()[0])


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row
    return row[0]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def another_process(code: str, data_dir: Path, **how: object) -> subprocess.Popen[str]:
    """A process that has attached as `server`, and says what it prints."""
    begin = f"import psycopg\nfrom pathlib import Path\nfrom store.embedded import start\nd = Path({str(data_dir)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        **how,  # type: ignore[call-overload]
    )


def said(user: subprocess.Popen[str]) -> str:
    assert user.stdout
    return user.stdout.readline()


@pytest.fixture
def short_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.embedded_process.STALE_RETRY_S", 1.0)


async def test_first_start_gives_both_roles_and_the_extensions(data_dir: Path) -> None:
    async with embedded(data_dir) as server:
        assert server.started_by_us
        assert ask(server.url(), "SELECT current_user::text || current_database()") == "nightshiftnightshift"
        assert ask(server.url(), "SELECT usesuper FROM pg_user WHERE usename = current_user") is False
        assert ask(server.owner_url(), "SELECT usesuper FROM pg_user WHERE usename = current_user") is True
        assert ask(server.url(), "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1.0
        assert ask(server.url(), "SELECT similarity('disk full', 'disk full')") == 1.0
        assert ask(server.url(), "SELECT lower('ПРИВЕТ')") == "привет"
        for setting, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
            assert ask(server.url(), f"SELECT current_setting('{setting}')") == value
        pid = postmaster(server)
    assert not running(pid)
    assert {path.name for path in data_dir.iterdir()} == {"pg18", "pg18.lock", "pg18.users.lock", "pg18.log"}


async def test_the_loop_goes_on_while_the_server_starts(data_dir: Path) -> None:
    longest_s, last = 0.0, time.monotonic()

    async def tick() -> None:
        nonlocal longest_s, last
        while True:
            await asyncio.sleep(0.005)
            longest_s, last = max(longest_s, time.monotonic() - last), time.monotonic()

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    async with embedded(data_dir, settings=FAST):
        took_s = time.monotonic() - began
    ticking.cancel()
    assert longest_s < took_s / 2


async def test_a_cancelled_start_leaves_no_server(data_dir: Path) -> None:
    async def enter() -> None:
        async with embedded(data_dir, settings=FAST):
            await asyncio.sleep(60)

    entering = asyncio.create_task(enter())
    await asyncio.sleep(0.1)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not (data_dir / "pg18" / "postmaster.pid").exists()


def test_the_second_user_attaches_and_the_last_one_ends_the_server(data_dir: Path) -> None:
    first, second = start(data_dir, settings=FAST), start(data_dir)
    pid = postmaster(first)
    assert (first.started_by_us, second.started_by_us) == (True, False)
    assert first.stop() is False
    assert ask(second.url(), "SELECT 1") == 1
    assert second.stop() is True
    assert second.stop() is False
    assert not running(pid)


def test_a_killed_server_comes_back_with_its_rows(data_dir: Path) -> None:
    server = start(data_dir)
    with psycopg.connect(server.owner_url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT n FROM generate_series(1, 50000) n")
    os.kill(postmaster(server), signal.SIGKILL)
    again = start(data_dir)
    assert again.started_by_us
    assert ask(again.owner_url(), "SELECT count(*) FROM kept") == 50_000
    assert [server.stop(), again.stop()] == [False, True]


def test_the_server_outlives_a_killed_user_and_is_found_again(data_dir: Path) -> None:
    with another_process("s = start(d, settings={'fsync': 'off'})\nprint('up', flush=True)\ninput()", data_dir) as user:
        assert said(user) == "up\n"
        user.kill()
    server = start(data_dir)
    assert not server.started_by_us
    assert server.stop() is True


def test_when_user_and_server_were_killed_the_orphan_does_not_stand_in_the_way(data_dir: Path) -> None:
    with another_process("s = start(d)\nprint('up', flush=True)\ninput()", data_dir) as user:
        assert said(user) == "up\n"
        user.kill()
    server = start(data_dir)
    os.kill(postmaster(server), signal.SIGKILL)  # a child of process 1 now, which may never reap it
    again = start(data_dir)
    assert again.started_by_us
    assert ask(again.url(), "SELECT 1") == 1
    assert [server.stop(), again.stop()] == [False, True]


def test_ctrl_c_does_not_reach_the_server(data_dir: Path) -> None:
    # Short sleeps, for a signal that comes just before a read begins is only noticed when the read is over.
    code = "s = start(d, settings={'fsync': 'off'})\nprint('up', flush=True)\nimport time\nwhile True: time.sleep(0.05)"
    with another_process(code, data_dir, start_new_session=True) as user:
        assert said(user) == "up\n"
        os.killpg(user.pid, signal.SIGINT)
        user.wait(10)
    server = start(data_dir)
    assert not server.started_by_us
    server.stop()


def test_racing_processes_start_one_server(data_dir: Path) -> None:
    code = """
s = start(d, settings={'fsync': 'off'})
pid = psycopg.connect(s.owner_url()).execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0].split()[0]
print(s.started_by_us, pid, flush=True)
input()
"""
    racers = [another_process(code, data_dir) for _ in range(4)]
    answers = [said(racer).split() for racer in racers]
    for racer in racers:
        racer.communicate("\n", timeout=20)
    assert sorted(started for started, _ in answers) == ["False", "False", "False", "True"]
    assert len({pid for _, pid in answers}) == 1


def test_a_long_path_gets_short_sockets(data_dir: Path) -> None:
    long = data_dir / ("a long, name " * 9)
    server = start(long, settings=FAST)
    sockets = server.url().rpartition("host=")[2]
    assert sockets.startswith("%2Ftmp%2Fnightshift-")
    assert ask(server.url(), "SELECT 1") == 1
    with another_process("s = start(d)\nprint(s.started_by_us)", long) as user:
        assert user.communicate(timeout=20)[0] == "False\n"
    assert server.stop() is True
    assert not Path(sockets.replace("%2F", "/")).exists()


def test_a_pid_that_belongs_to_something_else_does_not_stand_in_the_way(data_dir: Path) -> None:
    server = start(data_dir, settings=FAST)
    os.kill(postmaster(server), signal.SIGKILL)
    file = data_dir / "pg18" / "postmaster.pid"
    how = {"user": file.stat().st_uid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], cwd="/", **how) as stranger:  # type: ignore[call-overload]
        file.write_text("\n".join([str(stranger.pid), *file.read_text().splitlines()[1:]]) + "\n")
        again = start(data_dir, settings=FAST)
        assert again.started_by_us
        assert stranger.poll() is None
        stranger.kill()
    server.stop()
    again.stop()


def test_an_interrupted_first_start_is_repeated(data_dir: Path) -> None:
    (data_dir / "pg18.new").mkdir()
    (data_dir / "pg18.new" / "half").touch()
    server = start(data_dir, settings=FAST)
    assert server.stop() is True


@pytest.mark.usefixtures("short_retry")
def test_a_refused_setting_is_told_in_one_line(data_dir: Path) -> None:
    with pytest.raises(EmbeddedStartFailed) as failure:
        start(data_dir, settings=FAST | {"max_connections": "plenty"})
    assert 'invalid value for parameter "max_connections": "plenty"' in str(failure.value)
    assert "pg18.log" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_file_where_the_data_directory_should_be(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(DataDirectoryUnwritable, match="file"):
        start(data_dir / "file" / "below")


@unprivileged
def test_a_directory_that_may_not_be_written(data_dir: Path) -> None:
    data_dir.chmod(0o500)
    with pytest.raises(DataDirectoryUnwritable, match="belongs to another account"):
        start(data_dir)


@pytest.fixture
def private_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory like /root, and a place for what `nobody` cannot reach."""
    monkeypatch.setattr(embedded_place, "ROOT_STATE", Path(tempfile.mkdtemp(prefix="ns-state-")))
    home = Path(tempfile.mkdtemp(prefix="ns-home-"))
    yield home
    shutil.rmtree(home)
    shutil.rmtree(embedded_place.ROOT_STATE)


@as_root
def test_below_a_private_directory_of_root_no_mode_is_changed(private_home: Path) -> None:
    server = start(private_home / "data", settings=FAST)
    assert private_home.stat().st_mode & 0o777 == 0o700
    cluster = Path((private_home / "data" / "pg18.location").read_text().strip())
    assert cluster.parent == embedded_place.ROOT_STATE
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert cluster.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    second = start(private_home / "data")
    assert not second.started_by_us
    assert [server.stop(), second.stop()] == [False, True]


@as_root
def test_binaries_below_a_private_directory_are_copied(
    private_home: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = embedded_place.binaries().parents[1]
    for part in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(part, private_home / part.name, symlinks=True)
    hidden = private_home / installed.name / "pginstall" / "bin"
    monkeypatch.setattr(embedded_place, "binaries", lambda: hidden)
    server = start(data_dir, settings=FAST)
    command = Path(f"/proc/{postmaster(server)}/cmdline").read_text()
    assert command.startswith(f"{embedded_place.ROOT_STATE}/binaries-")
    assert ask(server.url(), "SELECT '[1]'::vector") == "[1]"
    assert server.stop() is True


@as_root
def test_an_ordinary_account_and_then_root_on_its_directory(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    code = f"""
import os
psycopg.connect  # everything is imported: the interpreter may lie where nobody cannot read
os.setgroups([]), os.setgid({nobody.pw_gid}), os.setuid({nobody.pw_uid})
s = start(d, settings={{'fsync': 'off'}})
print(s.started_by_us, flush=True)
input()
print(s.stop())
"""
    with another_process(code, data_dir) as user:
        assert said(user) == "True\n"
        ours = start(data_dir)
        assert not ours.started_by_us
        assert user.communicate("\n", timeout=20)[0] == "False\n"
    assert ours.stop() is True
    with another_process(code, data_dir) as user:
        assert user.communicate("\n", timeout=20)[0] == "True\nTrue\n"
