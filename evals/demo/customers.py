"""The customers: a light, even load over every instance and route of the shop."""

import argparse
import asyncio
import contextlib
import json
import random
from collections import Counter

from evals.demo.catalogue import ROUTES
from evals.demo.connection import Connection
from evals.demo.serving import HOST, announce, run, told_to_stop

request_wait_s = 2.0
behind_max_s = 1.0
after_refusal_s = 0.25
USER_AGENT = "shop-app/7.1 (customers)"


async def visit(port: int, begin_s: float, rps_per_route: float, counts: Counter[str]) -> None:
    """Ask one instance for one route after the other at a fixed pace; `begin_s` is a time of the loop."""
    loop = asyncio.get_running_loop()
    step_s = 1.0 / (rps_per_route * len(ROUTES))
    connection = Connection(HOST, port, USER_AGENT, request_wait_s)
    turn = 0
    while True:
        wait_s = begin_s + turn * step_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif wait_s < -behind_max_s:
            # Whoever could not come does not come twice later; the rhythm of each route stays.
            missed = int(-wait_s / step_s)
            counts["skipped"] += missed
            turn += missed
        target = f"{ROUTES[turn % len(ROUTES)]}?cart={random.getrandbits(48):x}"
        turn += 1
        counts["sent"] += 1
        try:
            status, _ = await connection.get(target)
            counts[str(status)] += 1
        except OSError:
            counts["lost"] += 1
            await asyncio.sleep(after_refusal_s)


async def main(args: argparse.Namespace) -> None:
    """Visit the shop until told to stop, then print what came back."""
    stop = told_to_stop()
    counts: Counter[str] = Counter(sent=0, lost=0, skipped=0)
    begin_s = asyncio.get_running_loop().time() + 0.05
    step_s = 1.0 / (args.rps_per_route * len(ROUTES))
    visits = [
        asyncio.create_task(visit(port, begin_s + step_s * at / len(args.shop_ports), args.rps_per_route, counts))
        for at, port in enumerate(args.shop_ports)
    ]
    announce([])
    await asyncio.wait([asyncio.create_task(stop.wait()), *visits], return_when=asyncio.FIRST_COMPLETED)
    with contextlib.suppress(BrokenPipeError):  # the parent may be gone
        print(json.dumps(counts), flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop-ports", type=lambda text: [int(port) for port in text.split(",")], required=True)
    parser.add_argument("--rps-per-route", type=float, default=1.0, help="requests per second, instance and route")
    return parser.parse_args()


if __name__ == "__main__":
    run(main(arguments()))
