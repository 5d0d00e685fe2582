"""`nightshift demo`: the whole story on this machine. Imports the demo only when it is asked for."""

from pathlib import Path


def demo(*, yes: bool, keep: bool, picture: Path | None) -> int:
    """Play the whole story with real services on this machine; the exit code."""
    from evals.demo.story import run

    return run(yes=yes, keep=keep, picture=picture)
