"""The formats html, pdf and docx: three readers, one language of paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from service.formats.letters.css import compile_selector
from service.formats.letters.known import Known
from service.formats.letters.language import parse
from service.formats.letters.letter import Letter
from service.formats.letters.paths import compile_path
from service.formats.letters.words import Wildcard, plain
from service.formats.source import Path

STYLED: Final = "styled()"  # an entry of `headings`: what looks like one


class LetterFormat:
    """One kind of file that letters come in, as one mapping sees it."""

    def __init__(
        self,
        name: str,
        matches: Callable[[str, bytes], bool],
        read: Callable[[bytes, str | None], Letter],
        known: Known | None = None,
    ) -> None:
        self.name = name
        self._matches = matches
        self._read = read
        self._known = known

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether these bytes look like this format."""
        return self._matches(media_type, body)

    def read(self, body: bytes, charset: str | None = None) -> tuple[Letter, ...]:
        """Return the letter. Raises UnreadableMessage, TooLarge."""
        return (self._read(body, charset),)

    def compile_path(self, text: str) -> Path:
        """Compile a path of docs/mapping-language.md. Raises ValueError."""
        known = Known() if self._known is None else self._known
        return compile_path(text, known, has_elements=self.name == "html")

    def knowing(
        self, headings: Sequence[str], labels: Sequence[str], leave_out: Sequence[str]
    ) -> LetterFormat:
        """Return it for one mapping: what that says of its letters, and every path will.

        Raises ValueError if an entry cannot be understood.
        """
        known = Known(labels={plain(label) for label in labels})
        known.left_out += [Wildcard.of(pattern) for pattern in leave_out]
        known.by_form = not headings or STYLED in headings
        for entry in headings:
            self._add_heading(entry, known)
        known.styled = known.by_form or bool(known.selectors)
        return LetterFormat(self.name, self._matches, self._read, known)

    def _add_heading(self, entry: str, known: Known) -> None:
        if entry == STYLED:
            return
        if not entry.startswith("css("):
            known.add_heading(entry)
            return
        (step,) = parse(entry)
        if self.name != "html":
            raise ValueError("css('…') is for html only")
        selector: Callable[[Any], list[Any]] = compile_selector(step.texts[0])
        known.selectors.append(selector)
