"""docs/sources.md does what it says: its commands make the sources, and its payloads become alerts and changes."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

GUIDE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
SECRET = "0123456789abcdef0123456789abcdef"
FILLED = {
    "$ALERT_ID": "4711", "$ALERT_TITLE": "[Triggered] Errors of checkout", "$ALERT_TRANSITION": "Triggered",
    "$TAGS": "env:production,service:checkout", "$DATE": "1767261600000",
}  # fmt: skip
SYNCED = {
    ".app.metadata.name": "checkout", ".app.status.operationState.syncResult.revision": "0123456789abcdef01234567",
    ".app.status.operationState.phase": "Succeeded", ".app.spec.destination.namespace": "production",
    ".app.status.operationState.finishedAt": "2026-01-01T10:00:00Z",
}  # fmt: skip


@pytest.fixture
async def takes(office: Any) -> AsyncIterator[Any]:
    """The office with its intake at work."""
    work = asyncio.create_task(office.house.intake.run())
    yield office
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def block(language: str, word: str) -> str:
    """The fenced block of this language with this word in it."""
    [found] = [text for text in re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.S | re.M) if word in text]
    return str(found)


async def add(office: Any, command: str, typed: str = "") -> tuple[str, str]:
    """Run a command of the guide; the name of the source and its key."""
    words = shlex.split(command.replace("\\\n", " ").split(" <")[0], comments=True)[1:]
    ran = await office.run("admin", *words, typed=typed)
    assert ran.code == 0, ran.err
    return words[2], ran.out.strip()


async def post(office: Any, path: str, key: str, body: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=office.url, headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    counts: dict[str, Any] = answer.json()
    return counts


def test_every_kind_of_source_is_in_the_guide() -> None:
    from api.routes.sources import SETTINGS

    table = {line.split("|")[2].strip(" `") for line in GUIDE.splitlines() if line.startswith("| ")} - {"kind"}
    assert table == SETTINGS.keys() - {"alertmanager", "metrics"}


async def test_sentry_and_cloudwatch_are_made_by_the_commands(office: Any) -> None:
    assert (await add(office, block("sh", "client-secret"), typed=SECRET + "\n"))[0] == "web-sentry"
    assert (await add(office, block("sh", "arn:aws:sns")))[0] == "aws"
    shown = await office.run("admin", "sources", "show", "web-sentry")
    assert "is set" in shown.out
    assert SECRET not in shown.out


async def test_the_payload_for_datadog_is_an_alert(takes: Any) -> None:
    name, key = await add(takes, "nightshift sources add watchdog --kind datadog")
    body = {field: FILLED.get(text, text) for field, text in json.loads(block("json", "ALERT_ID")).items()}
    counts = await post(takes, f"/api/v1/webhooks/datadog/{name}", key, body)
    assert (counts["new"], counts["quarantined"]) == (1, 0)


async def test_the_mapping_finds_what_it_names(takes: Any) -> None:
    name, key = await add(takes, block("sh", "status_words"))
    red = {"check": {"id": "c-1", "name": "Errors", "app": "checkout"}, "result": "RED"}
    path = f"/api/v1/webhooks/generic/{name}"
    assert (await post(takes, path, key, {"items": [red]}))["new"] == 1
    assert (await post(takes, path, key, {"items": [{**red, "result": "GREEN"}]}))["resolved"] == 1


async def test_a_failed_job_is_an_alert_until_it_works(takes: Any) -> None:
    _, key = await add(takes, "nightshift sources add jobs --kind exceptions")
    body = json.loads(block("json", "nightly-invoices"))
    assert (await post(takes, "/api/v1/exceptions", key, body))["new"] == 1
    del body["type"]
    assert (await post(takes, "/api/v1/exceptions", key, {**body, "status": "resolved"}))["resolved"] == 1


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_the_template_for_argo_cd_is_a_change(office: Any, phase: str) -> None:
    name, key = await add(office, "nightshift sources add argo --kind argocd")
    template = yaml.safe_load(block("yaml", ".app.metadata"))["webhook"]["nightshift"]["body"]
    values = {**SYNCED, ".app.status.operationState.phase": phase}
    body = re.sub(r"\{\{(.*?)\}\}", lambda found: values[found[1]], template)
    counts = await post(office, f"/api/v1/webhooks/argocd/{name}", key, json.loads(body))
    assert counts.get("stored", counts.get("new")) == 1, counts
