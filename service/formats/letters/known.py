"""`Known`: what a mapping knows of its letters, so that no label is taken for a value.

Every label and heading that any of its paths names is known to all of its paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from service.formats.letters.layout import Paragraph, Row
from service.formats.letters.words import Wildcard, plain

Selector = Callable[[Any], list[Any]]  # from an HTML document to the elements that it finds


@dataclass(eq=False, kw_only=True, slots=True)
class Known:
    """The labels and headings of one mapping; filled while its paths are compiled."""

    labels: set[str] = field(default_factory=set)
    headings: set[str] = field(default_factory=set)
    patterns: list[Wildcard] = field(default_factory=list)  # of headings
    selectors: list[Selector] = field(default_factory=list)  # of headings
    styled: bool = True  # whether what looks like a heading, or is selected as one, is one
    by_form: bool = True  # whether looks count, or only the selectors
    left_out: list[Wildcard] = field(default_factory=list)
    endings: set[str] = field(default_factory=set)  # the last words of labels
    counted: int = 0  # labels whose last words are there

    def may_end(self, word: str) -> bool:
        """Whether some label ends with this word, as far as can be told."""
        if self.counted != len(self.labels):
            self.endings = {label.split()[-1] for label in self.labels if label}
            self.counted = len(self.labels)
        return not word or word in self.endings

    def add_heading(self, text: str) -> None:
        """Let this text be a heading wherever it stands alone. Raises ValueError."""
        if "*" in text or "#" in text:
            self.patterns.append(Wildcard.of(text))
        else:
            self.headings.add(plain(text))

    def without_left_out(self, row: Row) -> Row | None:
        """Return a row without the cells that the mapping leaves out; None if it leaves out all."""
        if not self.left_out:
            return row
        if self._leaves_out(row.text):
            return None
        cells = tuple(cell for cell in row.cells if not self._leaves_out(cell.text))
        return replace(row, cells=cells) if any(cell.text for cell in cells) else None

    def _leaves_out(self, text: str) -> bool:
        return any(pattern.fits(text) for pattern in self.left_out)

    def heading(self, paragraph: Paragraph) -> tuple[bool, str]:
        """Tell whether a paragraph is a heading, and what stands beside it on its line."""
        if not paragraph.text.strip():
            return False, ""
        if plain(paragraph.text) in self.headings:
            return True, ""
        before, colon, after = paragraph.text.partition(":")
        if colon and plain(before) in self.headings:
            return True, after.strip(": \t")
        return self._looks_like_one(paragraph), ""

    def _looks_like_one(self, paragraph: Paragraph) -> bool:
        if self.styled and paragraph.styled and plain(paragraph.text) not in self.labels:
            return True
        return any(pattern.fits(paragraph.text) for pattern in self.patterns)
