"""The life of a healing execution: every state, every arrow, and nothing beside them."""

from enum import StrEnum

from core.errors import IllegalTransition
from core.rates import Outcome


class State(StrEnum):
    """Where an execution is."""

    PROPOSED = "proposed"
    DENIED = "denied"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CLAIMED = "claimed"
    INVALIDATED = "invalidated"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NEEDS_HUMAN = "needs_human"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    INEFFECTIVE = "ineffective"
    INCONCLUSIVE = "inconclusive"
    STABLE = "stable"
    REGRESSED = "regressed"


class Reason(StrEnum):
    """Why a transition happened; one per audit row."""

    PROPOSED = "proposed"
    POLICY_REFUSED = "policy_refused"
    POLICY_ASKS = "policy_asks"
    STANDING_APPROVAL = "standing_approval"
    APPROVED_BY_PERSON = "approved_by_person"
    GLASS_BROKEN = "glass_broken"
    REJECTED_BY_PERSON = "rejected_by_person"
    APPROVAL_EXPIRED = "approval_expired"
    INCIDENT_MOVED_ON = "incident_moved_on"
    ALERTS_MOVED = "alerts_moved"
    EDITED_BY_PERSON = "edited_by_person"
    WITHDRAWN_BY_PERSON = "withdrawn_by_person"
    RULES_CHANGED = "rules_changed"
    RESTORED_COPY = "restored_copy"
    CLAIMED_BY_WORKER = "claimed_by_worker"
    LEASE_LOST_BEFORE_INTENT = "lease_lost_before_intent"
    PREFLIGHT_REFUSED = "preflight_refused"
    INTENT_COMMITTED = "intent_committed"
    TARGET_DONE = "target_done"
    TARGET_REFUSED = "target_refused"
    ANSWER_LOST = "answer_lost"
    LEASE_LOST_AFTER_INTENT = "lease_lost_after_intent"
    PROBE_SAW_EFFECT = "probe_saw_effect"
    PROBE_SAW_NO_EFFECT = "probe_saw_no_effect"
    PROBE_CANNOT_TELL = "probe_cannot_tell"
    FOUND_IN_LOGBOOK = "found_in_logbook"
    LOGBOOK_HAS_ANSWER = "logbook_has_answer"
    CHECKED_BY_PERSON = "checked_by_person"
    VERIFICATION_STARTED = "verification_started"
    SIGNALS_GOOD = "signals_good"
    SIGNALS_BAD = "signals_bad"
    SIGNALS_MISSING = "signals_missing"
    STAYED_GOOD = "stayed_good"
    CAME_BACK = "came_back"
    CASCADE = "cascade"
    JUDGED_BY_PERSON = "judged_by_person"


S = State
TRANSITIONS: dict[State, frozenset[State]] = {
    S.PROPOSED: frozenset({S.DENIED, S.APPROVED, S.AWAITING_APPROVAL}),
    S.AWAITING_APPROVAL: frozenset({S.APPROVED, S.REJECTED, S.EXPIRED, S.SUPERSEDED}),
    S.APPROVED: frozenset({S.CLAIMED, S.EXPIRED, S.SUPERSEDED}),
    S.CLAIMED: frozenset({S.APPROVED, S.INVALIDATED, S.RUNNING}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.SUCCEEDED, S.FAILED, S.NEEDS_HUMAN}),
    S.NEEDS_HUMAN: frozenset({S.SUCCEEDED, S.FAILED}),
    S.SUCCEEDED: frozenset({S.VERIFYING}),
    S.VERIFYING: frozenset({S.VERIFIED, S.INEFFECTIVE, S.INCONCLUSIVE}),
    S.INCONCLUSIVE: frozenset({S.VERIFIED, S.INEFFECTIVE}),
    S.VERIFIED: frozenset({S.STABLE, S.REGRESSED}),
    **{end: frozenset() for end in (
        S.DENIED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.INVALIDATED, S.FAILED, S.INEFFECTIVE, S.STABLE, S.REGRESSED,
    )},
}  # fmt: skip

OPEN_ON_RESOURCE = frozenset({S.CLAIMED, S.RUNNING, S.SUCCEEDED, S.VERIFYING, S.UNKNOWN, S.NEEDS_HUMAN})
"""While an execution is here, no other may start on its resource (a partial unique index says the same)."""

SETTLED = frozenset(state for state, onward in TRANSITIONS.items() if not onward) | {
    S.NEEDS_HUMAN,
    S.INCONCLUSIVE,
}
"""Where the agent's thread ends: final, or in the hands of a person."""

ATTEMPTED = frozenset(
    {S.RUNNING, S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.NEEDS_HUMAN, S.VERIFYING, S.VERIFIED, S.INEFFECTIVE,
     S.INCONCLUSIVE, S.STABLE, S.REGRESSED}
)  # fmt: skip
"""States that imply a committed intent: what cooldown and retries count."""

NOT_BEGUN = frozenset(set(State) - ATTEMPTED)
"""States that imply that nothing was sent."""

_OUTCOMES = {
    S.STABLE: Outcome.STABLE,
    S.INEFFECTIVE: Outcome.INEFFECTIVE,
    S.REGRESSED: Outcome.REGRESSED,
    S.FAILED: Outcome.FAILED,
}


def check_transition(before: State, after: State) -> None:
    """Raise IllegalTransition unless the drawing has this arrow."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(f"an execution never goes from {before} to {after}")


def outcome_of(state: State, *, recovered_alone: bool = False) -> Outcome | None:
    """What a final state teaches, written once; None where it teaches nothing, or nothing yet.

    Where the trouble was over before the action could have had an effect, whatever follows says nothing about it.
    """
    outcome = _OUTCOMES.get(state)
    return Outcome.RECOVERED_ALONE if outcome and recovered_alone else outcome


def ended_as(state: State, outcome: str | None) -> str:
    """How an execution ended, for the thread that waits for it; empty while it goes on.

    A watch whose signals never came back ends as `inconclusive`: its state stays `verified`, which is the last thing
    that anybody knows, and its outcome says the rest.
    """
    if state in SETTLED:
        return str(state)
    return str(Outcome.INCONCLUSIVE) if state is State.VERIFIED and outcome == Outcome.INCONCLUSIVE else ""
