"""Faults put into a copy of the code one at a time: a test has to fail for each, or it guards nothing.

    python -m tests.mutants [NAME ...]

The table is chosen by hand: claim, approval, policy and success rates, where a fault acts twice or unasked. One whose
old text is not there once and only once is an error, so that the table keeps up with the code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KILLED_SHARE_MIN = 0.9
TEST_S_MAX = 600
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis", "docs", "node_modules")
HEALING = "tests/engine/test_healing.py"
FORGED = "tests/engine/test_forged_approvals.py"
DESK_FORGED = "tests/engine/test_desk_forged.py"
MACHINE = "tests/core/test_execution.py"
GATE = "tests/core/test_policy.py"
RATES = "tests/core/test_rates.py"
WEIGHING = "tests/core/test_weighing.py"
VERDICT = "tests/core/test_verdict.py"
RECONCILING = "tests/engine/test_reconciling.py"


@dataclass(frozen=True)
class Mutant:
    """One fault: in which file, what is written instead of what, and the tests that have to notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    # The claim
    Mutant("a lost run is queued again", "engine/sweeping.py",
           'if row["state"] == State.CLAIMED:\n        await executions.move(conn, row["id"], State.CLAIMED',
           'if True:\n        await executions.move(conn, row["id"], row["state"]',
           (HEALING,)),
    Mutant("unknown leads back to approved", "core/execution.py",
           "S.UNKNOWN: frozenset({S.SUCCEEDED", "S.UNKNOWN: frozenset({S.APPROVED, S.SUCCEEDED", (MACHINE,)),
    Mutant("running leads back to approved", "core/execution.py",
           "S.RUNNING: frozenset({S.SUCCEEDED", "S.RUNNING: frozenset({S.APPROVED, S.SUCCEEDED", (MACHINE,)),
    Mutant("a rejected one may be approved", "core/execution.py",
           "S.DENIED, S.REJECTED, S.EXPIRED", "S.DENIED, S.EXPIRED", (MACHINE,)),
    Mutant("unknown does not block its resource", "store/sql/executions.sql",
           "AND o.state IN ('claimed', 'running', 'succeeded', 'verifying', 'unknown', 'needs_human'))",
           "AND o.state IN ('claimed', 'running'))", (HEALING,)),
    Mutant("any state may be claimed", "store/sql/executions.sql",
           "WHERE id = %(id)s AND state = 'approved' AND NOT EXISTS (", "WHERE id = %(id)s AND NOT EXISTS (",
           (HEALING,)),
    Mutant("the token does not grow", "store/sql/executions.sql",
           "SET state = 'claimed', token = token + 1", "SET state = 'claimed', token = token + 0", (HEALING,)),
    Mutant("the intent needs no live lease", "store/sql/executions.sql",
           "AND state = 'claimed' AND lease_until > store.now() RETURNING", "AND state = 'claimed' RETURNING",
           (HEALING,)),
    Mutant("a move ignores where the row is", "store/sql/executions.sql",
           "WHERE id = %(id)s AND state = %(before)s AND (%(token)s", "WHERE id = %(id)s AND (%(token)s",
           (FORGED, HEALING)),
    Mutant("a move ignores the token", "store/sql/executions.sql",
           "AND (%(token)s::bigint IS NULL OR token = %(token)s)\nRETURNING",
           "AND (%(token)s::bigint IS NULL OR true)\nRETURNING", (HEALING,)),
    Mutant("the approval is not used up", "engine/healing.py",
           'if not await approvals.consume(conn, row["id"], intent.hash):', "if False:", (FORGED,)),
    Mutant("the send comes before the logbook", "engine/healing.py",
           "answer = await _noted(house, line)", "answer = None", (HEALING,)),
    Mutant("an older copy is not noticed", "engine/healing.py",
           'if epoch["epoch"] <= house.epoch_seen:', "if False:", (RECONCILING,)),
    Mutant("no effect is concluded while the call may be under way", "engine/sweeping.py",
           "(seen is Probe.NO_EFFECT and still_early)", "False", (HEALING,)),
    # The approval
    Mutant("an expired approval may be used", "store/sql/approvals.sql",
           "AND intent_hash = %s AND state = 'approved' AND expires_at > store.now() RETURNING id",
           "AND intent_hash = %s AND state = 'approved' RETURNING id", (FORGED,)),
    Mutant("an approval fits any hash", "store/sql/approvals.sql",
           "WHERE execution_id = %s AND intent_hash = %s AND state",
           "WHERE execution_id = %s AND intent_hash <> %s || 'x' AND state", (FORGED,)),
    Mutant("an approval may be used twice", "store/sql/approvals.sql",
           "AND intent_hash = %s AND state = 'approved' AND", "AND intent_hash = %s AND state <> 'pending' AND",
           (FORGED,)),
    Mutant("an expired approval may be given", "engine/approving.py", 'if row["is_over"]:', "if False:", (FORGED,)),
    Mutant("a decided approval may be decided", "engine/approving.py",
           'if row["state"] != "pending" or', "if", (FORGED, "tests/api/test_approvals.py")),
    Mutant("the hash that was seen does not count", "engine/approving.py",
           "if len(bound) > 1:", "if False:", (FORGED,)),
    Mutant("who asked may approve what destroys", "engine/approving.py",
           'if body.get("destructive"):', 'if body.get("harmless"):', (FORGED,)),
    Mutant("a person may vote twice", "engine/preflight.py",
           'return len({vote["person_id"] for vote in votes', 'return 2 * len({vote["person_id"] for vote in votes',
           (FORGED,)),
    Mutant("one vote is enough", "engine/preflight.py",
           'return await behind(conn, approval) >= max(1, int(approval["needed"]))',
           "return await behind(conn, approval) >= 1", (FORGED,)),
    Mutant("a role that was lost still counts", "engine/preflight.py",
           'if vote["is_active"] and Role(vote["role"]).covers(needed)})', 'if vote["is_active"]})', (DESK_FORGED,)),
    Mutant("a closed account still counts", "store/sql/approvals.sql",
           "FROM persons WHERE id = %s AND disabled_at IS NULL", "FROM persons WHERE id = %s", (FORGED,)),
    Mutant("glass needs no reason", "engine/revising.py",
           "if len(reason.strip()) < BREAK_GLASS_CHARS_MIN:", "if False:", (FORGED,)),
    Mutant("glass passes the kill switch", "engine/preflight.py",
           'UNDER_GLASS = frozenset(\n    {', 'UNDER_GLASS = frozenset(\n    {"kill_switch", ',
           (FORGED,)),
    Mutant("an edit leaves the old approval alive", "engine/revising.py",
           'await approvals.withdraw(conn, row["id"], "superseded")', "pass", (HEALING,)),
    Mutant("the playbook may change after the vote", "engine/preflight.py",
           "if playbook is not None and playbook.version != intent.playbook_version:", "if False:", (FORGED,)),
    # The policy
    Mutant("the kill switch is not asked", "core/policy.py", "    if not facts.kill_switch:", "    if True:", (GATE,)),
    Mutant("protection is not asked", "core/policy.py",
           "if hit := matches(place, facts.policy.protected):", "if hit := \"\":", (GATE,)),
    Mutant("one retry too many", "core/policy.py",
           "if facts.attempts_in_incident < tries_max:", "if facts.attempts_in_incident <= tries_max:", (GATE,)),
    Mutant("the blast radius is one larger", "core/policy.py",
           "if facts.actions_last_hour < most:", "if facts.actions_last_hour <= most:", (GATE,)),
    Mutant("a cooldown ends when it begins", "core/policy.py",
           "if facts.now >= until:", "if facts.now < until:", (GATE,)),
    Mutant("what destroys needs one person", "core/policy.py", "2 if book.destructive else 1", "1", (GATE,)),
    Mutant("anything may act unasked", "core/standing.py", "if not rule.allowed:", "if False:", (GATE,)),
    Mutant("unasked after one success fewer", "core/standing.py",
           "if record.stable < rule.stable_min:", "if record.stable + 1 < rule.stable_min:", (GATE,)),
    Mutant("a standing approval never expires", "core/standing.py",
           "if now >= self.expires_at:", "if False:", (GATE,)),
    Mutant("the breaker opens one late", "core/breaker.py",
           "0 < self.failures_max <= len(recent)", "0 < self.failures_max < len(recent)", (GATE,)),
    # Success rates, and what they count
    Mutant("a regression counts as a success", "core/rates.py",
           "HELPED = frozenset({Outcome.STABLE})", "HELPED = frozenset({Outcome.STABLE, Outcome.REGRESSED})", (RATES,)),
    Mutant("unknown counts as a failure", "core/rates.py",
           "DID_NOT_HELP = frozenset({", "DID_NOT_HELP = frozenset({Outcome.UNKNOWN, ", (RATES,)),
    Mutant("old outcomes weigh more", "core/weighing.py",
           "0.5 ** (age / max(1.0, self.half_life_s))", "0.5 ** -(age / max(1.0, self.half_life_s))", (WEIGHING,)),
    Mutant("an outer context lends without a bound", "core/beta.py",
           "share = min(1.0, weight_max / self.weight)", "share = 1.0", (WEIGHING, "tests/core/test_beta.py")),
    Mutant("no data is good news", "core/verdict.py",
           "if check.state is not CheckState.GOOD or", "if check.state is CheckState.BAD or", (VERDICT,)),
    Mutant("traffic does not matter", "core/verdict.py", "if long_enough and busy:", "if long_enough:", (VERDICT,)),
    Mutant("what was over before teaches all the same", "core/execution.py",
           "return Outcome.RECOVERED_ALONE if outcome and recovered_alone else outcome", "return outcome", (MACHINE,)),
)  # fmt: skip
# Those that tests without a database find: a run of CI has no time for more.
IN_CI = (
    "running leads back to approved", "protection is not asked", "a regression counts as a success",
    "no data is good news",
)  # fmt: skip


def applied(mutant: Mutant, root: Path) -> str:
    """The file's text with the fault in it. Raises ValueError where the old text is not there exactly once."""
    whole = (root / mutant.file).read_text()
    times = whole.count(mutant.old)
    if times != 1:
        raise ValueError(f"{mutant.name}: its text is in {mutant.file} {times} times; bring the table up to date")
    return whole.replace(mutant.old, mutant.new)


def survives(mutant: Mutant, copy: Path) -> bool:
    """Do its tests pass with the fault in the copy? The copy is whole again afterwards."""
    file = copy / mutant.file
    before = file.read_text()
    file.write_text(applied(mutant, copy))
    try:
        return passes(mutant.tests, copy)
    finally:
        file.write_text(before)


def passes(tests: Sequence[str], copy: Path) -> bool:
    """Do these tests pass in the copy?"""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_", "TEST_RUN"))
    }
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=TEST_S_MAX, check=False)
        return ended.returncode == 0
    except subprocess.TimeoutExpired:
        return False


def run(names: Sequence[str] = ()) -> list[str]:
    """Try each of these, or all; the survivors."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    if unknown := set(names) - {mutant.name for mutant in chosen}:
        raise ValueError(f"there is no mutant {', '.join(sorted(unknown))}")
    for mutant in MUTANTS:
        applied(mutant, ROOT)
    survivors = []
    with tempfile.TemporaryDirectory(prefix="ns-mutants-") as folder:
        copy = Path(folder) / "nightshift"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        copy.parent.chmod(0o755)
        # Without a fault they have to pass, or a kill would mean nothing.
        if not passes(sorted({test for mutant in chosen for test in mutant.tests}), copy):
            raise ValueError("the tests fail without any fault")
        for mutant in chosen:
            began = time.monotonic()
            lives = survives(mutant, copy)
            said = "SURVIVED" if lives else "killed"
            print(f"{said:8} {time.monotonic() - began:5.1f} s  {mutant.file}: {mutant.name}", flush=True)
            survivors += [mutant.name] if lives else []
    killed = len(chosen) - len(survivors)
    print(f"{killed} of {len(chosen)} killed ({100 * killed / len(chosen):.0f} %)")
    for name in survivors:
        print(f"survivor: {name}")
    return survivors


if __name__ == "__main__":
    left = run(sys.argv[1:])
    tried = len(sys.argv[1:]) or len(MUTANTS)
    sys.exit(len(left) > (1 - KILLED_SHARE_MIN) * tried)
