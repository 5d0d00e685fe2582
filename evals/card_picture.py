"""Draws the approval card as people see it, from the very form that is sent to the platform.

    python -m evals.card_picture slack docs/slack-card.svg

A platform's own module (`evals.card_picture_slack`) reads its form and draws it on a `Sheet`. Run it again whenever the
form changes; a test says when.
"""

import importlib
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from core.catalogue import Language
from evals.card_sample import sample_card, sample_page

WIDTH, MARGIN = 720, 28
LINE_H, GAP = 21, 10
FONT = "-apple-system, 'Segoe UI', Lato, 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
MONO = "'JetBrains Mono', Menlo, Consolas, monospace"
INK, PALE, PAPER, EDGE, BOX = "#1d1c1d", "#616061", "#ffffff", "#d6d6d6", "#f6f6f6"
BUTTON_H = 32
SIGNS = {"🔴": "#e01e5a", "🟡": "#ecb22e", "🟢": "#2eb67d"}
LOOKS = {"primary": ("#007a5a", "#ffffff"), "danger": ("#e01e5a", "#ffffff"), "": ("#ffffff", INK)}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one look."""

    text: str
    is_bold: bool = False
    is_mono: bool = False


@dataclass
class Sheet:
    """A growing picture; each method draws below what is there."""

    y: float = MARGIN
    parts: list[str] = field(default_factory=list)

    def text(self, spans: Sequence[Span], *, size: float = 15, colour: str = INK, indent: float = 0) -> None:
        """A paragraph, broken where the width ends and at line ends."""
        for line in _lines(spans, size, WIDTH - 2 * MARGIN - indent):
            self.y += LINE_H * size / 15
            inner = "".join(
                f'<tspan xml:space="preserve"{_look(span)}>{_shown(span.text)}</tspan>' for span in line if span.text
            )
            self.parts.append(
                f'<text x="{MARGIN + indent:g}" y="{self.y:.1f}" font-size="{size:g}" fill="{colour}">{inner}</text>'
            )

    def code(self, text: str) -> None:
        """What is shown exactly as it is, in a box."""
        lines = _lines([Span(text, is_mono=True)], 13, WIDTH - 2 * MARGIN - 24)
        self.gap()
        self.parts.append(
            f'<rect x="{MARGIN}" y="{self.y:.1f}" width="{WIDTH - 2 * MARGIN}" height="{len(lines) * 19 + 16}" rx="4"'
            f' fill="{BOX}" stroke="{EDGE}"/>'
        )
        for number, line in enumerate(lines, 1):
            inner = "".join(escape(span.text) for span in line)
            at = self.y + 5 + number * 19
            self.parts.append(
                f'<text x="{MARGIN + 12}" y="{at:.1f}" font-size="13" font-family="{escape(MONO)}" fill="{INK}"'
                f' xml:space="preserve">{inner}</text>'
            )
        self.y += len(lines) * 19 + 16

    def buttons(self, row: Sequence[tuple[str, str]], *, is_even: bool = False) -> None:
        """A row of buttons: words and look (`primary`, `danger` or empty), of one width if `is_even`."""
        self.gap()
        x = float(MARGIN)
        even = (WIDTH - 2 * MARGIN - 8 * (len(row) - 1)) / max(len(row), 1)
        for words, look in row:
            fill, ink = LOOKS.get(look, LOOKS[""])
            width = even if is_even else width_of(words, 14) * 1.12 + 28
            if x + width > WIDTH - MARGIN + 1 and x > MARGIN:
                x, self.y = float(MARGIN), self.y + BUTTON_H + 8
            edge = EDGE if fill == PAPER else fill
            self.parts.append(
                f'<rect x="{x:.1f}" y="{self.y:.1f}" width="{width:.1f}" height="{BUTTON_H}" rx="5" fill="{fill}"'
                f' stroke="{edge}"/><text x="{x + width / 2:.1f}" y="{self.y + 21:.1f}" font-size="14"'
                f' font-weight="600" text-anchor="middle" fill="{ink}">{escape(words)}</text>'
            )
            x += width + 8
        self.y += BUTTON_H

    def gap(self, height: float = GAP) -> None:
        """Some room."""
        self.y += height

    def rule(self) -> None:
        """A line between two messages."""
        self.gap(16)
        self.parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{self.y}" y2="{self.y}" stroke="{EDGE}"/>')
        self.gap(4)

    def svg(self, title: str) -> str:
        """The whole picture."""
        height = round(self.y + MARGIN)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img"'
            f' font-family="{escape(FONT)}"><title>{escape(title)}</title>\n'
            f'<rect x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="10" fill="{PAPER}" stroke="{EDGE}"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


def width_of(text: str, size: float) -> float:
    """About how wide a text is; wide characters count twice."""
    return sum(1.0 if unicodedata.east_asian_width(one) in "WF" else 0.54 for one in text) * size


def _shown(text: str) -> str:
    """The three signs as dots, since not every reader's machine has pictures for them."""
    shown = escape(text)
    for sign, colour in SIGNS.items():
        shown = shown.replace(sign, f'<tspan fill="{colour}">●</tspan>')
    return shown


def _look(span: Span) -> str:
    bold = ' font-weight="700"' if span.is_bold else ""
    return bold + (f' font-family="{escape(MONO)}"' if span.is_mono else "")


def _lines(spans: Sequence[Span], size: float, room: float) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    used = 0.0
    for span in spans:
        for number, part in enumerate(span.text.split("\n")):
            if number:
                lines.append([])
                used = 0.0
            for word in part.replace(" ", " \0").split("\0"):
                width = width_of(word, size * (1.1 if span.is_mono or span.is_bold else 1.0))
                if used and used + width > room and word.strip():
                    lines.append([])
                    used = 0.0
                used += width
                last = lines[-1][-1] if lines[-1] else None
                if last and (last.is_bold, last.is_mono) == (span.is_bold, span.is_mono):
                    lines[-1][-1] = Span(last.text + word, span.is_bold, span.is_mono)
                else:
                    lines[-1].append(Span(word, span.is_bold, span.is_mono))
    return lines


def picture(platform: str) -> str:
    """The page, and below it the card, as a platform shows them."""
    module: Any = importlib.import_module(f"evals.card_picture_{platform}")
    sheet = Sheet()
    module.draw(sheet, sample_page(Language.EN))
    sheet.rule()
    module.draw(sheet, sample_card(Language.EN))
    return sheet.svg(f"Nightshift in {platform.capitalize()}: the page, and the card that waits for a person")


def main(platform: str, path: str) -> None:
    """Write the picture of one platform."""
    Path(path).write_text(picture(platform), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
