"""The text of an answer as it grows, the same for every door that cannot take words back."""

import re
from dataclasses import dataclass

_PICTURE = re.compile(r"(!(?=\[))")
_LOADS = re.compile(r"(!(?=\[)|<(?=[A-Za-z/!?]))")
"""The beginning of a picture, or of any tag: some front ends read those, too."""


@dataclass(slots=True)
class Answered:
    """What was told so far. Pictures that a front end would load by itself are made harmless: their address may carry
    away what the answer is about."""

    _raw: str = ""
    _last: str = ""

    def more(self, text: str) -> str:
        """Another piece as it came."""
        self._raw += text
        return self._harmless(text)

    def rest(self, final: str) -> str:
        """What is missing of the final text: all of it, its end, or nothing."""
        told, wanted = self._raw.strip(), final.strip()
        if not wanted or told.endswith(wanted):
            return ""
        if not told:
            return self.more(wanted)
        if not wanted.startswith(told):
            return self.more(f"\n\n{wanted}")
        rest = wanted[len(told) :]
        return self.more(rest.lstrip() if self._last.isspace() else rest)

    def aside(self, text: str) -> str:
        """A paragraph of ours between the pieces, which is no part of the answer."""
        apart = "\n\n" if self._last else ""
        return self._harmless(f"{apart}{text}\n\n", _PICTURE)

    def again(self) -> None:
        """What came does not count: another attempt begins."""
        self._raw = ""

    def _harmless(self, text: str, loads: re.Pattern[str] = _LOADS) -> str:
        harmless = loads.sub(r"\1 ", self._last + text)[len(self._last) :]
        self._last = text[-1:] or self._last
        return harmless
