"""The errors of the house, and whether trying again can help.

NightshiftError
├── BadInput              no retry: the sender has to change something
│   └── BadConfiguration  no retry: the operator has to change something
├── Unavailable           retry: another part is down or slow
│   └── Contended         retry: two writers met, one had to step back
├── IllegalTransition     no retry: the row moved on, read it again
├── Refused               no retry: a rule of the house said no
└── NotFound              no retry
"""


class NightshiftError(Exception):
    """Something went wrong inside Nightshift; the log has the details."""

    retryable = False

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class BadInput(NightshiftError):
    """The input cannot be used as it is; correct it and send it again."""


class BadConfiguration(BadInput):
    """A setting or file of the operator is wrong; correct it and start again."""


class Unavailable(NightshiftError):
    """A part that is needed does not answer right now; try again in a moment."""

    retryable = True


class Contended(Unavailable):
    """Two writers stood in each other's way and this one stepped back; try again at once."""


class IllegalTransition(NightshiftError):
    """The row is no longer in the state that this step starts from; read it again."""

    def __init__(self, detail: str = "", reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


class Refused(NightshiftError):
    """A rule of the house forbids this; the reason names the rule."""

    def __init__(self, detail: str = "", reason: str = "refused") -> None:
        super().__init__(detail)
        self.reason = reason


class NotFound(NightshiftError):
    """There is no such thing; list what exists and use one of those ids."""
