"""What a site says about hands is checked to the last reference, and docs/actions.md is a site as it stands."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.command import DIAGNOSTICS
from core.errors import BadConfiguration
from core.hand import hand_by_id, hand_for, hands_of
from core.playbook import ActionType
from core.site import Site
from core.site_form import read_site

GUIDE = (Path(__file__).parents[2] / "docs" / "actions.md").read_text("utf-8")
BLOCK = re.compile(r"^```yaml\n# (?P<name>[^\n]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
Json = dict[str, Any]


def of_the_guide() -> Json:
    """The blocks of the guide as one site."""
    whole: Json = {}
    for match in BLOCK.finditer(GUIDE):
        if match["name"] == "site.yaml":
            part = yaml.safe_load(match["text"])
            assert not whole.keys() & part.keys()
            whole |= part
    [far] = [match["text"] for match in BLOCK.finditer(GUIDE) if match["name"].startswith("engines on a host")]
    whole["engines"] = [*whole["engines"], *yaml.safe_load(far)]
    return whole


def test_the_guide_is_a_site_as_it_stands() -> None:
    site = read_site(of_the_guide(), 1)

    for action in ActionType:
        hands = hands_of(site, action)
        assert all(hand_by_id(site, action, hand.id) for hand in hands)
    assert hand_for(site, ActionType.SCALE, "shop", {"workload": "cart"})
    assert hand_for(site, ActionType.SCALE, "shop", {"workload": "other"}) is None
    assert hand_for(site, ActionType.SCALE, "shop", {}) is None  # there are two, and nobody guesses
    assert hand_for(site, ActionType.DOCKER_RESTART, "shop", {"container": "shop-cache"})
    assert hand_for(site, ActionType.SSH_COMMAND, "shop", {})
    assert hand_for(site, ActionType.SSH_COMMAND, "other", {}) is None
    assert hand_by_id(site, "scale", "host:web-1") is None
    assert hand_by_id(site, "explode", "host:web-1") is None


def test_the_list_of_diagnostics_is_sound() -> None:
    assert all(not command.fault() and not command.changes for command in DIAGNOSTICS)


def put(path: str, value: Any) -> Callable[[Json], None]:
    """Set something deep in a site; a value of ... takes it away."""

    def change(site: Json) -> None:
        *way, last = [int(word) if word.isdigit() else word for word in path.split("/")]
        place: Any = site
        for word in way:
            place = place[word]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return change


KEY = "ssh-ed25519 " + "A" * 68


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("hosts/0/host_keys", [], "none is pinned"),
        ("hosts/0/host_keys", ["ssh-dss AAAA"], "not a public key"),
        ("hosts/0/host_keys", [KEY + "\nssh-rsa x"], "not a public key"),
        ("hosts/0/key_file", ..., "the secret is missing"),
        ("hosts/0/key_file", "keys/mine", "absolute path"),
        ("hosts/0/key_env", "KEY", "either a file or a variable"),
        ("hosts/0/address", "-oProxyCommand=x", "not a host name"),
        ("hosts/0/address", "a b", "not a host name"),
        ("hosts/0/port", 0, "not a port"),
        ("hosts/0/user", "root;x", "not an account"),
        ("hosts/0/id", "a/b", "other characters"),
        ("hosts/0/id", "", "other characters"),
        ("hosts/1/id", "bastion", "there twice"),
        ("hosts/1/jump", "web-1", "not registered"),
        ("hosts/1/jump", "elsewhere", "not registered"),
        ("hosts/0/jump", "web-1", "one jump is the most"),
        ("hosts/1/services", ["nobody"], "not registered"),
        ("hosts/0/password", "x", "unknown key"),
        ("commands/0/argv", [], "1 to 32 words"),
        ("commands/0/argv", ["{unit}"], "its first word"),
        ("commands/0/argv", ["sh", "-c", "a\nb {unit}"], "printable ASCII"),
        ("commands/0/argv", ["sh", "", "{unit}"], "printable ASCII"),
        ("commands/0/argv", ["report"], "not those described"),
        ("commands/0/slots/unit/choices", ["a;b"], "not a short plain word"),
        ("commands/0/slots/unit/choices", ["-x"], "not a short plain word"),
        ("commands/0/hosts", ["nowhere"], "not registered"),
        ("commands/0/id", "uptime", "there twice"),
        ("engines/0/socket", "engine.sock", "absolute path"),
        ("engines/0/host", "web-1", "one of the two"),
        ("engines/0/socket", ..., "one of the two"),
        ("engines/1/host", "nowhere", "not registered"),
        ("engines/0/containers/0/name", "../x", "other characters"),
        ("engines/0/containers/0/service", "nobody", "not registered"),
        ("clusters/0/url", "http://kube.example", "does not begin with https"),
        ("clusters/0/url", "https://u:p@kube.example", "a secret never stands here"),
        ("clusters/0/token_file", ..., "the secret is missing"),
        ("clusters/0/token_env", "eyJhbGciOi.x", "either a file or a variable"),
        ("clusters/0/workloads/0/namespace", "kube-system", "not registered"),
        ("clusters/0/workloads/0/name", "Cart/../x", "not a Kubernetes name"),
        ("clusters/0/workloads/0/replicas_least", 0, "from 1 up to"),
        ("clusters/0/workloads/0/kind", "job", "kind"),
        ("clusters/0/nodes/0/service", "nobody", "not registered"),
        ("settings/0/url", "ftp://x", "does not begin with"),
        ("settings/0/url", "https://x/#y", "no fragment"),
        ("settings/0/method", "DELETE", "POST, PUT or PATCH"),
        ("settings/0/minimum", 32, "less than maximum"),
        ("settings/0/kind", "choice", "at least one"),
        ("settings/0/token_env", "the-token-itself", "names no environment variable"),
        ("trackers/0/project", "team", "not a project"),
        ("trackers/0/project", "team/shop/../x", "not a project"),
        ("trackers/0/user", "x", "Jira needs"),
        ("trackers/1/user", ..., "Jira needs"),
        ("trackers/2/project", "x", "a webhook has none"),
        ("endpoints/0/id", "docker:x", "begins like the id of something else"),
        ("endpoints/0/url", "https://u@x/", "a secret never stands here"),
        ("endpoints/0/token_env", "abc def", "names no environment variable"),
        ("endpoints/0/method", "GET", "POST, PUT or PATCH"),
        ("endpoints/0/networks", ["10.1.0.1/16"], "not a network such as"),
        ("settings/0/networks", ["everywhere"], "not a network such as"),
        ("trackers/0/networks", [""], "not a network such as"),
    ],
)
def test_a_fault_is_named_at_its_place(path: str, value: Any, said: str) -> None:
    body = copy.deepcopy(of_the_guide())
    put(path, value)(body)
    with pytest.raises(BadConfiguration) as caught:
        read_site(body, 1)
    assert said in caught.value.detail
    assert "site" in caught.value.detail


def test_a_secret_that_was_put_in_by_mistake_is_not_repeated() -> None:
    body = copy.deepcopy(of_the_guide())
    body["settings"][0]["token_env"] = "hunter2-hunter2"
    with pytest.raises(BadConfiguration) as caught:
        read_site(body, 1)
    assert "hunter2" not in caught.value.detail


def test_a_site_without_hands_is_fine() -> None:
    site: Site = read_site({"services": {"shop": {}}}, 1)
    assert [hands_of(site, action) for action in ActionType] == [[]] * len(ActionType)
