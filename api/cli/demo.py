"""`nightshift demo`: the whole story on this machine. Imports the demo only when it is asked for."""

from typing import Annotated

import typer


def demo(
    yes: Annotated[bool, typer.Option("--yes", help="Answer y for me, for scripts.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running at the end, to look around.")] = False,
) -> None:
    """Play the whole story with real services on this machine, in under two minutes."""
    from evals.demo.story import run

    raise typer.Exit(run(yes=yes, keep=keep))
