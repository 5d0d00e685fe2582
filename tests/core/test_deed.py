"""Every kind of action says in one line what it does and how far it reaches, from its arguments alone."""

from typing import Any

import pytest

from core.deed import deed_of
from core.intent import Intent
from core.playbook import ActionType

CART, SEEN = "k8s:prod/shop/deployment/cart", {"replicas": 2, "pods": 2, "revision": "5", "value": 10}


def intent(action: str, resource: str, hand: str = "", line: str = "", **parameters: Any) -> Intent:
    observed = {"seen": SEEN, "release": "v42", "line": line}
    return Intent(action, "book", 1, parameters, resource, "x", hand or resource, "i", 1, observed)


@pytest.mark.parametrize(
    ("given", "does", "reach"),
    [
        (intent("rollout_restart", CART), f"replace the pods of {CART} by new ones, as its rollout allows",
         f"all 2 pods of {CART}"),
        (intent("scale", CART, replicas=4), f"run 4 pods of {CART} in place of 2", f"the number of pods of {CART}"),
        (intent("evict_pod", CART, pod="cart-1"), "evict the pod cart-1, as far as its disruption budget allows",
         f"one of 2 pods of {CART}"),
        (intent("set_resources", CART, memory_mib=512, cpu_millis=500),
         "set the limits and requests of the container to 512 MiB of memory and 500 thousandths of a core",
         f"all 2 pods of {CART}"),
        (intent("rollout_to_revision", CART, revision="4"), "go to revision 4; revision 5 runs now",
         f"all 2 pods of {CART}"),
        (intent("cordon", "k8s:prod/node/n1"), "let no new pods onto k8s:prod/node/n1",
         "new pods on that node; running ones stay"),
        (intent("docker_stop", "docker:near/worker"), "stop the container docker:near/worker",
         "one container, and whoever is connected to it"),
        (intent("docker_update", "docker:near/worker", memory_mib=512),
         "set the limits of the container docker:near/worker to 512 MiB of memory",
         "one container, and whoever is connected to it"),
        (intent("ssh_command", "host:web-1", line="df -P -k"), "run on host:web-1: df -P -k",
         "whatever the account may do on host:web-1"),
        (intent("config_change", "setting:prod/limit", "setting:limit", value=20), "set limit to 20 in place of 10",
         "everything that reads this setting"),
        (intent("open_ticket", "service:prod/shop", "tracker:desk"), "open a ticket in desk", "nothing that runs"),
        (intent("deploy_rollback", "service:prod/shop", to_version="v41"), "deploy v41 again in place of v42",
         "all instances of service:prod/shop"),
        (intent("http", "service:prod/shop", "gate"), "call the registered endpoint gate (http)", "service:prod/shop"),
    ],
)  # fmt: skip
def test_an_action_in_words(given: Intent, does: str, reach: str) -> None:
    assert (deed_of(given).does, deed_of(given).reach) == (does, reach)


@pytest.mark.parametrize("action", list(ActionType))
def test_every_type_has_words_even_where_nothing_was_seen(action: ActionType) -> None:
    deed = deed_of(Intent(action, "book", 1, {}, "service:prod/shop", "", "", "i", 1))
    assert deed.does
    assert deed.reach
    assert deed.reach != "unknown"


def test_an_unknown_action_may_reach_anything() -> None:
    assert deed_of(intent("explode", "service:prod/shop")).reach == "unknown"
