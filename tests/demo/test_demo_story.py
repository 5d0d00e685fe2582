"""The demo itself: the whole story to its last line, and nothing left behind at Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

DEMO = [sys.executable, "-u", "-c", "from api.cli.main import main; main()", "demo", "--yes"]
LAST = re.compile(r"(\d+) alerts -> (\d+) pages · injection refused · 0 doubled actions · 0 tokens")


def test_the_whole_story_ends_with_its_measured_line() -> None:
    started = time.monotonic()
    done = subprocess.run(DEMO, capture_output=True, text=True, timeout=240, check=False)
    said = done.stdout
    assert done.returncode == 0, said[-3000:] + done.stderr[-3000:]
    found = LAST.search(said)
    assert found, said[-1500:]
    alerts, pages = map(int, found.groups())
    assert pages == 4
    assert alerts >= 4 * 250
    # Each act has shown what it promises.
    for sign in (
        "nothing like it was seen before",
        "never tried here",
        "1 of 1 (21-100 %)",
        "History says rollback-bad-release",
        "by unknown_playbook",
        "by protected_resource",
        "lease_lost_after_intent",
        "1 call under this approval",
    ):
        assert sign in said, sign
    print(f"demo: {time.monotonic() - started:.0f} s")
    assert not _left_behind()


@pytest.mark.parametrize("after_s", [1.5, 6.0, 24.0])
def test_ctrl_c_leaves_no_process_behind(after_s: float) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        time.sleep(after_s)
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=30)
    assert demo.returncode == 130, said
    assert "Traceback" not in said
    assert not _left_behind()


def _left_behind() -> list[str]:
    """Processes of a demo: its services, its Nightshift, its database. A moment is given to the last to end."""
    for _ in range(20):
        found = [line for line in _commands() if "evals.demo." in line or "nightshift-demo-" in line]
        if not found:
            return []
        time.sleep(0.25)
    return found


def _commands() -> list[str]:
    lines = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                lines.append(file.read().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return lines
