"""How labels, headings and patterns of a mapping are compared with what stands in a letter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_COMPARED: Final = 2000  # characters of a line that a pattern looks at
_ALIKE: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u2013": "-", "\u00a0": " "})


def plain(text: str) -> str:
    """Return a label as it is compared: case, blanks, and colons and stops at its end aside."""
    return " ".join(text.translate(_ALIKE).split()).casefold().rstrip(" :.\u2026")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wildcard:
    """A pattern of a whole line: `*` stands for anything, `#` for a digit. Linear in the line."""

    text: str
    pieces: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, text: str) -> Wildcard:
        """Compile a pattern. Raises ValueError if it says nothing."""
        shown = " ".join(text.translate(_ALIKE).split()).casefold()
        if not shown.strip("* "):
            raise ValueError("a pattern needs more than *")
        return cls(text=text, pieces=tuple(_piece(part) for part in shown.split("*")))

    def fits(self, text: str) -> bool:
        """Whether all of the text is as the pattern says."""
        told = " ".join(text[:MAX_COMPARED].translate(_ALIKE).split()).casefold()
        first, *others = self.pieces
        found = first.match(told) if others else first.fullmatch(told)
        if not others or not found:
            return found is not None
        for piece in others[:-1]:
            found = piece.search(told, found.end())
            if not found:
                return False
        return self._ends(told, found.end())

    def _ends(self, told: str, at: int) -> bool:
        last = self.pieces[-1]
        length = len(last.pattern.replace("\\d", "d").replace("\\", ""))
        return len(told) - length >= at and last.fullmatch(told, len(told) - length) is not None


def _piece(text: str) -> re.Pattern[str]:
    return re.compile("".join("\\d" if sign == "#" else re.escape(sign) for sign in text))
