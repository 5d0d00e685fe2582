"""A service that the deploy tool supervises: started, killed and started again on the same port."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import httpx

from evals.demo.serving import HOST, bound_socket

start_wait_s = 10.0
stop_wait_s = 0.4
health_poll_s = 0.05


class Child:
    """One child process and the port it serves. Its stdin is ours, so it ends when we end."""

    def __init__(self, module: str, arguments: Sequence[str], port: int) -> None:
        # Held for as long as we live: while the child is down nobody else can get its port.
        self._held = bound_socket(port, shared=True)
        self.port = self._held.getsockname()[1]
        self._command = [sys.executable, "-m", module, *arguments, "--port", str(self.port), "--shared-port"]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None while the child is down."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def start(self, client: httpx.AsyncClient) -> None:
        """Start it and wait until it says that it is healthy. Raises TimeoutError."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        async with asyncio.timeout(start_wait_s):
            while not await self._healthy(client):
                if self.pid is None:
                    raise ChildProcessError(f"ended at start with code {self._process.returncode}")
                await asyncio.sleep(health_poll_s)

    async def _healthy(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"http://{HOST}:{self.port}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def kill(self) -> None:
        """SIGKILL, if it lives."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Let it end by itself; kill it when it does not."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(stop_wait_s):
                    await self._process.wait()
        await self.kill()
        self._held.close()
