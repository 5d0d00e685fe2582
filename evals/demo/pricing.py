"""The pricing service: one instance that tells the shop what things cost."""

import argparse
import json
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from evals.demo.catalogue import PRICES_CENT, PRICING_INSTANCE, PRICING_VERSION
from evals.demo.log_file import LogFile, quoted
from evals.demo.serving import (
    Receive,
    Scope,
    Send,
    announce,
    answer,
    answer_json,
    listening,
    run,
    told_to_stop,
)

INFO_ONE_IN = 100


class Pricing:
    """An ASGI app that answers with the price table."""

    def __init__(self, log_dir: Path) -> None:
        self.log = LogFile(log_dir, PRICING_INSTANCE)
        self.registry = CollectorRegistry()
        self._requests = Counter("pricing_requests", "Requests for prices", registry=self.registry)
        self._errors = Counter("pricing_request_errors", "Requests that failed", registry=self.registry)
        self._table = json.dumps({"version": PRICING_VERSION, "prices": PRICES_CENT}).encode()
        self._answered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path == "/prices":
            self._requests.inc()
            self._answered += 1
            if self._answered % INFO_ONE_IN == 0:
                self.log.line("INFO", f"release={PRICING_VERSION} route=/prices status=200")
            await answer(send, 200, self._table)
        elif path == "/healthz":
            await answer_json(send, 200, {"ok": True, "instance": PRICING_INSTANCE})
        elif path == "/metrics":
            await answer(send, 200, generate_latest(self.registry), CONTENT_TYPE_LATEST.encode())
        else:
            self.log.line("WARN", f"release={PRICING_VERSION} status=404 path={quoted(path)}")
            await answer_json(send, 404, {"error": "Ask for /prices."})


async def main(args: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stop = told_to_stop()
    pricing = Pricing(args.log_dir)
    async with listening([pricing], [args.port], shared=args.shared_port) as ports:
        pricing.log.line("INFO", f"release={PRICING_VERSION} started on port {ports[0]}")
        announce(ports)
        await stop.wait()
    pricing.log.line("INFO", f"release={PRICING_VERSION} stopped")
    pricing.log.close()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--shared-port", action="store_true", help="a supervisor holds the port for us")
    return parser.parse_args()


if __name__ == "__main__":
    disable_created_metrics()
    run(main(arguments()))
