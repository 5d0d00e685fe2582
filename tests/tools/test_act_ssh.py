"""Commands and containers by real ssh servers: a jump host and a target, with programs that write down what ran."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.command import Command, Slot, SlotKind
from core.errors import BadInput, Refused
from core.intent import Intent
from core.machine import Container, ContainerEngine, SshHost
from core.playbook import ActionType
from core.site import Service, Site
from tests.tools.hostile import HOSTILE_VALUES, HOSTILE_WORDS
from tests.tools.sshd import CONTAINER, SSHD, Machine, machine, make_key, user
from tools.act import hands, ssh, ssh_command
from tools.act.actuator import Effect, Order, Probe
from tools.act.sight import look_for

pytestmark = [pytest.mark.neighbours, pytest.mark.slow]
# Read at import: a fixture takes settings of this machine away before the test runs.
REQUIRED = os.environ.get("NIGHTSHIFT_REQUIRE_NEIGHBOURS") == "1"
NAME = Slot(SlotKind.NAME)
REPORT = Command(
    "report",
    ("report", "--unit={unit}", "--", "{place}", "{mode}", "{count}"),
    {
        "unit": NAME, "place": Slot(SlotKind.PATH), "mode": Slot(SlotKind.CHOICE, choices=("short", "long")),
        "count": Slot(SlotKind.INTEGER, minimum=1, maximum=9),
    },
)  # fmt: skip
CHANGE = Command("restart_worker", ("report", "restart", "{unit}"), {"unit": NAME}, changes=True)
GOOD = {"unit": "worker@1.service", "place": "/var/log/x-1", "mode": "short", "count": 3}


@dataclass
class Pair:
    """The jump host, the target behind it, and the site that knows both."""

    jump: Machine
    target: Machine
    site: Site

    def order(self, action: ActionType, hand: str, parameters: dict[str, Any], **more: Any) -> Order:
        """An approved action on the target."""
        identity = f"container:{CONTAINER}" if action != ActionType.SSH_COMMAND else "host:target"
        seen = {"seen": {"state": "running"}} if action != ActionType.SSH_COMMAND else {}
        intent = Intent(action, "book", 1, parameters, "x", identity, hand, "i", 1, seen)
        return Order(self.site, intent, "key-1", **{"timeout_s": 10.0, "age_s": 60.0, **more})

    def command(self, parameters: dict[str, Any], **more: Any) -> Order:
        """A command on the target."""
        return self.order(ActionType.SSH_COMMAND, "host:target", {"command": "report", **parameters}, **more)

    def container(self, action: ActionType = ActionType.DOCKER_RESTART, **more: Any) -> Order:
        """Something done to the container on the target."""
        values = {"memory_mib": 512} if action == ActionType.DOCKER_UPDATE else {}
        return self.order(action, "docker:far/worker", values, **more)


@pytest.fixture(scope="module")
def _servers_are_here() -> None:
    if SSHD is None:
        (pytest.fail if REQUIRED else pytest.skip)(
            "NOT TESTED against a real ssh server: sshd missing; apt-get install openssh-server"
        )


@pytest.fixture(scope="module")
def pair(_servers_are_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("ssh")
    mine = make_key(folder / "mine")
    with machine(folder / "jump", mine) as jump, machine(folder / "target", mine) as target:
        key = str(folder / "mine")
        hosts = (
            SshHost("jump", "127.0.0.1", user(), (jump.host_key,), jump.port, key),
            SshHost(
                "target", "127.0.0.1", user(), (target.host_key,), target.port, key, jump="jump", services=("shop",)
            ),
        )
        engine = ContainerEngine("far", (Container("worker", "shop"),), host="target", stop_s_max=3)
        site = Site(
            services={"shop": Service("shop")}, hosts=hosts, commands=(REPORT, CHANGE), engines=(engine,)
        )  # fmt: skip
        yield Pair(jump, target, site)


@pytest.fixture(autouse=True)
def _as_usual(pair: Pair) -> None:
    pair.target.behave()
    for name in ("ran", "effects", "events"):
        (pair.target.folder / f"{name}.log").unlink(missing_ok=True)


async def test_a_command_runs_once_on_the_target_behind_the_jump(pair: Pair) -> None:
    answer = await hands.act(pair.command(GOOD))

    assert (answer.effect, answer.detail) == (Effect.DONE, "exit 0: ran report")
    ran = [(row["program"], row["arguments"]) for row in pair.target.rows("ran")]
    assert ran == [("report", ["--unit=worker@1.service", "--", "/var/log/x-1", "short", "3"])]
    # The jump host only passed the connection on.
    assert pair.jump.sessions() == 0
    assert pair.jump.rows("ran") == []


@pytest.mark.parametrize("slot", ["unit", "place", "mode", "count"])
async def test_a_hostile_value_is_refused_before_anybody_is_called(pair: Pair, slot: str) -> None:
    before = pair.jump.logins(), pair.target.logins()
    for value in HOSTILE_VALUES:
        order = pair.command({**GOOD, slot: value})
        assert ssh_command.fault(order.site, order.intent), value
        answer = await hands.act(order)
        assert answer.effect is Effect.REFUSED, (value, answer)

    assert (pair.jump.logins(), pair.target.logins()) == before
    assert pair.target.rows("ran") == []


async def test_a_word_stays_one_word_even_past_the_slots(pair: Pair) -> None:
    """As if every check of the slots were gone: what the shell of the target makes of the line is still one command."""
    limit, before = asyncio.Semaphore(4), pair.target.sessions()

    async def run(word: str) -> str:
        async with limit:
            return (await ssh.run(pair.site, "target", ("report", word, "end"), timeout_s=20)).said

    said = await asyncio.gather(*(run(word) for word in HOSTILE_WORDS))

    assert said == ["exit 0: ran report"] * len(HOSTILE_WORDS)
    ran = pair.target.rows("ran")
    assert {row["program"] for row in ran} == {"report"}  # never the canary
    assert sorted(row["arguments"] for row in ran) == sorted([word, "end"] for word in HOSTILE_WORDS)
    # The server's own log: exactly one command for each.
    assert pair.target.sessions() - before == len(HOSTILE_WORDS)


@pytest.mark.parametrize("word", ["", "a\nb", "a\rb", "a\x00b", "a\tb", "caf\u00e9", "\u202e", "\ud800", "x" * 257])
async def test_a_word_that_no_line_can_carry_is_not_sent(pair: Pair, word: str) -> None:
    before = pair.jump.logins()
    with pytest.raises(Refused):
        await ssh.run(pair.site, "target", ("report", word), timeout_s=5)

    assert pair.jump.logins() == before


def test_there_are_enough_hostile_values() -> None:
    assert len(set(map(repr, HOSTILE_VALUES))) >= 100
    assert len(set(HOSTILE_WORDS)) >= 60


@pytest.mark.parametrize("which", ["target", "jump"])
async def test_another_host_key_is_refused_before_anything_is_sent(pair: Pair, tmp_path: Path, which: str) -> None:
    wrong = make_key(tmp_path / "other")
    hosts = tuple(replace(host, host_keys=(wrong,)) if host.id == which else host for host in pair.site.hosts)
    before = pair.target.logins()
    answer = await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))

    assert answer.effect is Effect.REFUSED
    assert "host key" in answer.detail
    assert pair.target.logins() == before
    assert pair.target.rows("ran") == []


async def test_known_hosts_and_agents_of_the_account_count_for_nothing(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    lines = [f"[127.0.0.1]:{host.port} {host.host_keys[0]}\n" for host in pair.site.hosts]
    (tmp_path / ".ssh" / "known_hosts").write_text("".join(lines))
    monkeypatch.setenv("HOME", str(tmp_path))
    hosts = tuple(replace(host, host_keys=(make_key(tmp_path / f"new-{host.id}"),)) for host in pair.site.hosts)
    answer = await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))

    assert (answer.effect, pair.target.rows("ran")) == (Effect.REFUSED, [])


async def test_another_key_of_ours_is_no_access(pair: Pair, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    hosts = tuple(replace(host, key_file=str(tmp_path / "stranger")) for host in pair.site.hosts)
    answer = await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))

    assert answer.effect is Effect.REFUSED
    assert "refuses our key" in answer.detail


async def test_a_key_from_the_environment_is_as_good_and_never_shown(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(pair.site.hosts[0].key_file).read_text()
    monkeypatch.setenv("SSH_KEY_OF_OURS", text)
    hosts = tuple(replace(host, key_file="", key_env="SSH_KEY_OF_OURS") for host in pair.site.hosts)
    assert (await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))).effect is Effect.DONE

    monkeypatch.setenv("SSH_KEY_OF_OURS", text[:-60])
    answer = await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))
    assert answer.effect is Effect.REFUSED
    assert not any(line and line in answer.detail for line in text.splitlines())


async def test_only_commands_of_the_list_run_on_their_hosts(pair: Pair) -> None:
    for parameters in ({"command": "rm"}, {"command": "report; canary"}, {"command": "report", **GOOD, "more": "x"}):
        assert (await hands.act(pair.command(parameters))).effect is Effect.REFUSED
    elsewhere = replace(pair.site, commands=(replace(REPORT, hosts=("jump",)),))
    assert (await hands.act(replace(pair.command(GOOD), site=elsewhere))).effect is Effect.REFUSED
    unknown = pair.order(ActionType.SSH_COMMAND, "host:jump", {"command": "report", **GOOD})
    assert (await hands.act(unknown)).effect is Effect.REFUSED  # it has no services, so nothing may be done there
    assert pair.target.rows("ran") == []


async def test_a_program_that_is_not_there_did_nothing(pair: Pair) -> None:
    answer = await hands.act(pair.command({"command": "uptime"}))

    assert answer.effect is Effect.REFUSED
    assert answer.detail.startswith("exit 127")


async def test_a_command_that_takes_too_long_is_unknown_and_only_harmless_ones_say_so(pair: Pair) -> None:
    pair.target.behave(before_s=4.0)
    answer = await hands.act(pair.container(timeout_s=1.5))
    assert answer.effect is Effect.UNKNOWN
    assert (await hands.probe(pair.command(GOOD)))[0] is Probe.NO_EFFECT  # it only looks
    assert (await hands.probe(pair.command({"command": "restart_worker", "unit": "x"})))[0] is Probe.CANNOT_TELL
    await asyncio.sleep(3.0)  # the stand-in ends by itself, before the next test counts


async def test_a_container_is_looked_at_restarted_once_and_probed_by_its_events(pair: Pair) -> None:
    order = pair.container()
    sight = (await look_for(order.site, order.intent))["docker:far/worker"]
    assert (sight.identity, sight.fault) == (f"container:{CONTAINER}", "")
    assert (await hands.probe(order))[0] is Probe.NO_EFFECT

    answer = await hands.act(order)

    assert answer.effect is Effect.DONE
    assert [row["arguments"] for row in pair.target.rows("effects")] == [["restart", "-t", "3", "--", CONTAINER]]
    assert await hands.probe(order) == (Probe.SAW_EFFECT, "the daemon's events tell of its restart")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (ActionType.DOCKER_STOP, ["stop", "-t", "3", "--", CONTAINER]),
        (ActionType.DOCKER_START, ["start", "--", CONTAINER]),
        (ActionType.DOCKER_UPDATE, ["update", "--memory=536870912b", "--memory-swap=805306368b", "--", CONTAINER]),
    ],
)
async def test_a_container_is_changed_in_other_ways(pair: Pair, action: ActionType, words: list[str]) -> None:
    assert (await hands.act(pair.container(action))).effect is Effect.DONE
    assert [row["arguments"] for row in pair.target.rows("effects")] == [words]
    assert (await hands.probe(pair.container(action)))[0] is Probe.SAW_EFFECT


async def test_a_container_that_was_made_anew_is_left_alone(pair: Pair) -> None:
    pair.target.behave(id="aa" * 32)

    assert (await hands.act(pair.container())).effect is Effect.REFUSED
    assert pair.target.rows("effects") == []


@pytest.mark.parametrize(
    ("manner", "seen"), [({"after_s": 3.0}, Probe.SAW_EFFECT), ({"before_s": 20.0}, Probe.NO_EFFECT)]
)
async def test_a_connection_that_is_cut_is_unknown_and_the_events_tell(
    pair: Pair, manner: dict[str, float], seen: Probe
) -> None:
    pair.target.behave(**manner)
    acting = asyncio.create_task(hands.act(pair.container()))
    async with asyncio.timeout(60):
        while not any(row["arguments"][:1] == ["restart"] for row in pair.target.rows("ran")):
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    pair.jump.cut()
    pair.target.cut()
    answer = await acting

    assert answer.effect is Effect.UNKNOWN
    assert (await hands.probe(pair.container()))[0] is seen
    assert len(pair.target.rows("effects")) == (1 if seen is Probe.SAW_EFFECT else 0)


async def test_a_host_that_is_away_was_sent_nothing(pair: Pair) -> None:
    hosts = tuple(replace(host, port=1) if host.id == "target" else host for host in pair.site.hosts)
    answer = await hands.act(replace(pair.command(GOOD), site=replace(pair.site, hosts=hosts)))

    assert answer.effect is Effect.REFUSED
    assert "cannot be reached" in answer.detail


def test_a_template_is_checked_when_it_is_registered() -> None:
    for argv in ((), ("{unit}",), ("-x",), ("A=1",), ("report", "a\nb"), ("report", "{other}")):
        assert Command("odd", argv, {"unit": NAME} if "{unit}" in argv else {}).fault()
    assert not REPORT.fault()
    with pytest.raises(BadInput):
        REPORT.words({**GOOD, "count": True})
