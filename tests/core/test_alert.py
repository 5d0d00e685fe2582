"""An alert keeps the identity that Prometheus gives it, and its words are folded into ours."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import (
    Alert,
    AlertClass,
    AlertStatus,
    Severity,
    alert_from_json,
    alert_to_json,
    classify,
    name_family,
    prometheus_fingerprint,
)
from core.canonical import canonical, sha256

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
LABELS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=6)


def an_alert(**labels: str) -> Alert:
    return Alert("alertmanager", "id", labels, AlertStatus.FIRING, NOON)


def fnv1a(data: bytes) -> int:
    """FNV-1a of 64 bits, written from its definition."""
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


def test_prometheus_fingerprint_of_no_labels_is_the_offset_of_fnv() -> None:
    assert prometheus_fingerprint({}) == "cbf29ce484222325"


def test_fnv1a_of_this_file_gives_the_published_answers() -> None:
    assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
    assert fnv1a(b"foobar") == 0x85944171F73967E8


def test_prometheus_fingerprint_known_answer() -> None:
    bytes_by_hand = b"alertname\xffHighErrorRate\xffservice\xffcart\xff"
    expected = f"{fnv1a(bytes_by_hand):016x}"
    assert prometheus_fingerprint({"service": "cart", "alertname": "HighErrorRate"}) == expected


@given(LABELS, st.randoms(use_true_random=False))
def test_prometheus_fingerprint_ignores_order_and_empty_labels(labels: dict[str, str], chance: object) -> None:
    shuffled = list(labels.items())
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    kept = {name: value for name, value in shuffled if value}
    assert prometheus_fingerprint(labels) == prometheus_fingerprint(dict(shuffled)) == prometheus_fingerprint(kept)


@given(LABELS, TEXT.filter(bool), TEXT.filter(bool))
def test_prometheus_fingerprint_sees_every_label(labels: dict[str, str], name: str, value: str) -> None:
    without = {k: v for k, v in labels.items() if k != name}
    assert prometheus_fingerprint({**without, name: value}) != prometheus_fingerprint(without)


def test_prometheus_fingerprint_keeps_leading_zeros() -> None:
    small = next(n for n in range(1000) if prometheus_fingerprint({"n": str(n)}).startswith("0"))
    assert len(prometheus_fingerprint({"n": str(small)})) == 16


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", Severity.CRITICAL),
        ("PAGE", Severity.CRITICAL),
        ("p2", Severity.WARNING),
        ("info", Severity.INFO),
        ("whatever", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_severity_words_of_every_source_fold_to_three(word: str, severity: Severity) -> None:
    assert an_alert(severity=word).severity is severity


def test_an_alert_without_a_severity_or_a_name_is_still_an_alert() -> None:
    assert an_alert().severity is Severity.WARNING
    assert an_alert().name == an_alert(alertname="").name == "unnamed"
    assert an_alert(alertname="CartDown").name == "CartDown"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("KubePodCrashLooping", AlertClass.CRASH_LOOP),
        ("ContainerOOMKilled", AlertClass.MEMORY),
        ("PodOomKilled", AlertClass.MEMORY),
        ("container_oom_events", AlertClass.MEMORY),
        ("TooManyErrors", AlertClass.ERRORS),
        ("DiskWillFillIn4Hours", AlertClass.DISK),
        ("TLSCertificateExpiring", AlertClass.CERTIFICATE),
        ("DNSFailures", AlertClass.DNS),
        ("PostgresTooManyConnections", AlertClass.DATABASE),
        ("KafkaConsumerLag", AlertClass.BACKLOG),
        ("HighLatencyP99", AlertClass.LATENCY),
        ("HighErrorRate", AlertClass.ERRORS),
        ("CartDown", AlertClass.DOWN),
        ("SomethingOdd", AlertClass.OTHER),
        ("FeatureFlagOff", AlertClass.OTHER),
        ("VillageLagoon", AlertClass.OTHER),
        ("replication_lag", AlertClass.BACKLOG),
        ("LagHigh", AlertClass.BACKLOG),
        ("WorkerLagging", AlertClass.BACKLOG),
        ("OutcomeUncertain", AlertClass.OTHER),
        ("CertainLoad", AlertClass.OTHER),
        ("CrossLinkOdd", AlertClass.OTHER),
        ("IngressCertExpires", AlertClass.CERTIFICATE),
        ("cert_expires", AlertClass.CERTIFICATE),
        ("mTLSBroken", AlertClass.CERTIFICATE),
        ("OrdersDBDown", AlertClass.DATABASE),
        ("OrdersDbDown", AlertClass.DATABASE),
        ("ORDERS_DB", AlertClass.DATABASE),
        ("db2Odd", AlertClass.DATABASE),
        ("DBusOdd", AlertClass.OTHER),
        ("FeedbackOdd", AlertClass.OTHER),
    ],
)
def test_the_name_tells_the_kind_of_trouble(name: str, kind: AlertClass) -> None:
    assert classify(name) is an_alert(alertname=name).alert_class is kind


def test_the_first_pattern_wins_and_a_class_label_wins_over_the_name() -> None:
    assert classify("PodCrashLoopOutOfMemory") is AlertClass.CRASH_LOOP  # not memory: the order is the contract
    assert classify("DiskSlowErrors") is AlertClass.DISK
    assert an_alert(alertname="CartDown", **{"class": "latency"}).alert_class is AlertClass.LATENCY


@given(st.sampled_from(AlertClass))
def test_every_class_is_its_own_name(kind: AlertClass) -> None:
    assert classify(kind.value) is kind


@pytest.mark.parametrize(
    "name",
    ["HighErrorRate07", "HighErrorRateCritical", "HighErrorRate-warning-3", "HighErrorRate_crit", "HighErrorRate"],
)
def test_names_of_one_family(name: str) -> None:
    assert name_family(name) == "HighErrorRate"


def test_a_name_that_is_all_tail_is_its_own_family() -> None:
    assert name_family("critical") == "critical"
    assert name_family("07") == "07"


@given(TEXT)
def test_a_family_is_never_empty_and_starts_the_name(name: str) -> None:
    family = name_family(name)
    assert name.startswith(family)
    assert bool(family) == bool(name)


def test_a_hostile_name_costs_no_time() -> None:
    began = time.perf_counter()
    for hostile in ("-" * 4096 + "x", "warn-" * 1000 + "x", "1" * 4096 + "x"):
        assert name_family(hostile) == hostile
    for piece in ("lag", "DB", "cert", "Lagg", "tlS", "D", "connection"):
        classify(piece * 4096)
    assert time.perf_counter() - began < 5  # a backtracking pattern needs minutes here


def test_the_canonical_form_is_one_line_of_sorted_json() -> None:
    assert canonical({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


@given(st.dictionaries(TEXT, st.integers() | TEXT, max_size=5))
def test_the_hash_of_a_value_ignores_the_order_of_its_keys(value: dict[str, object]) -> None:
    assert sha256(dict(reversed(value.items()))) == sha256(value)


def test_an_alert_survives_being_written_down() -> None:
    moment = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
    for ends_at in (None, moment):
        said = ({"alertname": "X"}, AlertStatus.FIRING, moment, ends_at, {"summary": "s"}, "http://g")
        alert = Alert("am", "prom:1", *said)
        assert alert_from_json(alert_to_json(alert)) == alert
