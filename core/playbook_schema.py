"""The JSON Schema of a playbook file: every key in words, made from the form that reads it."""

from typing import Any

from core.form_schema import schema_of
from core.playbook import PARAMETER_VALUE, Playbook
from core.playbook_form import APPROVERS_MAX, PARAMETER_NAME, PLAYBOOK_ID

WORDS = {
    "Playbook.id": "Its name; a new file with the same id is a new version.",
    "Playbook.title": "What it does, in a few words; shown on the approval card.",
    "Playbook.action": "The one action. alert_only tells a person, wait_retry looks again later.",
    "Playbook.classes": "Kinds of trouble it is for; all of them where none is named.",
    "Playbook.alert_names": "Patterns of alert names, of which one has to match.",
    "Playbook.causes": "Findings that it cures; where none is named, any.",
    "Playbook.parameters": "What the action takes, by name. Values come from the inventory, never from telemetry.",
    "ParameterRule.kind": "Where the value may come from.",
    "ParameterRule.choices": "The words to choose from; for the kind choice.",
    "ParameterRule.minimum": "The least; for the kind integer.",
    "ParameterRule.maximum": "The most; for the kind integer.",
    "ParameterRule.step": "What is proposed is this much more than what is there now; for the kind integer.",
    "Playbook.tier": "1 like a restart, 2 capacity, 3 a change, 4 only for people.",
    "Playbook.approvers": "How many people have to agree, at least.",
    "Playbook.destructive": "It may lose something: two people agree, and who asked is none of them.",
    "Playbook.dry_run": "Only say what it would do.",
    "Playbook.cooldown_s": "Seconds between two attempts on one resource.",
    "Playbook.retries_max": "Attempts in one incident after the first; then a person is told.",
    "Playbook.verify_within_s": "Seconds in which the signals have to show that it helped.",
    "Playbook.watch_s": "Seconds for which they have to stay good after that.",
    "Playbook.action_s_max": "Seconds that the action itself may take.",
    "Playbook.undo": "How it is undone, or why it cannot be.",
    "Playbook.reversible": "Is there a way back, as `undo` says?",
    "Playbook.verify": "What has to be true afterwards, in words for people.",
    "Playbook.diagnosis": "What to look at before acting.",
    "Question.ask": "The question, for people.",
    "Question.metric": "Asks a metric; {service} in a matcher stands for the service in trouble.",
    "Question.log_words": "Asks for lines of the service's log that hold these words.",
    "Question.changes_s": "Asks for changes of the service in the last seconds.",
    "MetricQuery.kind": "A plain value, a rate of a counter, or a ratio of two rates.",
    "MetricQuery.metric": "The metric's name.",
    "MetricQuery.matchers": "Labels with the value that they have to have.",
    "MetricQuery.by": "Labels that keep their values apart.",
    "MetricQuery.divide_by": "The metric below the line of a ratio.",
    "MetricQuery.window_s": "Seconds over which a rate is taken.",
    "MetricQuery.aggregate": "How several series become one number.",
    "Playbook.advice": "What a person should know before deciding.",
}
LIMITS: dict[str, dict[str, Any]] = {
    "Playbook.id": {"pattern": f"^{PLAYBOOK_ID.pattern}$"},
    "Playbook.title": {"minLength": 1},
    "Playbook.tier": {"enum": [1, 2, 3, 4]},
    "Playbook.approvers": {"minimum": 1, "maximum": APPROVERS_MAX},
    "Playbook.parameters": {"propertyNames": {"pattern": f"^{PARAMETER_NAME.pattern}$"}},
    "ParameterRule.choices": {"items": {"type": "string", "pattern": f"^{PARAMETER_VALUE.pattern}$"}},
    "Question": {"oneOf": [{"required": ["metric"]}, {"required": ["log_words"]}, {"required": ["changes_s"]}]},
    "Question.ask": {"minLength": 1},
}


def playbook_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of one playbook. The version is not written: the server counts it."""
    made: dict[str, Any] = schema_of(Playbook, "Nightshift playbook", WORDS, LIMITS, without=frozenset({"version"}))
    return made
