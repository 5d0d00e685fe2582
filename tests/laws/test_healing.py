"""The healing machine against people, time, faults and a target that fails: hypothesis chooses what happens next.

After every step the promises of healing are checked, over the target's own log and over the audit. The database is
real, and so is every statement; only the clock is the test's.
"""

import asyncio
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core.errors import NightshiftError
from core.execution import ATTEMPTED, TRANSITIONS, State
from engine import approving, revising
from tests.engine.ward import Killed, Ward, open_ward
from tests.stories.target import Manner

# Read when the module is imported: the settings of this machine are taken away from each test.
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
EXAMPLES, STEPS = (300, 50) if FULL else (12, 25)
POINTS = ("", "claimed", "before_intent", "running", "acted")
MANNERS = (
    Manner(),
    Manner(answer=0),
    Manner(answer=0, effect=False),
    Manner(answer=502),
    Manner(answer=409, effect=False),
)
PEOPLE = ("first", "second", "carer")
WAITED_S = 120
FINAL = {state for state in State if not TRANSITIONS[state]}
REST = FINAL | {State.NEEDS_HUMAN, State.INCONCLUSIVE}
person = st.sampled_from(PEOPLE)


class Healing(RuleBasedStateMachine):
    """Two services: an ordinary one, and one that is protected from the beginning."""

    ward: Ward
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[UUID] = []
        self.tokens: dict[UUID, int] = {}
        self.finals: dict[UUID, str] = {}
        self.service, self.guarded = self.run(self.begin())

    def run(self, work: Any) -> Any:
        """In the loop of the ward."""
        return self.runner.run(work)

    async def begin(self) -> tuple[str, str]:
        """Fresh services, so that examples do not meet."""
        service, guarded = await self.ward.add_service(), await self.ward.add_service()
        await self.ward.furnish(policy={**self.ward.site["policy"], "protected": [f"*/{guarded}"]})
        await self.turn("kill", on=False)
        return service, guarded

    async def turn(self, name: str, *, on: bool) -> None:
        """A switch."""
        await self.ward.rows(
            "INSERT INTO switches (name, is_on, reason, changed_by) VALUES (%s, %s, '', 't')"
            " ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on", name, on,
        )  # fmt: skip

    async def attempt(self, work: Any) -> Any:
        """What may be refused, and what may be killed."""
        try:
            return await work
        except (NightshiftError, Killed):
            return None

    def of(self, which: int) -> UUID:
        return self.keys[which % len(self.keys)]

    # What people do

    @precondition(lambda self: len(self.keys) < 12)
    @rule(book=st.sampled_from(["poke", "hammer"]), who=person, guarded=st.integers(0, 4))
    def ask(self, book: str, who: str, guarded: int) -> None:
        async def work() -> None:
            made = await self.ward.ask(self.guarded if guarded == 0 else self.service, book, person=who)
            self.keys.append(made["id"])

        self.run(self.attempt(work()))

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 11), who=person, verdict=st.sampled_from(["approve"] * 5 + ["reject"]))
    def decide(self, which: int, who: str, verdict: str) -> None:
        self.run(self.attempt(self.ward.decide(self.of(which), who, verdict)))

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 11), what=st.sampled_from(["edit", "withdraw", "glass", "move on"]), who=person)
    def revise(self, which: int, what: str, who: str) -> None:
        async def work() -> None:
            approval, site = await self.ward.approval(self.of(which)), await self.ward.house.site()
            one, seen = self.ward.people[who], approval["intent_hash"]
            async with self.ward.store.begin() as conn:
                if what == "edit":
                    made = await revising.edit(
                        conn, site, approval["id"], one, intent_hash=seen, parameters={"times": 2}, reason="twice"
                    )
                    self.keys.append(made["id"])
                elif what == "withdraw":
                    await revising.withdraw(conn, approval["id"], one, reason="no", may_all=True)
                elif what == "glass":
                    await revising.break_glass(
                        conn, site, approval["id"], one, intent_hash=seen, reason="nobody else is awake"
                    )
                else:
                    await approving.supersede(conn, (await self.ward.execution(self.of(which)))["incident_id"])

        self.run(self.attempt(work() if which < len(self.keys) else asyncio.sleep(0)))

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 11), happened=st.booleans())
    def look(self, which: int, happened: bool) -> None:
        # A person who looks sees what is so.
        saw = self.ward.target.effects(str(self.of(which))) > 0
        is_open = self.run(self.ward.execution(self.of(which)))["state"] == State.INCONCLUSIVE
        self.run(self.attempt(self.ward.checked(self.of(which), happened=happened if is_open else saw)))

    # What happens to them

    @rule(manner=st.sampled_from(MANNERS))
    def misbehave(self, manner: Manner) -> None:
        self.ward.target.manners[self.service] = manner

    @rule(on=st.sampled_from([False, False, True]))
    def switch(self, on: bool) -> None:
        self.run(self.turn("kill", on=on))

    @rule(over=st.booleans())
    def tell(self, over: bool) -> None:
        self.run(self.ward.clear(self.service) if over else self.ward.alert(self.service))

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 11), point=st.sampled_from(POINTS), late_s=st.sampled_from([0.0, 0.0, 9.0]))
    def execute(self, which: int, point: str, late_s: float) -> None:
        """A worker gets the job, and may die at a point; jobs may come twice, and for anything."""

        async def work() -> None:
            self.ward.crashes.at = point
            try:
                await self.ward.execute(self.of(which))
            finally:
                self.ward.crashes.at = ""
                self.ward.clock.advance(late_s)

        self.run(self.attempt(work()))

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 11))
    def execute_twice_at_once(self, which: int) -> None:
        async def work() -> None:
            await asyncio.gather(*(self.ward.execute(self.of(which)) for _ in range(2)))

        self.run(self.attempt(work()))

    @rule(seconds=st.sampled_from([1.0, 3.0, 10.0, 1_000.0]))
    def wait(self, seconds: float) -> None:
        self.ward.clock.advance(seconds)
        self.run(self.attempt(self.ward.work()))

    @rule()
    def work(self) -> None:
        self.run(self.attempt(self.ward.work()))

    # What holds after each of them

    @invariant()
    def promises_hold(self) -> None:
        for key in self.keys:
            self.run(self.check(key))
        touched = [
            row for row in self.ward.target.log if row["event"] == "received" and row["body"]["service"] == self.guarded
        ]
        assert not touched, "nothing protected is ever touched"
        assert self.run(self.open_now()) <= 1, "one open execution on a resource"

    async def open_now(self) -> int:
        [row] = await self.ward.rows(
            "SELECT count(*) AS n FROM executions WHERE resource_id = 'service:test/' || %s AND state IN"
            " ('claimed', 'running', 'succeeded', 'verifying', 'unknown', 'needs_human')", self.service,
        )  # fmt: skip
        return int(row["n"])

    async def check(self, key: UUID) -> None:
        """The promises about one execution."""
        row, steps = await self.ward.execution(key), await self.ward.audit(key)
        path = [step["to_state"] for step in steps]
        calls, effects = self.ward.target.received(str(key)), self.ward.target.effects(str(key))
        story = f"{path}, {calls} calls, {effects} effects"
        assert calls <= 1, f"at most one attempt: {story}"
        assert path.count("running") <= 1, f"one attempt an approval: {story}"
        assert not calls or "running" in path, f"an effect has an intent before it: {story}"
        assert "succeeded" not in path or effects == 1, f"succeeded without an effect: {story}"
        assert row["state"] != State.FAILED or not effects, f"an effect is denied: {story}"
        assert (row["acted_at"] is not None) == (State(row["state"]) in ATTEMPTED), story
        walk = [State(step) for step in path]
        assert all(after in TRANSITIONS[before] for before, after in pairwise(walk)), story
        assert row["state"] == path[-1], story
        assert row["token"] >= self.tokens.get(key, 0), f"tokens never decrease: {story}"
        self.tokens[key] = row["token"]
        assert self.finals.get(key, row["state"]) == row["state"], f"final states never change: {story}"
        if State(row["state"]) in FINAL:
            self.finals[key] = row["state"]
        if "running" in path:
            approval = await self.ward.approval(key)
            assert (approval["state"], approval["intent_hash"]) == ("consumed", row["intent_hash"]), story
            votes = await self.ward.rows("SELECT * FROM approval_votes WHERE approval_id = %s", approval["id"])
            yes = {vote["person_id"] for vote in votes if vote["verdict"] == "approve"}
            assert approval["kind"] == "break_glass" or len(yes) >= approval["needed"], story
            asker = self.ward.people.get(row["requester"])
            assert row["playbook_id"] != "hammer" or asker is None or asker.id not in yes, f"who asked: {story}"

    def teardown(self) -> None:
        """After the faults every execution comes to an end, or to a person; what was good is counted."""
        self.ward.target.manners.pop(self.service, None)
        self.run(self.turn("kill", on=False))
        self.run(self.ward.clear(self.service))
        for _ in range(WAITED_S // 5):
            self.run(self.ward.run(10.0, 5.0))
            rows = [self.run(self.ward.execution(key)) for key in self.keys]
            if all(State(row["state"]) in REST or row["outcome"] for row in rows):
                break
            self.ward.clock.advance(100.0)  # so that what nobody decides on expires
        self.promises_hold()
        rows = [self.run(self.ward.execution(key)) for key in self.keys]
        left = Counter(row["state"] for row in rows if State(row["state"]) not in REST and not row["outcome"])
        assert not left, f"they never end: {left}"
        for row in rows:
            assert row["outcome"] != "stable" or row["state"] == State.STABLE
            if row["state"] == State.STABLE:
                assert row["outcome"] in ("stable", "recovered_alone")
        # The next example begins with free resources and without jobs of this one.
        self.run(
            self.ward.rows("UPDATE executions SET state = 'failed' WHERE state IN ('needs_human', 'inconclusive')")
        )


def test_no_order_of_events_breaks_a_promise(database: Any, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        opened = open_ward(database, tmp_path, names=PEOPLE)
        Healing.ward, Healing.runner = runner.run(opened.__aenter__()), runner
        try:
            run_state_machine_as_test(
                Healing,
                settings=settings(
                    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck),
                    # A counterexample is told as it was found: each step costs real statements.
                    phases=[Phase.generate, *([Phase.shrink] if FULL else [])],
                ),
            )  # fmt: skip
        finally:
            runner.run(opened.__aexit__(None, None, None))
