"""The logs of a site: looked at on demand or watched, and rules only over what is watched."""

from typing import Any

import pytest

from core.errors import BadConfiguration
from core.log_line import LogLevel
from core.site import LogMode, LogStore, Site
from core.site_form import read_site

WATCH = {"service": "shop", "folder": "/var/log/shop"}
RULE = {"name": "Refused", "service": "shop", "contains": ["refused"], "levels": ["error"], "threshold": 5}


def read(logs: list[dict[str, Any]], *rules: dict[str, Any], **more: Any) -> Site:
    return read_site({"services": {"shop": {}, "cart": {}}, "logs": logs, "log_rules": list(rules), **more}, 1)


def test_a_folder_is_watched_and_a_pattern_is_looked_at() -> None:
    watch = {**WATCH, "suffixes": [".log", ".out"], "exclude": ["debug/*"], "mode": "whole", "settle_s": 2}
    site = read([watch, {"service": "shop", "pattern": "/x/*.log"}], RULE, log_store={"bytes_max": 5})
    watched, on_demand = site.logs
    assert (watched.mode, watched.suffixes, watched.watch) == (LogMode.WHOLE, (".log", ".out"), "shop /var/log/shop")
    assert (on_demand.folder, on_demand.pattern) == ("", "/x/*.log")
    assert site.log_store == LogStore(bytes_max=5)
    [rule] = site.log_rules
    assert (rule.levels, rule.window_s) == ((LogLevel.ERROR,), 300)


def test_one_folder_may_serve_two_services() -> None:
    assert len(read([WATCH, {**WATCH, "service": "cart"}]).logs) == 2


@pytest.mark.parametrize(
    ("logs", "rules", "fault"),
    [
        ([{"service": "shop"}], [], "logs[0]: either a pattern"),
        ([{**WATCH, "pattern": "*"}], [], "logs[0]: either a pattern"),
        ([{**WATCH, "folder": "var/log"}], [], "logs[0].folder: 'var/log' must be an absolute path"),
        ([{**WATCH, "folder": "/var/../etc"}], [], "must be an absolute path without '..'"),
        ([WATCH, WATCH], [], "logs[1]: the folder '/var/log/shop' is watched twice"),
        ([{**WATCH, "settle_s": -1}], [], "less than 0"),
        ([{**WATCH, "mode": "tail"}], [], "is not one of: follow, whole"),
        ([{**WATCH, "service": "x"}], [], "logs name the service 'x'"),
        ([WATCH], [{**RULE, "service": "x"}], "log_rules name the service 'x'"),
        ([WATCH], [{**RULE, "service": "cart"}], "log_rules[0]: no folder is watched for 'cart'"),
        ([{"service": "shop", "pattern": "*"}], [RULE], "no folder is watched for 'shop'"),
        ([WATCH], [{**RULE, "window_s": 0}], "log_rules[0].window_s: 0.0 is not above 0"),
        ([WATCH], [{**RULE, "window_s": 10_000_000}], "at most 604800"),
        ([WATCH], [RULE, {**RULE, "pattern": "a("}], "log_rules[1].pattern: The pattern 'a('"),
        ([WATCH], [{**RULE, "levels": ["bad"]}], "'bad' is not one of"),
    ],
)
def test_a_fault_is_named(logs: list[dict[str, Any]], rules: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read(logs, *rules)
    assert fault in raised.value.detail
