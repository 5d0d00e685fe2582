"""What docs/connect.md says without a neighbour: the site file it adds up to, and the model's address and key."""

import os
import subprocess

from langchain_core.messages import HumanMessage

from agent.context import ModelSettings
from agent.model_endpoint import open_endpoint
from core.playbook import ActionType
from core.site_form import read_site
from engine.settings import Settings
from evals.scripted_model import Turn, scripted_model
from tests.neighbours.guide import blocks, merged

LOCAL_MODEL = {"address": "http://127.0.0.1:11434/v1", "key": "none", "name": "qwen3:8b"}
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}},
}


def test_the_blocks_of_the_site_file_are_one_site_as_they_stand() -> None:
    site = read_site(merged("site.yaml"), 1)
    assert site.prometheus_url == "http://prometheus.example:9090"
    assert not site.targets
    assert not [rule.name for rule in site.rules if rule.fires]
    assert {rule.service for rule in site.rules} == {"shop"}
    endpoint = site.endpoint(ActionType.DEPLOY_ROLLBACK, "shop")
    assert endpoint
    assert "{key}" in endpoint.probe_url
    # A service's own questions are about that service without saying so.
    assert site.service("pricing").signals["up"].matchers == {"service": "pricing"}


def test_a_watched_folder_takes_the_place_of_files_that_are_looked_at() -> None:
    site = read_site({**merged("site.yaml"), **merged("watch.yaml")}, 1)
    assert [log.folder for log in site.logs] == ["/var/log/shop"]
    assert [rule.holds(0) for rule in site.log_rules] == [False, True]


async def test_a_local_model_answers_under_the_settings_of_the_guide() -> None:
    async with scripted_model([Turn("here")], key=LOCAL_MODEL["key"], model=LOCAL_MODEL["name"]) as server:
        (script,) = blocks("model", {LOCAL_MODEL["address"]: server.base_url})
        said = subprocess.run(
            ["bash", "-euc", f"{script}\nenv"],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        given = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        settings = Settings(**given)
        model = ModelSettings(settings.openai_base_url, settings.openai_api_key.get_secret_value(), settings.model)
        async with open_endpoint(model) as endpoint:
            assert (await endpoint.ask([HumanMessage("Are you there?")], [TOOL], 10)).text == "here"
