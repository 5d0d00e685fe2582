"""The pager: keeps every page it is sent, so that the demo can show what the person on call saw."""

import argparse
import json
from pathlib import Path
from typing import Any

from evals.demo.serving import (
    BadBody,
    Receive,
    Scope,
    Send,
    announce,
    answer_json,
    listening,
    now_iso,
    read_object,
    run,
    told_to_stop,
)

pages_max = 10_000


class Pager:
    """An ASGI app that stores pages in memory and in pages.jsonl."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._file = (state_dir / "pages.jsonl").open("a", buffering=1, encoding="utf-8")
        self._pages: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        match scope["method"], scope["path"]:
            case "POST", "/page":
                await self._keep(receive, send)
            case "GET", "/pages":
                await answer_json(send, 200, self._pages)
            case "GET", "/healthz":
                await answer_json(send, 200, {"ok": True})
            case _:
                await answer_json(send, 404, {"error": "POST a JSON object to /page, or GET /pages."})

    async def _keep(self, receive: Receive, send: Send) -> None:
        try:
            page = {**await read_object(receive), "received_at": now_iso()}
        except BadBody as error:
            return await answer_json(send, 400, {"error": str(error)})
        if len(self._pages) >= pages_max:
            return await answer_json(send, 507, {"error": f"The pager keeps {pages_max} pages; start a new one."})
        self._pages.append(page)
        self._file.write(json.dumps(page) + "\n")
        return await answer_json(send, 200, {"ok": True, "pages": len(self._pages)})


async def main(args: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stop = told_to_stop()
    async with listening([Pager(args.state_dir)], [args.port]) as ports:
        announce(ports)
        await stop.wait()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state-dir", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    run(main(arguments()))
