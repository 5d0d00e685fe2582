"""A ticket is opened once, in plain words that ping nobody, and found again by its mark."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.intent import Intent
from core.playbook import ActionType
from core.policy_rules import Policy
from core.site import Service, Site
from core.ticket import BODY_CHARS_MAX, TITLE_CHARS_MAX, ticket_of
from core.tracker import Tracker, TrackerKind
from tests.tools.far_side import FarSide, Issues
from tools.act import hands
from tools.act.actuator import Effect, Order, Probe

TOKEN = "tok-of-the-tracker"
CARD = {
    "incident": 1042, "why": "release 2.4.1 fails; @everyone see ![x](http://evil.example/x.png) <script>`rm`",
    "impact_now": "12 x HighErrorRate on shop", "evidence": ["errors rose at 03:00"], "not_known": ["why"],
    "target": "shop",
}  # fmt: skip


@dataclass
class Desk:
    """One tracker, what it has, and the site that knows it."""

    side: FarSide
    issues: Issues
    site: Site

    def order(self, card: dict[str, Any] | None = None, incident: str = "i-1") -> Order:
        """Open a ticket."""
        intent = Intent(ActionType.OPEN_TICKET, "ask", 1, {}, "service:prod/shop", "x", "tracker:desk", incident, 1)
        return Order(self.site, intent, "key-1", timeout_s=3.0, card=CARD if card is None else card)


@pytest.fixture(params=["github", "gitlab", "jira", "webhook"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    kind = TrackerKind(request.param)
    (tmp_path / "token").write_text(TOKEN + "\n")
    issues = Issues(TOKEN)
    with FarSide(getattr(issues, kind)) as side:
        at = {TrackerKind.GITLAB: f"{side.url}/api/v4", TrackerKind.WEBHOOK: f"{side.url}/tickets"}
        project = {TrackerKind.GITHUB: "team/shop", TrackerKind.GITLAB: "team/sub/shop", TrackerKind.JIRA: "SHOP"}
        user = "robot@shop.example" if kind is TrackerKind.JIRA else ""
        tracker = Tracker(
            "desk", kind, at.get(kind, side.url), project.get(kind, ""), token_file=str(tmp_path / "token"), user=user,
            allow_private=True,
        )  # fmt: skip
        yield Desk(side, issues, Site(environment="prod", services={"shop": Service("shop")}, trackers=(tracker,)))


async def test_it_is_opened_once_whoever_asks_again(desk: Desk) -> None:
    answer = await hands.act(desk.order())
    assert answer.effect is Effect.DONE, answer
    assert TOKEN not in answer.detail

    again = await hands.act(replace(desk.order(), key="key-2"))
    assert again.effect is Effect.DONE
    # Three trackers can be asked for the mark; a webhook has the key and the mark, and has to look itself.
    is_webhook = desk.site.trackers[0].kind is TrackerKind.WEBHOOK
    assert len(desk.issues.rows) == (2 if is_webhook else 1)
    assert len({row.get("mark") for row in desk.issues.rows}) == 1
    await hands.act(desk.order(incident="i-2"))
    assert len(desk.issues.rows) == (3 if is_webhook else 2)


async def test_its_words_ping_nobody_and_link_nothing(desk: Desk) -> None:
    await hands.act(desk.order())
    row = desk.issues.rows[0]

    assert row["title"].startswith("Incident #1042: release 2.4.1 fails; (at)everyone")
    for mark in ("@", "<", "`", "](", "://e", "\r"):
        assert mark not in row["title"] + row["body"]
    assert "errors rose at 03:00" in row["body"]


@pytest.mark.parametrize(
    ("fault", "effect", "there"),
    [("cut_before", Effect.UNKNOWN, False), ("cut_after", Effect.UNKNOWN, True), ("500", Effect.UNKNOWN, False),
     ("302", Effect.UNKNOWN, False), ("422", Effect.REFUSED, False), ("403", Effect.REFUSED, False)],
)  # fmt: skip
async def test_what_is_not_answered_is_unknown_and_the_mark_tells(
    desk: Desk, fault: str, effect: Effect, there: bool
) -> None:
    desk.side.fault = fault
    assert (await hands.act(desk.order())).effect is effect
    assert len(desk.side.writes) == 1  # never sent again

    seen, _said = await hands.probe(desk.order())
    kind = desk.site.trackers[0].kind
    if kind is TrackerKind.WEBHOOK:
        assert seen is Probe.CANNOT_TELL
    elif there:
        assert seen is Probe.SAW_EFFECT
    else:
        assert seen is (Probe.CANNOT_TELL if kind is TrackerKind.JIRA else Probe.NO_EFFECT)


async def test_a_search_that_lags_proves_nothing(desk: Desk) -> None:
    desk.issues.search_lags = True
    await hands.act(desk.order())
    seen = (await hands.probe(desk.order()))[0]

    assert seen in (Probe.SAW_EFFECT, Probe.CANNOT_TELL)


async def test_a_wrong_token_opens_nothing_and_is_not_shown(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("another-secret")
    answer = await hands.act(desk.order())

    assert (answer.effect, desk.issues.rows) == (Effect.REFUSED, [])
    assert "another-secret" not in answer.detail


async def test_a_ticket_about_a_protected_service_may_be_opened(desk: Desk) -> None:
    guarded = replace(desk.order(), site=replace(desk.site, policy=Policy(protected=("*",))))

    assert (await hands.act(guarded)).effect is Effect.DONE


def test_long_words_are_cut() -> None:
    ticket = ticket_of("i", "b", {"why": "x" * 10_000, "evidence": ["y" * 10_000] * 20})

    assert (len(ticket.title), len(ticket.body)) == (TITLE_CHARS_MAX, BODY_CHARS_MAX)
