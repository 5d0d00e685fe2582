"""A policy file becomes a policy, or one sentence that says where and what is wrong with it."""

from typing import Any

import pytest

from core.alert import AlertClass
from core.breaker import Breaker
from core.errors import BadConfiguration
from core.policy_form import RULES_MAX, read_policy
from core.policy_rules import Allowance, ApproverRole, ApproverRule, AutoRule, Freeze, Policy, Weekday

BODY: dict[str, Any] = {
    "protected": ["*vault*"],
    "allow": [{"actions": ["restart_*", "http"], "services": ["shop"]}],
    "freezes": [{"id": "weekend", "at": "18:00", "zone": "Europe/Berlin", "days": ["fri"], "for_s": 216000}],
    "hands_off": ["dns"],
    "approvals": [{"approvers": 2, "role": "operator", "tiers": [3]}],
    "requester_may_approve": False,
    "actions_per_hour_max": 5,
    "service_actions_per_hour_max": 2,
    "breaker": {"failures_max": 2, "window_s": 600},
    "hopeless_below": 0.2,
    "auto": {"allowed": True, "stable_min": 10, "rate_min": 0.7},
}
FREEZE = {"id": "f"}


def test_a_policy_is_read_whole() -> None:
    assert read_policy(BODY) == Policy(
        protected=("*vault*",),
        allow=(Allowance(actions=("restart_*", "http"), services=("shop",)),),
        freezes=(
            Freeze("weekend", zone="Europe/Berlin", at="18:00", for_s=216_000.0, days=(Weekday.FRI,)),
        ),
        hands_off=frozenset({AlertClass.DNS}),
        approvals=(ApproverRule(2, ApproverRole.OPERATOR, tiers=(3,)),),
        requester_may_approve=False,
        actions_per_hour_max=5,
        service_actions_per_hour_max=2,
        breaker=Breaker(2, 600.0),
        hopeless_below=0.2,
        auto=AutoRule(True, 10, 0.7),
    )  # fmt: skip


def test_an_empty_file_is_the_default_policy() -> None:
    assert read_policy({}) == Policy()
    assert Policy().of_a_service_max == 10
    assert Policy(actions_per_hour_max=1).of_a_service_max == 1
    assert Policy(service_actions_per_hour_max=0).of_a_service_max == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protect": []}, "policy: unknown key 'protect'; known keys: protected, "),
        ({"protected": ["*", ""]}, "policy.protected[1]: an empty pattern matches nothing"),
        ({"allow": [{}] * (RULES_MAX + 1)}, "policy.allow: more than 1000; use patterns"),
        ({"allow": [{"actions": ["restart"]}]}, "policy.allow[0].actions[0]: 'restart' matches no action; there are: "),
        ({"allow": [{"services": []}]}, "policy.allow[0].services: names nothing, so that it never holds"),
        ({"freezes": [FREEZE, FREEZE]}, "policy.freezes[1].id: 'f' is there twice"),
        ({"freezes": [{"title": "x"}]}, "policy.freezes[0]: 'id' is missing"),
        ({"freezes": [{**FREEZE, "for_s": 0}]}, "policy.freezes[0].for_s: 0 is not above 0"),
        ({"freezes": [{**FREEZE, "for_s": 1e9}]}, "policy.freezes[0].for_s: 1000000000 is not above 0 and at most"),
        ({"freezes": [{**FREEZE, "zone": "Berlin"}]}, "policy.freezes[0].zone: 'Berlin' is no time zone; write one"),
        ({"freezes": [{**FREEZE, "zone": "../x"}]}, "policy.freezes[0].zone: '../x' is no time zone"),
        ({"freezes": [{**FREEZE, "at": "24:00"}]}, "policy.freezes[0].at: '24:00' is no time of day; write it like"),
        ({"freezes": [{**FREEZE, "at": "18:00+01:00"}]}, "policy.freezes[0].at: '18:00+01:00' is no time of day"),
        ({"freezes": [{**FREEZE, "first_day": "24.12."}]}, "policy.freezes[0].first_day: '24.12.' is no day; write it"),
        ({"freezes": [{**FREEZE, "last_day": "2026-02-30"}]}, "policy.freezes[0].last_day: '2026-02-30' is no day"),
        (
            {"freezes": [{**FREEZE, "first_day": "2026-12-24", "last_day": "2026-12-23"}]},
            "policy.freezes[0].last_day: 2026-12-23 is before the first day",
        ),
        ({"freezes": [{**FREEZE, "tiers": [4]}]}, "policy.freezes[0].tiers: 4 is not one of 1 (restart)"),
        ({"freezes": [{**FREEZE, "tiers": []}]}, "policy.freezes[0].tiers: names none, so that it never holds"),
        ({"freezes": [{**FREEZE, "environments": [""]}]}, "policy.freezes[0].environments[0]: an empty pattern"),
        ({"freezes": [{**FREEZE, "days": ["someday"]}]}, "policy.freezes[0].days[0]: 'someday' is not one of: mon, "),
        ({"approvals": [{"approvers": 0}]}, "policy.approvals[0].approvers: 0 is not from 1 to 10"),
        ({"approvals": [{"approvers": 11}]}, "policy.approvals[0].approvers: 11 is not from 1 to 10"),
        ({"approvals": [{"playbooks": []}]}, "policy.approvals[0].playbooks: names nothing"),
        ({"approvals": [{"role": "viewer"}]}, "policy.approvals[0].role: 'viewer' is not one of: approver, operator"),
        ({"approvals": [{"tiers": [0]}]}, "policy.approvals[0].tiers: 0 is not one of"),
        ({"hands_off": ["weather"]}, "policy.hands_off[0]: 'weather' is not one of: down, "),
        ({"hopeless_below": 1.5}, "policy.hopeless_below: 1.5 is not from 0 to 1"),
        ({"auto": {"rate_min": -0.1}}, "policy.auto.rate_min: -0.1 is not from 0 to 1"),
        ({"auto": {"stable_min": 0}}, "policy.auto.stable_min: at least 1"),
        ({"actions_per_hour_max": -1}, "policy.actions_per_hour_max: -1 is less than 0"),
        ({"breaker": {"window_s": True}}, "policy.breaker.window_s: expected float, got True"),
        ({"breaker": "off"}, "policy.breaker: expected a mapping, got str"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_is_allowed(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read_policy({**BODY, **change})
    assert raised.value.detail.startswith(said)


def test_a_file_that_is_no_mapping_is_named() -> None:
    with pytest.raises(BadConfiguration, match=r"^policy\.yaml: expected a mapping at the top$"):
        read_policy(["protected"], "policy.yaml")  # type: ignore[arg-type]
