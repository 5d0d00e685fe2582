"""Deployers in their own words become changes that a diagnosis can point at; what is no change is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest import argocd, github, gitlab
from tests.api.test_sources_alerts import NOW, broken
from tests.api.test_sources_signed import SECRET, make, signed

PAYLOADS = Path(__file__).parent / "payloads" / "senders"
KINDS = ("github", "gitlab", "argocd")
COLUMNS = "kind, environment, service, version, previous_version, author, summary, at"


def payloads(pattern: str) -> list[str]:
    return sorted(
        p.relative_to(PAYLOADS).with_suffix("").as_posix() for kind in KINDS for p in PAYLOADS.glob(f"{kind}/{pattern}")
    )


def event_of(path: str) -> str:
    return path.split("/")[-1].partition("-")[0]


async def deliver(door: Any, url: str, path: str) -> Any:
    kind, body = path.split("/")[0], (PAYLOADS / f"{path}.json").read_bytes()
    headers = {
        "github": {"X-Hub-Signature-256": f"sha256={signed(body)}", "X-GitHub-Event": event_of(path)},
        "gitlab": {"X-Gitlab-Token": SECRET},
        "argocd": {},
    }[kind]
    return await door.post(url, body, "argocd" if kind == "argocd" else None, **headers)


async def deployer(door: Any, path: str, **settings: Any) -> str:
    kind = path.split("/")[0]
    return await make(door, kind, **({} if kind == "argocd" else {"secret": SECRET}), **settings)


@pytest.mark.parametrize(
    ("path", "kind", "environment", "version", "previous", "author"),
    [
        ("github/deployment_status-success", "deploy", "prod", "v42", "", "release-bot"),
        ("github/deployment_status-failure", "deploy_failed", "prod", "v42", "", "release-bot"),
        ("github/deployment_status-of-a-branch", "deploy", "prod", "9f86d081884c", "", "release-bot"),
        ("github/release-published", "release", "-", "v42", "", "release-bot"),
        ("github/push-to-the-default-branch", "push", "-", "9f86d081884c", "111111111111", "developer"),
        ("gitlab/deployment-success", "deploy", "prod", "v42", "", "release-bot"),
        ("gitlab/deployment-failed", "deploy_failed", "prod", "v42", "", "release-bot"),
        ("argocd/template-succeeded", "deploy", "prod", "9f86d081884c", "", ""),
        ("argocd/template-failed", "deploy_failed", "prod", "9f86d081884c", "", ""),
        ("argocd/application-succeeded", "deploy", "prod", "9f86d081884c", "111111111111", "release-bot"),
    ],
)
async def test_a_change_is_kept_once_with_what_its_sender_says(
    door: Any, path: str, kind: str, environment: str, version: str, previous: str, author: str
) -> None:
    url = await deployer(door, path, environments={"production": "prod", "shop-prod": "prod"})
    assert (await deliver(door, url, path)).json()["stored"] == 1
    assert (await deliver(door, url, path)).json()["known"] == 1
    [row] = await door.rows(f"SELECT {COLUMNS} FROM changes")
    assert (row["kind"], row["environment"], row["service"]) == (kind, environment, "shop")
    assert (row["version"], row["previous_version"], row["author"]) == (version, previous, author)
    assert row["at"].isoformat() == "2026-01-01T08:00:00+00:00"
    assert row["summary"]


@pytest.mark.parametrize(
    "path",
    [
        "github/deployment_status-in-progress",
        "github/release-drafted",
        "github/push-to-another-branch",
        "github/push-that-deletes",
        "github/ping",
        "gitlab/deployment-running",
        "gitlab/pipeline",
        "argocd/template-running",
    ],
)
async def test_what_changes_nothing_is_answered_and_not_kept(door: Any, path: str) -> None:
    answer = await deliver(door, await deployer(door, path), path)
    assert (answer.status_code, answer.json()["stored"]) == (200, 0)
    assert await door.rows("SELECT 1 FROM changes UNION ALL SELECT 1 FROM quarantine") == []


@pytest.mark.parametrize("path", payloads("flawed/*.json"))
async def test_a_flawed_change_is_refused_and_readable_in_quarantine(door: Any, path: str) -> None:
    answer = await deliver(door, await deployer(door, path), path)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 1), answer.text
    assert len(await door.rows("SELECT 1 FROM quarantine")) == 1
    assert await door.rows("SELECT 1 FROM changes") == []


async def test_a_source_may_name_the_service_and_the_environment(door: Any) -> None:
    url = await deployer(door, "github/push", service="cart", environment="staging")
    await deliver(door, url, "github/push-to-the-default-branch")
    [row] = await door.rows("SELECT service, environment FROM changes")
    assert row == {"service": "cart", "environment": "staging"}


@pytest.mark.parametrize("path", payloads("*.json"))
def test_whatever_stands_in_a_field_there_is_an_answer(path: str) -> None:
    from core.errors import BadInput

    parse: Any = {
        "github": lambda body: github.parse_event(body, "s", NOW, event_of(path), {}),
        "gitlab": lambda body: gitlab.parse_event(body, "s", NOW, {}),
        "argocd": lambda body: argocd.parse_event(body, "s", NOW, {}),
    }[path.split("/")[0]]
    for body in broken(json.loads((PAYLOADS / f"{path}.json").read_text())):
        try:
            parsed = parse(body)
        except BadInput:
            continue
        for change in parsed.changes:
            assert change["service"]
            assert change["external_id"]
            assert "\x00" not in "".join(str(value) for value in change.values())
