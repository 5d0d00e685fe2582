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

SERVICES = ("shop", "cart")
ANSWER = (
    "Nothing was reported to have changed on shop in the last hour: 0 deployments, 0 changes of configuration. [T1]"
)
POKE_WHAT = re.compile(r"poke (\w+)")
ASKED = re.compile(r"The person asks:\n(.*)", re.DOTALL)


def answer_of_the_model(request: Json) -> Turn:
    """What the model says: it looks before it answers, wishes for the poke where it is asked to, and knows no more."""
    last = request["messages"][-1]
    if last["role"] == "tool":
        return Turn(ANSWER)
    asked = ASKED.search(str(last["content"]))
    if asked is None:
        return Turn("I cannot tell.")
    if wished := POKE_WHAT.search(asked.group(1)):
        return Turn(tool_calls=[("propose_action", {"playbook_id": "poke", "parameters": {"service": wished[1]}})])
    return Turn("I look. ", tool_calls=[("list_changes", {"service": "shop", "minutes": 60})])


@dataclass
class Served:
    """The house, its model, and the incidents of shop and cart: their alerts and numbers."""

    town: Town
    model: Any
    alerts: dict[str, list[Json]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

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
    """A house with two incidents in it."""
    folder = tmp_path_factory.mktemp("house")
    with scripted_model(answer_of_the_model) as model:
        told = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "test-key", "NIGHTSHIFT_MODEL": "scripted-1"}
        async with open_town(module_database, folder, "up", **told) as town:
            await town.furnish(SERVICES)
            await town.ask("PUT", "/playbooks/poke", {**POKE, "classes": ["errors"]})
            house = Served(town, model)
            for service in SERVICES:
                house.alerts[service] = await town.fire(service)
                house.numbers[service] = (await town.incident(service))["number"]

            async def is_awake() -> bool:
                return all([await town.events(number, "diagnosis") for number in house.numbers.values()])

            await until("the agent, which takes seconds to import", is_awake)
            yield house
