"""A container is changed once, only if it is the one that was meant, and the daemon's events tell what happened."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.intent import Intent
from core.machine import Container, ContainerEngine
from core.playbook import ActionType
from core.policy_rules import Policy
from core.site import Service, Site
from tests.tools.engine_fake import Box, Engine
from tools.act import hands
from tools.act.actuator import Effect, Order, Probe
from tools.act.daemon import seconds_of
from tools.act.sight import before, look_for, target_fault

WORKER = "3f" * 32
RESTART, START, STOP, UPDATE = (
    ActionType.DOCKER_RESTART, ActionType.DOCKER_START, ActionType.DOCKER_STOP, ActionType.DOCKER_UPDATE,
)  # fmt: skip


@pytest.fixture
def engine(data_dir: Path) -> Iterator[Engine]:
    with Engine(str(data_dir / "engine.sock")) as running:
        running.add(Box(WORKER, "worker", labels={"com.docker.compose.project": "shop"}))
        running.add(Box("aa" * 32, "other"))
        yield running


def site_of(engine: Engine) -> Site:
    near = ContainerEngine("near", (Container("worker", "shop", memory_mib_max=1024),), engine.path, stop_s_max=7)
    return Site(environment="prod", services={"shop": Service("shop")}, engines=(near,))


def order(engine: Engine, action: ActionType = RESTART, identity: str = f"container:{WORKER}", **more: Any) -> Order:
    parameters = more.pop("parameters", {})
    seen = {"seen": {"state": "running", "memory_mib": 256, "cpu_millis": 0}}
    intent = Intent(
        action, "book", 1, parameters, "docker:near/worker", identity, "docker:near/worker", "i", 1, seen
    )  # fmt: skip
    return Order(site_of(engine), intent, "key-1", **{"timeout_s": 3.0, "age_s": 60.0, **more})


async def test_it_is_restarted_once_and_the_events_tell(engine: Engine) -> None:
    assert (await hands.probe(order(engine)))[0] is Probe.NO_EFFECT

    answer = await hands.act(order(engine))

    assert (answer.effect, engine.effects) == (Effect.DONE, [("restart", WORKER)])
    assert f"POST /v1.44/containers/{WORKER}/restart?t=7" in engine.requests
    assert (await hands.probe(order(engine)))[0] is Probe.SAW_EFFECT
    assert engine.refused == []


async def test_it_is_stopped_and_started(engine: Engine) -> None:
    assert (await hands.act(order(engine, STOP))).effect is Effect.DONE
    assert not engine.boxes["worker"].running
    again = await hands.act(order(engine, STOP))
    assert (again.effect, again.detail) == (Effect.REFUSED, "nothing was sent: the container is so already (stop)")
    assert (await hands.act(order(engine, START))).effect is Effect.DONE
    assert engine.effects == [("stop", WORKER), ("start", WORKER)]
    assert (await hands.probe(order(engine, START)))[0] is Probe.SAW_EFFECT


async def test_its_limits_are_raised_and_its_swap_stays_as_large(engine: Engine) -> None:
    given = order(engine, UPDATE, parameters={"memory_mib": 768, "cpu_millis": 1500})
    assert (await hands.act(given)).effect is Effect.DONE

    box = engine.boxes["worker"]
    assert (box.memory >> 20, box.swap >> 20, box.nano_cpus) == (768, 1024, 1_500_000_000)
    assert (await hands.probe(given))[0] is Probe.SAW_EFFECT


@pytest.mark.parametrize(
    "values", [{}, {"memory_mib": 1025}, {"memory_mib": 0}, {"memory_mib": "1g"}, {"cpu_millis": True}]
)
async def test_limits_outside_of_what_is_registered_are_not_sent(engine: Engine, values: dict[str, Any]) -> None:
    answer = await hands.act(order(engine, UPDATE, parameters=values))

    assert (answer.effect, engine.effects) == (Effect.REFUSED, [])


async def test_another_container_under_the_same_name_is_left_alone(engine: Engine) -> None:
    engine.boxes["worker"].id = "bb" * 32
    answer = await hands.act(order(engine))

    assert (answer.effect, engine.effects) == (Effect.REFUSED, [])
    assert "another container" in answer.detail


async def test_what_is_not_registered_protected_or_never_looked_at_is_left_alone(engine: Engine) -> None:
    plain = order(engine)
    other = replace(plain.intent, endpoint_id="docker:near/other")
    assert (await hands.act(replace(plain, intent=other))).effect is Effect.REFUSED
    for glob in ("docker:near/*", "service:prod/shop", "*SHOP*"):
        guarded = replace(plain.site, policy=Policy(protected=(glob,)))
        answer = await hands.act(replace(plain, site=guarded))
        assert (answer.effect, f"matches {glob}" in answer.detail) == (Effect.REFUSED, True)
    unseen = replace(plain.intent, observed={})
    assert "nobody has looked" in (await hands.act(replace(plain, intent=unseen))).detail
    assert engine.effects == []


@pytest.mark.parametrize(("fault", "seen"), [("cut_before", Probe.NO_EFFECT), ("cut_after", Probe.SAW_EFFECT)])
async def test_a_cut_answer_is_unknown_until_the_events_tell(engine: Engine, fault: str, seen: Probe) -> None:
    engine.fault = fault
    answer = await hands.act(order(engine))

    assert answer.effect is Effect.UNKNOWN
    assert (await hands.probe(order(engine)))[0] is seen
    assert sum("restart" in request for request in engine.requests) == 1  # never sent again


@pytest.mark.parametrize("fault", ["hang", "500"])
async def test_a_late_or_broken_answer_is_unknown(engine: Engine, fault: str) -> None:
    engine.fault = fault

    assert (await hands.act(order(engine, timeout_s=0.5))).effect is Effect.UNKNOWN


async def test_a_crash_is_no_restart_and_an_unfinished_stop_is_under_way(engine: Engine) -> None:
    engine.note("container", "die", WORKER)
    engine.note("container", "start", WORKER)  # the daemon's own restart policy
    assert (await hands.probe(order(engine)))[0] is Probe.NO_EFFECT
    engine.note("container", "kill", WORKER)
    assert (await hands.probe(order(engine)))[0] is Probe.RUNNING


async def test_a_daemon_that_forgets_cannot_tell(engine: Engine) -> None:
    engine.apply("restart", engine.boxes["worker"], {})
    for n in range(300):
        engine.note("network", "connect", f"net-{n}")  # events of every kind fill the same ring

    assert (await hands.probe(order(engine)))[0] is Probe.CANNOT_TELL


async def test_an_event_of_another_container_or_of_before_says_nothing(engine: Engine) -> None:
    engine.apply("restart", engine.boxes["worker"], {})
    engine.boxes["worker"].started -= 120
    for event in engine._events:
        event["timeNano"] -= int(120e9)
    engine.apply("restart", engine.boxes["other"], {})

    assert (await hands.probe(order(engine)))[0] is Probe.NO_EFFECT


@pytest.mark.parametrize("ahead_s", [-3_600.0, 3_600.0])
async def test_the_daemons_own_clock_counts(engine: Engine, ahead_s: float) -> None:
    engine.clock_ahead_s = ahead_s
    await hands.act(order(engine))

    assert (await hands.probe(order(engine)))[0] is Probe.SAW_EFFECT


@pytest.mark.parametrize("version", ["", "1.23", "2", "x", "1.4\u0664"])
async def test_what_is_no_engine_or_too_old_is_sent_nothing(engine: Engine, version: str) -> None:
    engine.version = version.encode("ascii", "ignore").decode() if version.isascii() else ""

    assert ((await hands.act(order(engine))).effect, engine.effects) == (Effect.REFUSED, [])


async def test_an_older_engine_is_spoken_to_in_its_own_version(engine: Engine) -> None:
    engine.version = "1.41"
    await hands.act(order(engine))

    assert f"POST /v1.41/containers/{WORKER}/restart?t=7" in engine.requests


async def test_a_socket_that_is_not_there(engine: Engine) -> None:
    gone = replace(site_of(engine).engines[0], socket=engine.path + ".gone")
    away = replace(order(engine), site=replace(site_of(engine), engines=(gone,)))

    assert (await hands.act(away)).effect is Effect.REFUSED
    assert (await hands.probe(away))[0] is Probe.CANNOT_TELL
    sight = (await look_for(away.site, away.intent))["docker:near/worker"]
    assert "does not answer" in sight.fault


async def test_what_is_seen_is_shown_and_compared(engine: Engine) -> None:
    given = order(engine, UPDATE, parameters={"memory_mib": 512})
    sights = await look_for(given.site, given.intent)
    sight = sights["docker:near/worker"]

    assert sight.seen["owners"] == ["Compose project (shop)"]
    assert before(UPDATE, given.intent.parameters, sight) == {"memory_mib": 256}
    assert target_fault(given.site, given.intent, sights) == ""
    assert "nobody looked" in target_fault(given.site, given.intent, {})
    engine.boxes["worker"].memory = 300 << 20
    later = await look_for(given.site, given.intent)
    assert "memory_mib of docker:near/worker is 300 by now" in target_fault(given.site, given.intent, later)
    engine.boxes["worker"].id = "bb" * 32
    anew = await look_for(given.site, given.intent)
    assert "is not what was shown" in target_fault(given.site, given.intent, anew)


def test_a_daemons_time() -> None:
    assert seconds_of("2026-11-21T03:00:00.123456789Z") == pytest.approx(1795230000.123456)
    assert seconds_of("2026-11-21T04:00:00+01:00") == 1795230000
    assert seconds_of("0001-01-01T00:00:00Z") < 0
    assert seconds_of("soon") == 0
    assert time.time() > seconds_of("2026-01-01T00:00:00Z")
