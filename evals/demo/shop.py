"""The shop: eight instances in one process, each with its own port, metrics and log file."""

import argparse
import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import disable_created_metrics

from evals.demo.catalogue import INSTANCES
from evals.demo.instance import Instance, price_refresh_s
from evals.demo.serving import announce, listening, run, told_to_stop


async def main(args: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stop = told_to_stop()
    pricing = urlsplit(args.pricing)
    shop = [Instance(name, args.log_dir) for name in INSTANCES]
    # The instances fetch one after another within a period, not all at the same moment.
    refreshers = [
        asyncio.create_task(
            one.refresh_prices(str(pricing.hostname), pricing.port or 80, price_refresh_s * at / len(shop))
        )
        for at, one in enumerate(shop)
    ]
    async with listening(shop, args.ports) as ports:
        announce(ports)
        await stop.wait()
    for refresher in refreshers:
        refresher.cancel()
    for one in shop:
        one.log.close()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--pricing", required=True, help="address of the pricing service: http://127.0.0.1:PORT")
    parser.add_argument(
        "--ports",
        type=lambda text: [int(port) for port in text.split(",")],
        default=[0] * len(INSTANCES),
        help="eight ports with commas between them, 0 for any",
    )
    return parser.parse_args()


if __name__ == "__main__":
    disable_created_metrics()
    run(main(arguments()))
