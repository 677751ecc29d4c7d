"""Bounded regular expressions: a subset that no text can make slow.

Python's `re` tries ways through a pattern one after the other, so the number of ways is what
has to be bounded. It is counted while the pattern is parsed: a choice adds, a sequence
multiplies, and what repeats freely counts as many ways as there are characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_TEXT = 2_000  # characters of a value that are looked at
MAX_PATTERN = 500  # characters
MAX_WAYS = 10_000  # through the pattern from one starting point
MAX_SIZE = 1_000  # single steps of a pattern written out
MAX_COUNT = 100  # in {m,n}
MAX_DEPTH = 20  # of groups

_CLASSES = frozenset("dDwWsSbBnt")
_COUNT = re.compile(r"\{(\d{1,3})(,?)(\d{0,3})\}")
_SPECIAL_IN_CLASS = ("[", "--", "&&", "||", "~~")

Cost = tuple[int, int]  # ways, size


def compile_pattern(text: str) -> Callable[[str], re.Match[str] | None]:
    """Return a search for `text` in the first 2,000 characters of a value.

    Raises ValueError that says what is not allowed, and where.
    """
    ways, size = _Parser(text).whole()
    if ways > MAX_WAYS or size > MAX_SIZE:
        raise ValueError(
            "the pattern can match in too many ways: use one *, + or {m,} and fewer choices"
        )
    try:
        search = re.compile(text).search
    except (re.error, OverflowError) as error:
        raise ValueError(f"not a pattern: {error}") from None
    return lambda value: search(value[:MAX_TEXT])


class _Parser:
    """Walks the pattern once, counting ways and steps."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
        self.text = text
        self.at = 4 if text.startswith("(?i)") else 0
        self.depth = 0

    def whole(self) -> Cost:
        cost = self.choice()
        if self.at < len(self.text):
            raise self.error("this ) closes nothing")
        return cost

    def choice(self) -> Cost:
        ways, size = self.sequence()
        while self.next_is("|"):
            more = self.sequence()
            ways, size = ways + more[0], size + more[1]
        return ways, size

    def sequence(self) -> Cost:
        ways, size = 1, 0
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            piece = self.repeated(self.atom())
            ways, size = ways * piece[0], size + piece[1]
            if ways > MAX_WAYS * MAX_TEXT:
                raise self.error("the pattern can match in too many ways before this")
        return ways, size

    def atom(self) -> Cost:
        character = self.text[self.at]
        self.at += 1
        if character == "(":
            return self.group()
        if character == "[":
            self.character_class()
        elif character == "\\":
            self.escape()
        elif character in "*+?{":
            raise self.error(f"there is nothing before {character} to repeat")
        return 1, 1

    def group(self) -> Cost:
        if self.next_is("?") and not self.next_is(":"):
            raise self.error("of the (?…) groups only (?: ) is allowed, and (?i) at the beginning")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error("groups are nested too deeply")
        cost = self.choice()
        self.depth -= 1
        if not self.next_is(")"):
            raise self.error("a ( is not closed")
        return cost

    def character_class(self) -> None:
        self.next_is("^")
        start = self.at
        while self.at < len(self.text) and (self.text[self.at] != "]" or self.at == start):
            if self.text.startswith(_SPECIAL_IN_CLASS, self.at):
                raise self.error("put a backslash before this character in a [ ]")
            self.at += 1
            if self.text[self.at - 1] == "\\":
                self.escape()
        if not self.next_is("]"):
            raise self.error("a [ is not closed")

    def escape(self) -> None:
        character = self.text[self.at : self.at + 1]
        if not character or (character.isalnum() and character not in _CLASSES):
            raise self.error(f"\\{character} is not allowed")
        self.at += 1

    def repeated(self, cost: Cost) -> Cost:
        ways, size = cost
        if self.next_is("?"):
            return self.once((ways + 1, size))
        if self.next_is("*") or self.next_is("+"):
            return self.once(self.freely(ways, size))
        count = _COUNT.match(self.text, self.at)
        if not count:
            return cost
        self.at = count.end()
        least, most = int(count[1]), int(count[3] or count[1])
        if max(least, most) > MAX_COUNT or most < least:
            raise self.error(f"the numbers in {{ }} are at most {MAX_COUNT}, the smaller first")
        if count[2] and not count[3]:
            return self.once(self.freely(ways, size * max(least, 1)))
        return self.once(((most - least + 1) * ways**most, size * max(most, 1)))

    def freely(self, ways: int, size: int) -> Cost:
        if ways > 1:
            raise self.error("what repeats freely must not hold a choice or another repetition")
        return MAX_TEXT, size

    def once(self, cost: Cost) -> Cost:
        if self.text[self.at : self.at + 1] in ("*", "+", "?", "{"):
            raise self.error("a repetition cannot itself be repeated")
        return cost

    def next_is(self, character: str) -> bool:
        if self.text.startswith(character, self.at):
            self.at += 1
            return True
        return False

    def error(self, text: str) -> ValueError:
        return ValueError(f"pattern, character {self.at}: {text}")
