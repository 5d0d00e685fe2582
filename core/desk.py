"""What can be done from a chat: the verbs of the buttons, the commands, who may, and the reasons of the answers."""

from enum import StrEnum

from core.role import Role


class Verb(StrEnum):
    """What a button does. `about` below says whose id its ticket's subject is."""

    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    ASK = "ask"
    ACKNOWLEDGE = "acknowledge"
    TAKE_OVER = "take_over"
    SILENCE_1H = "silence_1h"
    ESCALATE = "escalate"
    STOP = "stop"
    UNDO = "undo"
    FIXED_BY = "fixed_by"


class About(StrEnum):
    """What the subject of a ticket is an id of; a ticket about its incident has an empty subject."""

    APPROVAL = "approval"
    EXECUTION = "execution"
    INCIDENT = "incident"


ABOUT = {
    **dict.fromkeys(Verb, About.INCIDENT),
    **dict.fromkeys((Verb.APPROVE, Verb.REJECT, Verb.EDIT), About.APPROVAL),
    Verb.UNDO: About.EXECUTION,
}
NEEDS = {
    **dict.fromkeys(Verb, Role.RESPONDER),
    **dict.fromkeys((Verb.APPROVE, Verb.REJECT, Verb.EDIT), Role.APPROVER),
    Verb.ASK: Role.VIEWER,
}
"""The role that a verb needs; an approval may ask for a higher one."""


class Command(StrEnum):
    """What can be written. Words that are addressed to us without a command are a question."""

    INCIDENTS = "incidents"
    ACK = "ack"
    ASK = "ask"
    ONCALL = "oncall"
    STOP = "stop"
    LINK = "link"
    HELP = "help"


COMMAND_NEEDS = {
    Command.INCIDENTS: Role.VIEWER,
    Command.ACK: Role.RESPONDER,
    Command.ASK: Role.VIEWER,
    Command.ONCALL: Role.VIEWER,
    Command.STOP: Role.RESPONDER,
}


class Done(StrEnum):
    """What came of it, where something did, or where nothing was left to do."""

    APPROVED = "approved"
    VOTED = "voted"
    REJECTED = "rejected"
    EDITED = "edited"
    ASKED = "asked"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGED_BEFORE = "acknowledged_before"
    TAKEN_OVER = "taken_over"
    SILENCED = "silenced"
    SILENCED_BEFORE = "silenced_before"
    ESCALATED = "escalated"
    ESCALATED_BEFORE = "escalated_before"
    STOPPED = "stopped"
    STOPPED_BEFORE = "stopped_before"
    UNDO_PROPOSED = "undo_proposed"
    FIX_TOLD = "fix_told"
    LINKED = "linked"
    SHOWN = "shown"
    WORDS_NEEDED = "words_needed"


class Refusal(StrEnum):
    """Why nothing was done. Those of the engine's own rules (`other_action`, a guardrail's name) come beside these."""

    NO_SUCH_CHANNEL = "no_such_channel"
    OTHER_PLATFORM = "other_platform"
    NO_SUCH_TICKET = "no_such_ticket"
    FOREIGN_TICKET = "foreign_ticket"
    OLD_TICKET = "old_ticket"
    OTHER_VERB = "other_verb"
    OTHER_CHAT = "other_chat"
    OTHER_MESSAGE = "other_message"
    NOT_LINKED = "not_linked"
    ROLE_MISSING = "role_missing"
    REPEATED = "repeated"
    TOO_LONG = "too_long"
    BAD_INPUT = "bad_input"
    NOT_FOUND = "not_found"
    MOVED_ON = "moved_on"
    DECIDED = "decided"
    EXPIRED = "expired"
    VOTED_ALREADY = "voted_already"
    INCIDENT_OVER = "incident_over"
    NOTHING_FIRES = "nothing_fires"
    TOO_WIDE = "too_wide"
    NOTHING_TO_UNDO = "nothing_to_undo"
    UNDO_WAITS = "undo_waits"
    NO_SUCH_COMMAND = "no_such_command"
    NO_SUCH_INCIDENT = "no_such_incident"
    NO_INCIDENT_NAMED = "no_incident_named"
    NO_CODE = "no_code"
    NOT_HERE = "not_here"
    BUSY = "busy"
