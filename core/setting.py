"""A setting of a service: a feature flag or a limit with a type, read and set at one registered address."""

from dataclasses import dataclass
from enum import StrEnum

from core.errors import BadInput


class SettingKind(StrEnum):
    """What a value is."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    CHOICE = "choice"


SettingValue = bool | int | str


@dataclass(frozen=True, slots=True)
class Setting:
    """`GET url` answers `{"value": ...}`; the same with `method` sets it. The token comes from the environment."""

    id: str
    service: str
    url: str
    kind: SettingKind
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    method: str = "PUT"
    token_env: str = ""
    allow_private: bool = False
    networks: tuple[str, ...] = ()

    def value(self, given: object) -> SettingValue:
        """The value that is meant, in the setting's own type. Raises BadInput for any other."""
        if self.kind is SettingKind.BOOLEAN:
            if isinstance(given, bool):
                return given
            if given in ("true", "false"):
                return given == "true"
            raise BadInput(f"{self.id} is true or false, not {given!r}")
        if self.kind is SettingKind.INTEGER:
            if isinstance(given, int) and not isinstance(given, bool) and self.minimum <= given <= self.maximum:
                return given
            raise BadInput(f"{self.id} is a whole number from {self.minimum} to {self.maximum}, not {given!r}")
        if isinstance(given, str) and given in self.choices:
            return given
        raise BadInput(f"{self.id} is one of {', '.join(self.choices)}, not {given!r}")
