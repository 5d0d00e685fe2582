"""Real ssh servers on loopback, each with a key of its own, and programs that only write down how they were called."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
READY_S = 10.0
CONTAINER = "3f" * 32
PROGRAM = """#!{python} -I
import json, os, sys, time
folder = {folder!r}
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
def note(file, **row):
    with open(os.path.join(folder, file), "a") as log:
        log.write(json.dumps({{"at": time.time(), **row}}) + "\\n")
note("ran.log", program=name, arguments=arguments)
if name != "docker":
    print("ran", name)
    sys.exit(int(os.environ.get("EXIT", "0")))
with open(os.path.join(folder, "manner.json")) as file:
    manner = json.load(file)
def events():
    try:
        return [json.loads(line) for line in open(os.path.join(folder, "events.log"))]
    except FileNotFoundError:
        return []
if arguments[:2] == ["container", "inspect"]:
    if arguments[-1] != "worker":
        sys.exit("Error response from daemon: No such container: " + arguments[-1])
    started = manner["started"] + "T00:00:00.000000000Z"
    print(json.dumps({{"Id": manner["id"], "State": {{"Status": "running", "StartedAt": started}},
        "HostConfig": {{"Memory": 268435456, "MemorySwap": 536870912, "NanoCpus": 0}},
        "Config": {{"Image": "worker:1", "Labels": {{}}}}}}))
elif arguments[:1] == ["info"]:
    now = time.time()
    print(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%09dZ" % int(now % 1 * 1e9))
elif arguments[:1] == ["events"]:
    given = dict(a[2:].split("=", 1) for a in arguments[1:])
    for row in events():
        if float(given["since"]) <= row["at"] <= float(given["until"]):
            print(json.dumps(row["event"]))
elif arguments[:1] and arguments[0] in ("restart", "start", "stop", "update"):
    if arguments[-1] != manner["id"]:
        sys.exit("Error response from daemon: No such container: " + arguments[-1])
    steps = {{"restart": ["kill", "die", "stop", "start", "restart"], "stop": ["kill", "die", "stop"]}}
    time.sleep(manner["before_s"])
    note("effects.log", verb=arguments[0], arguments=arguments)
    for action in steps.get(arguments[0], [arguments[0]]):
        note("events.log", event={{"Type": "container", "Action": action, "Actor": {{"ID": manner["id"]}}}})
    time.sleep(manner["after_s"])
    print(arguments[-1])
    sys.exit(manner["exit"])
else:
    sys.exit("unknown docker command: " + " ".join(arguments))
"""


@dataclass
class Machine:
    """A host with an ssh server; `programs` are all that its PATH has."""

    folder: Path
    port: int
    host_key: str
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> str:
        """What the server itself wrote down."""
        return (self.folder / "sshd.log").read_text("utf-8", "replace")

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The lines of a log of the programs: `ran`, `effects` or `events`."""
        path = self.folder / f"{name}.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def behave(self, **manner: Any) -> None:
        """How the stand-in for docker behaves."""
        usual = {"id": CONTAINER, "started": "2026-01-01", "before_s": 0.0, "after_s": 0.0, "exit": 0}
        (self.folder / "manner.json").write_text(json.dumps(usual | manner))

    def sessions(self) -> int:
        """How many commands the server was asked to run, by its own log."""
        return self.log.count("Starting session: command")

    def logins(self) -> int:
        """How many logins it accepted."""
        return self.log.count("Accepted publickey")

    def cut(self) -> None:
        """End every connection, and leave the server itself running."""
        for child in _children(self.process.pid):
            for pid in (*_children(child), child):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def make_key(path: Path, kind: str = "ed25519") -> str:
    """A new key; its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@contextmanager
def machine(
    folder: Path, client_key: str, programs: tuple[str, ...] = ("docker", "report", "canary")
) -> Iterator[Machine]:
    """A running server that lets this user in with one key, and ends with the block."""
    assert SSHD, "the caller looks whether it is there"
    folder.mkdir()
    host_key = make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(client_key + "\n")
    (folder / "authorized_keys").chmod(0o600)
    place = folder / "bin"
    place.mkdir()
    for name in programs:
        (place / name).write_text(PROGRAM.format(python=sys.executable, folder=str(folder)))
        (place / name).chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host_key",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "PidFile none", "UsePAM no", "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password", "AllowTcpForwarding yes", "LogLevel VERBOSE",
        f"SetEnv PATH={place} HOME={folder}", "MaxStartups 100", "PrintMotd no",
    ]  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    command = [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "sshd.log").open("wb"))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        made = Machine(folder, port, host_key, process)
        made.behave()
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        stack.callback(made.cut)
        _wait(made)
        yield made


def _wait(made: Machine) -> None:
    end = time.monotonic() + READY_S
    while f"port {made.port}" not in made.log:
        assert made.process.poll() is None, made.log
        assert time.monotonic() < end, made.log
        time.sleep(0.05)


def user() -> str:
    """The account that a server lets in: the one that runs the tests."""
    return getpass.getuser()
