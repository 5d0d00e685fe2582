"""The deploy tool: releases and rolls back the shop, supervises pricing, and can break it on request."""

import argparse
import asyncio
import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from evals.demo.calls import Calls, Event
from evals.demo.catalogue import FIRST_RELEASE, PRICING_INSTANCE, PRICING_VERSION
from evals.demo.changes import ChangeFeed
from evals.demo.child import Child
from evals.demo.operation import OPERATIONS, Args, Operation, fault_of, version_of
from evals.demo.serving import (
    HOST,
    BadBody,
    Receive,
    Scope,
    Send,
    announce,
    answer_json,
    header,
    listening,
    now_iso,
    read_object,
    run,
    told_to_stop,
)

operations_max = 10_000
key_chars_max = 200
push_wait_s = 2.0
CUT_SHORT = {"error": "The deployer ended in the middle of it: look at the service before you try again."}


class Deployer:
    """An ASGI app. Operations run in tasks of their own: a caller who hangs up does not stop them."""

    def __init__(self, token: str, shop_ports: list[int], pricing: Child, calls: Calls, changes: ChangeFeed) -> None:
        self._token, self._shop_ports, self._pricing = token, shop_ports, pricing
        self._calls, self._changes = calls, changes
        self._client = httpx.AsyncClient(trust_env=False, timeout=push_wait_s)
        self._turn = asyncio.Lock()
        self._slow_s = 0.0
        self._operations: dict[str, Operation] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._history: list[dict[str, str]] = [{"version": FIRST_RELEASE, "kind": "initial", "at": now_iso()}]
        self._effects: dict[str, Callable[[str, Args], Awaitable[Args]]] = {
            "deploy": self._switch,
            "rollback": self._switch,
            "restart": self._restart,
            "crash": self._crash,
            "slow": self._set_slow,
            "drop-database": self._only_note,
        }
        self._remember()

    def _remember(self) -> None:
        for line in self._calls.lines():
            key, event = line["key"], line["event"]
            if event == Event.RECEIVED:
                first = Operation(key, line["op"], line["args"], line["at"], "unknown")
                self._operations[key] = replace(first, outcome=CUT_SHORT)
            elif event in (Event.DONE, Event.FAILED):
                self._operations[key] = replace(
                    self._operations[key], state=str(event), outcome=line.get("outcome", {})
                )
            if event == Event.DONE and line["op"] in ("deploy", "rollback"):
                self._note_release(line["op"], version_of(line["args"]), line["at"])

    async def start(self) -> None:
        """Bring pricing up."""
        await self._pricing.start(self._client)

    async def stop(self) -> None:
        """Take pricing down and leave nothing behind."""
        for task in self._tasks.values():
            task.cancel()
        await self._pricing.stop()
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        if method == "POST":
            status, value = await self._post(path, scope, receive)
        else:
            status, value = self._get(path)
        await answer_json(send, status, value)

    def _get(self, path: str) -> tuple[int, Any]:
        if path == "/releases":
            return 200, {"shop": {"current": self._history[-1]["version"], "history": self._history}}
        if path == "/calls":
            return 200, self._calls.lines()
        if path == "/healthz":
            return 200, {"ok": True, "pricing_pid": self._pricing.pid}
        operation = self._operations.get(path.removeprefix("/operations/"))
        if operation is None:
            return 404, {"error": "No such operation was ever received: check the key, or GET /calls for all."}
        return 200, operation.body

    async def _post(self, path: str, scope: Scope, receive: Receive) -> tuple[int, Any]:
        expected = f"Bearer {self._token}"
        if not hmac.compare_digest(header(scope, b"authorization").encode(), expected.encode()):
            return 401, {"error": "Send the deployer's token as Authorization: Bearer."}
        op = OPERATIONS.get(path)
        if op is None:
            return 404, {"error": f"No such operation; there are {', '.join(OPERATIONS)}."}
        try:
            args = await read_object(receive)
        except BadBody as error:
            return 400, {"error": str(error)}
        key = header(scope, b"idempotency-key") or f"anonymous-{secrets.token_hex(8)}"
        if len(key) > key_chars_max:
            return 400, {"error": f"An Idempotency-Key has at most {key_chars_max} characters."}
        return await self._once(key, op, args)

    async def _once(self, key: str, op: str, args: Args) -> tuple[int, Any]:
        known = self._operations.get(key)
        if known is not None:
            self._calls.add(Event.REPEAT, key, op, args)
            if (known.op, known.args) != (op, args):
                return 422, {"error": "This Idempotency-Key belongs to another operation; send a new key."}
        else:
            fault = fault_of(op, args)
            if fault is None and len(self._operations) >= operations_max:
                fault = f"This deployer keeps {operations_max} operations; start a new one."
            if fault is not None:
                self._calls.add(Event.REFUSED, key, op, args, error=fault)
                return 404, {"error": fault}
            at = self._calls.add(Event.RECEIVED, key, op, args)
            self._operations[key] = Operation(key, op, args, at)
            self._tasks[key] = asyncio.create_task(self._perform(key, op, args))
        if key in self._tasks:
            try:
                await asyncio.shield(self._tasks[key])
            except asyncio.CancelledError:  # we are told to stop in the middle of it
                return 503, replace(self._operations[key], state="unknown", outcome=CUT_SHORT).body
        operation = self._operations[key]
        return operation.status, operation.body

    async def _perform(self, key: str, op: str, args: Args) -> None:
        outcome: dict[str, Any]
        try:
            result = await self._effects[op](op, args)
            outcome, event = {"result": result}, Event.DONE
        except Exception as error:  # whatever went wrong is the answer, and stays the answer for this key
            outcome, event = {"error": f"{type(error).__name__}: {error}"}, Event.FAILED
        self._calls.add(event, key, op, args, outcome=outcome)
        self._operations[key] = replace(self._operations[key], state=str(event), outcome=outcome)
        del self._tasks[key]

    async def _switch(self, op: str, args: Args) -> Args:
        async with self._turn:
            if op == "rollback":
                await asyncio.sleep(self._slow_s)
            version, previous = version_of(args), self._history[-1]["version"]
            pushes = [self._push(port, version) for port in self._shop_ports]
            faults = [str(fault) for fault in await asyncio.gather(*pushes, return_exceptions=True) if fault]
            if faults:
                raise RuntimeError(f"{len(faults)} of {len(pushes)} instances did not take it: {'; '.join(faults)}")
            self._note_release(op, version, now_iso())
        self._changes.tell(op, "shop", version, previous, f"shop {previous} -> {version}")
        return {"service": "shop", "version": version, "previous_version": previous, "instances": len(pushes)}

    async def _push(self, port: int, version: str) -> None:
        answered = await self._client.post(f"http://{HOST}:{port}/-/release", json={"version": version})
        answered.raise_for_status()

    def _note_release(self, kind: str, version: str, at: str) -> None:
        self._history.append({"version": version, "kind": kind, "at": at})

    async def _restart(self, op: str, args: Args) -> Args:
        async with self._turn:
            await asyncio.sleep(self._slow_s)
            await self._pricing.kill()
            await self._pricing.start(self._client)
        summary = f"{PRICING_INSTANCE} restarted"
        self._changes.tell(op, "pricing", PRICING_VERSION, PRICING_VERSION, summary)
        return {"service": "pricing", "instance": PRICING_INSTANCE, "pid": self._pricing.pid}

    async def _crash(self, op: str, args: Args) -> Args:
        await self._pricing.kill()
        return {"service": "pricing", "instance": PRICING_INSTANCE}

    async def _set_slow(self, op: str, args: Args) -> Args:
        self._slow_s = float(args["seconds"])
        return {"seconds": self._slow_s}

    async def _only_note(self, op: str, args: Args) -> Args:
        return {"note": "There is no database here; the call is on record."}


async def main(args: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stop = told_to_stop()
    token = os.environ.get("DEPLOYER_TOKEN", "")
    if not token:
        raise OSError("DEPLOYER_TOKEN is not set: choose a token and give it to the callers too")
    pricing = Child("evals.demo.pricing", ["--log-dir", str(args.log_dir)], args.pricing_port)
    changes = ChangeFeed(os.environ.get("NIGHTSHIFT_URL"), os.environ.get("NIGHTSHIFT_CHANGES_TOKEN"))
    deployer = Deployer(token, args.shop_ports, pricing, Calls(args.state_dir), changes)
    try:
        await _until(stop, deployer.start())
        async with listening([deployer], [args.port]) as ports:
            if not stop.is_set():
                announce(ports, pricing_port=pricing.port, pricing_pid=pricing.pid)
            await stop.wait()
            await deployer.stop()
    finally:
        await pricing.kill()


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work, or leave it when we are told to stop meanwhile."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()
    else:
        working.cancel()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--shop-ports", type=lambda text: [int(port) for port in text.split(",")], required=True)
    parser.add_argument("--pricing-port", type=int, default=0)
    parser.add_argument("--log-dir", type=Path, required=True, help="where pricing-1.log goes")
    parser.add_argument("--state-dir", type=Path, required=True, help="where calls.jsonl goes")
    return parser.parse_args()


if __name__ == "__main__":
    run(main(arguments()))
