"""Track records from the tables: each outcome counts once, in the context that it belongs to."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from core.intent import Intent
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook
from core.rates import Outcome, TrackRecord
from knowledge.records import Where, does_same, track_records
from store import executions, incidents, learning, playbooks
from store.bus import open_bus
from store.ids import new_id
from store.pool import Store, open_store

ERRORS = "v1|HighErrorRate|http|errors"
OTHER_ERRORS = "v1|TooManyFailures|http|errors"
DISK = "v1|DiskFull|host|disk"
S, F, U = Outcome.STABLE, Outcome.INEFFECTIVE, Outcome.UNKNOWN
RESTART = Playbook(
    "restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1,
    parameters={"service": ParameterRule(ParameterKind.SERVICE)},
)  # fmt: skip
HERE = Where(ERRORS, "prod", "shop")


@pytest.fixture
async def store(database: Any) -> AsyncIterator[Store]:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus, connections_max=4) as store:
        yield store
    await bus.close()


async def opened(store: Store, service: str = "shop", signature: str = ERRORS, environment: str = "prod") -> UUID:
    """An incident."""
    async with store.begin() as conn:
        incident_id = new_id()
        row = {
            "id": str(incident_id), "priority": "P1", "group_key": str(incident_id), "title": "trouble",
            "environment": environment, "cluster": "-", "service": service, "signature": signature,
            "started_at": "2026-03-01T10:00:00Z",
        }  # fmt: skip
        await incidents.create(conn, [row])
    return incident_id


async def tried(
    store: Store,
    *outcomes: Outcome,
    incident: UUID | None = None,
    service: str = "shop",
    signature: str = ERRORS,
    environment: str = "prod",
    playbook: str = "restart",
    version: int = 1,
    days: float = 0,
    **parameters: str,
) -> list[UUID]:
    """Executions with these outcomes, each in an incident of its own, or all in one; learned so many days ago."""
    made = []
    for number, outcome in enumerate(outcomes):
        key = incident or await opened(store, service, signature, environment)
        intent = Intent(
            "restart_instance", playbook, version, {"service": service, **parameters},
            f"service:{environment}/{service}", "", "e", str(key), 1,
        )  # fmt: skip
        values = {
            "incident_id": key, "attempt": number + 1, "origin": "person", "requester": "somebody",
            "signature": signature, "environment": environment, "card": {},
        }  # fmt: skip
        async with store.begin() as conn:
            row, _ = await executions.propose(conn, intent, values)
            assert await executions.learn(conn, row["id"], outcome)
            query = """UPDATE executions SET learned_at = store.now() - make_interval(days => %s),
                         acted_at = store.now() - interval '10 s', finished_at = store.now() - interval '6 s'
                       WHERE id = %s"""
            await conn.execute(query, [days, row["id"]])
        made.append(row["id"])
    return made


async def record(store: Store, where: Where = HERE, book: Playbook = RESTART) -> TrackRecord:
    async with store.begin() as conn:
        return (await track_records(conn, where, [book]))[book.id]


async def test_what_nobody_tried_has_an_empty_record(store: Store) -> None:
    found = await record(store)
    assert (found.words(), found.is_known, found.seconds) == ("never tried here", False, None)


async def test_outcomes_are_counted_with_their_interval_on_this_service_and_in_this_trouble(store: Store) -> None:
    await tried(store, S, S, S, F, U)
    await tried(store, S, S, service="cart")
    await tried(store, S, environment="stage")
    found = await record(store)
    assert (found.helped, found.tried, found.apart, found.on_service) == (6, 7, 1, (3, 4))
    assert found.words() == "6 of 7 (49-97 %), 3 of 4 (30-95 %) on this service"
    assert found.seconds == pytest.approx(4.0, abs=0.01)
    nowhere = await record(store, Where(ERRORS, "prod"))
    assert nowhere.words() == "6 of 7 (49-97 %)", "where nobody asks about a service, none is spoken of"


async def test_what_is_nearer_moves_the_stated_rate_more(store: Store) -> None:
    """Ten failures each, of the same action: the nearer they are, the less is believed of it here."""
    near = {
        "elsewhere": {"signature": DISK},
        "of this class": {"signature": OTHER_ERRORS},
        "in another environment": {"environment": "stage"},
        "on another service": {"service": "cart"},
        "on this service": {},
    }
    rates = []
    for number, (_, context) in enumerate(near.items()):
        book = Playbook(f"book-{number}", 1, "Book", ActionType.RESTART_INSTANCE)
        await tried(store, *[F] * 10, playbook=book.id, **{**{"marker": str(number)}, **context})
        rates.append((await record(store, book=book)).expected)
    # Undisputed, some contexts lend equally much; the seconds between the trials weigh next to nothing.
    assert all(outer >= inner - 1e-6 for outer, inner in pairwise(rates))
    assert 0.5 > rates[0] > rates[-1] + 0.01


async def test_where_services_disagree_this_one_is_believed(store: Store) -> None:
    await tried(store, *[S] * 12, service="cart")
    await tried(store, *[F] * 10)
    assert (await record(store)).expected < 0.5
    assert (await record(store, Where(ERRORS, "prod", "cart"))).expected > 0.5


async def test_other_trouble_is_told_apart_from_the_counts(store: Store) -> None:
    await tried(store, S, S, F, signature=DISK)
    await tried(store, S, signature=OTHER_ERRORS)
    found = await record(store)
    assert (found.words(), found.elsewhere, found.is_known) == ("never tried here", (3, 4), True)
    assert found.notes() == ("in other trouble: 3 of 4 (30-95 %)",)


async def test_similar_incidents_add_evidence_that_is_told_apart(store: Store) -> None:
    plain = await record(store)
    keys = await tried(store, S, S, signature=DISK)
    found = await record(store, Where(ERRORS, "prod", "shop", similar=dict.fromkeys(keys, 0.9)))
    assert (found.similar, found.elsewhere, found.tried) == ((2, 2), (0, 0), 0)
    assert found.expected > plain.expected
    own = await tried(store, S)
    again = await record(store, Where(ERRORS, "prod", "shop", similar=dict.fromkeys([*keys, *own], 0.9)))
    assert (again.tried, again.similar) == (1, (2, 2)), "what is of this trouble is not counted twice"


async def test_old_outcomes_weigh_less(store: Store) -> None:
    await tried(store, *[F] * 6, days=400)
    await tried(store, *[S] * 6)
    found = await record(store)
    assert (found.helped, found.tried) == (6, 12)
    assert found.expected > 0.7
    slow = await record(store, Where(ERRORS, "prod", "shop", half_life_s=1e12))
    assert 0.4 < slow.expected < 0.6


async def test_an_action_counts_once_an_incident_and_that_it_helped_in_the_end_stays(store: Store) -> None:
    await tried(store, F, F, F, incident=await opened(store))
    await tried(store, F, S, incident=await opened(store))
    await tried(store, U, Outcome.FAILED, F, incident=await opened(store))
    found = await record(store)
    assert (found.helped, found.tried, found.apart) == (1, 3, 0)


async def test_other_parameters_are_another_action(store: Store) -> None:
    incident = await opened(store)
    await tried(store, F, incident=incident, mode="soft")
    await tried(store, S, incident=incident, mode="hard")
    found = await record(store)
    assert (found.helped, found.tried) == (1, 2)


async def test_an_older_version_of_the_playbook_is_a_wider_context(store: Store) -> None:
    await tried(store, *[S] * 8)
    young = Playbook("restart", 2, "Restart", ActionType.RESTART_INSTANCE, parameters=RESTART.parameters)
    now, then = await record(store, book=young), await record(store)
    assert (now.helped, now.tried) == (then.helped, then.tried) == (8, 8)
    assert now.on_service == (0, 0)
    assert now.cautious < then.cautious


async def test_a_playbook_of_the_same_shape_lends_its_outcomes(store: Store) -> None:
    body = {
        "id": "restart", "title": "Restart", "action": "restart_instance", "tier": 1,
        "parameters": {"service": {"kind": "service"}},
    }  # fmt: skip
    async with store.begin() as conn:
        await playbooks.put(conn, "restart", body, source="test", by="test")
    await tried(store, S, S)
    twin = Playbook("twin", 1, "Twin", ActionType.RESTART_INSTANCE, parameters=RESTART.parameters)
    bare = Playbook("bare", 1, "Bare", ActionType.RESTART_INSTANCE)
    other = Playbook("other", 1, "Other", ActionType.THROTTLE, parameters=RESTART.parameters)
    assert (await record(store, book=twin)).tried == 2
    assert (await record(store, book=bare)).tried == 0
    assert (await record(store, book=other)).tried == 0


def test_a_choice_has_the_same_shape_where_the_value_is_one_of_its_own() -> None:
    row = {
        "playbook_id": "a", "action": "restart_instance", "parameters": {"how": "soft"},
        "rules": {"how": {"kind": "choice", "choices": ["soft", "hard"]}},
    }  # fmt: skip
    soft, hard = (
        Playbook("b", 1, "B", ActionType.RESTART_INSTANCE,
                 parameters={"how": ParameterRule(ParameterKind.CHOICE, choices=(choice,))})
        for choice in ("soft", "hard")
    )  # fmt: skip
    assert does_same(row, soft)
    assert not does_same(row, hard)
    assert not does_same({**row, "rules": None}, soft), "of a playbook that is gone nobody knows the shape"


async def test_trouble_that_is_back_within_a_day_is_shown_beside_the_rate(store: Store) -> None:
    await tried(store, S)
    assert (await record(store)).returned == 0
    incident = await opened(store)
    async with store.begin() as conn:
        await conn.execute("UPDATE incidents SET opened_at = store.now() + interval '3 h' WHERE id = %s", [incident])
    found = await record(store)
    assert (found.returned, found.helped) == (1, 1)
    assert found.notes() == ("the trouble was back within 24 h after 1 of 1",)


async def test_what_people_did_by_hand_is_counted_apart(store: Store) -> None:
    for _ in range(2):
        incident = await opened(store)
        values = {
            "incident_id": incident, "signature": ERRORS, "environment": "prod", "playbook_id": "restart",
            "words": "", "is_alone": False, "told_by": "person:the one on call",
        }  # fmt: skip
        async with store.begin() as conn:
            await learning.tell_fix(conn, values)
    found = await record(store)
    assert (found.by_hand, found.tried, found.expected) == (2, 0, 0.5)


async def test_an_execution_in_doubt_is_shown_and_not_counted(store: Store) -> None:
    [key] = await tried(store, U)
    async with store.begin() as conn:
        for state, told in (("unknown", "unknown"), ("needs_human", "unknown"), ("inconclusive", "inconclusive")):
            query = "UPDATE executions SET state = %s, outcome = NULL, learned_at = NULL WHERE id = %s"
            await conn.execute(query, [state, key])
            assert [row["outcome"] for row in await learning.history(conn, signature=ERRORS)] == [told]
    assert (await record(store)).apart == 1
