"""One real house for all clients: everything up in one process over a fresh database, beside a scripted model."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from evals.scripted_model import Turn, scripted_model
from tests.conftest import fresh_database
from tests.stories.town import POKE, Json, Town, open_town, until

ANSWER = (
    "Nothing was reported to have changed on shop in the last hour: 0 deployments, 0 changes of configuration. [T1]"
)
ASKED = re.compile(r"The person asks:\n(.*)", re.DOTALL)


def answer_of_the_model(request: Json) -> Turn:
    """What the model says: it looks before it answers, wishes for the poke where it is asked to, and knows no more."""
    last = request["messages"][-1]
    if last["role"] == "tool":
        return Turn(ANSWER)
    asked = ASKED.search(str(last["content"]))
    if asked is None:
        return Turn("I cannot tell.")
    if "poke" in asked.group(1):
        return Turn(tool_calls=[("propose_action", {"playbook_id": "poke", "parameters": {"service": "shop"}})])
    return Turn("I look. ", tool_calls=[("list_changes", {"service": "shop", "minutes": 60})])


@dataclass
class Served:
    """The house, its model, and the incident of the shop."""

    town: Town
    model: Any
    alerts: list[Json] = field(default_factory=list)
    number: int = 0

    @property
    def key(self) -> str:
        """The key of the person on call."""
        return self.town.keys["on-call"]

    @property
    def base_url(self) -> str:
        """What OpenAI's clients are given."""
        return f"{self.town.url}/v1"


@pytest.fixture(scope="module")
def module_database(postgres: Any) -> Iterator[Any]:
    """A database that lives as long as the house."""
    with fresh_database(postgres) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(module_database: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A house with an incident of the shop in it."""
    folder = tmp_path_factory.mktemp("house")
    with scripted_model(answer_of_the_model) as model:
        told = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "test-key", "NIGHTSHIFT_MODEL": "scripted-1"}
        async with open_town(module_database, folder, "up", **told) as town:
            await town.furnish(["shop"])
            await town.ask("PUT", "/playbooks/poke", {**POKE, "classes": ["errors"]})
            house = Served(town, model)
            house.alerts = await town.fire("shop")
            house.number = number = (await town.incident("shop"))["number"]

            async def is_awake() -> bool:
                return bool(await town.events(number, "diagnosis"))

            await until("the agent, which takes seconds to import", is_awake)
            yield house
