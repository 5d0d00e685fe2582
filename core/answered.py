"""The text of an answer as it grows, the same for every door that cannot take words back."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Answered:
    """What was told so far. Pictures that a front end would load by itself are made harmless: their address may carry
    away what the answer is about."""

    _raw: str = ""
    _last: str = field(default="")

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
        return self._harmless(f"{apart}{text}\n\n")

    def again(self) -> None:
        """What came does not count: another attempt begins."""
        self._raw = ""

    def _harmless(self, text: str) -> str:
        broken = " " if self._last == "!" and text.startswith("[") else ""
        self._last = text[-1:] or self._last
        return broken + text.replace("![", "! [")
