"""Endpoints that stay open from turn to turn: a new connection costs more time than all else before the first word."""

import asyncio
import importlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from agent.context import ModelSettings

if TYPE_CHECKING:
    from agent.model_endpoint import ModelEndpoint


class Endpoints:
    """One endpoint for each settings that were asked for; the stack closes them."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack, self._opening = stack, asyncio.Lock()
        self._open: dict[ModelSettings, ModelEndpoint] = {}

    async def to(self, settings: ModelSettings) -> "ModelEndpoint":
        """The endpoint of a model. The first time costs seconds, for what has to be imported, beside the loop."""
        async with self._opening:
            if settings not in self._open:
                module: Any = await asyncio.to_thread(importlib.import_module, "agent.model_endpoint")
                self._open[settings] = await self._stack.enter_async_context(module.open_endpoint(settings))
            return self._open[settings]
