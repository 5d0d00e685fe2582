"""What somebody may do: a ladder of roles, and two that stand apart."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do; each role on the ladder may do what those before it may.

    Two stand apart: a machine sends and nothing else; break-glass is for emergencies, may do what an operator may and
    approve alone, and cannot give anybody rights.
    """

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"
    BREAK_GLASS = "break-glass"
    MACHINE = "machine"

    def covers(self, needed: "Role") -> bool:
        """May a person of this role do what `needed` may?"""
        return needed in COVERED[self]


LADDER = (Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.OPERATOR, Role.ADMIN)
COVERED: dict[Role, frozenset[Role]] = {
    **{role: frozenset(LADDER[: place + 1]) for place, role in enumerate(LADDER)},
    Role.BREAK_GLASS: frozenset({*LADDER[: LADDER.index(Role.OPERATOR) + 1], Role.BREAK_GLASS}),
    Role.MACHINE: frozenset(),
}
