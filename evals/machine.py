"""What processes used, from /proc: CPU seconds with all their children, resident memory, and the machine's load."""

import os
import resource
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def own_cpu_s() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def busy_s() -> float:
    """CPU seconds that the machine was not idle, stolen time included."""
    first = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, first)
    return (user + nice + system + interrupts + soft + stolen) / TICKS_PER_S


def cpu_s(roots: Iterable[int]) -> float:
    """CPU seconds of these processes and all below them, the ended children that they waited for included."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in _family(roots) if _stat(pid)) / TICKS_PER_S


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _family(roots: Iterable[int]) -> set[int]:
    parents = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found, waiting = set(), list(roots)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += [child for child, fields in parents.items() if fields and int(fields[1]) == pid]
    return found
