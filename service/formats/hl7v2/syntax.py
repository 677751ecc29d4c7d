"""The grammar of HL7 v2 paths: text to `Parsed`, every fault named with its place and an example.

    PID-3               first component of every repetition of field 3
    PID-3.4.2           component 4, subcomponent 2
    PID-3[2].1          the second repetition
    PID-3[5='NH'].1     the repetitions whose component 5 is NH
    PID-3[4.1='NHS' or 5 in ('NH', 'HN')].1
    OBX[3.1='abc']-5    the segments whose field 3, component 1, is abc
    NK1[1]-2.1          the first NK1
    DG1                 the segments themselves (for `each`)
    -3.1  -11           a field of the segment that `each` is at
    .1  .4.2            a component of the repetition that `each` is at
    +NTE-3              of the segments that belong to the one that `each` is at
    TXA+OBX[2='TX']-5   of the segments that belong to each of those before the +
    OBX[2='ED'][2..]    all but the first (counted for each segment before a + by itself)
    OBX[2='ED']>OBX[5.4='']-5.5   each of those before the >, and those called OBX that directly
                        follow it one after another while the condition holds: text in pieces
    >OBX[5.4='']-5.5    the same of the segment that `each` is at
    >OBX[3 same]-5      of it and those that follow with the same field 3, or none: text in lines
    OBX[each 3]         the first of every such run
    <ORC-1              of the ORC that the segment which `each` is at belongs to

Conditions: = != in, not in, begins, same, and, or, not, ( ). `5.5 begins ('JVBER', 'e1xy')` asks
for one of several beginnings. A number counts from 1, as the standard does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

from service.formats.hl7v2.parsed import (
    Condition,
    Every,
    Firsts,
    From,
    Not,
    Origin,
    Parsed,
    Selector,
    Some,
    Step,
    Test,
)

_TOKENS: Final = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_]\w*)|(?P<number>[0-9]{1,5})|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>!=|\S))",
)
_SIGNS: Final[dict[str, Literal["+", ">"]]] = {"+": "+", ">": ">"}
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")


def parse(path: str) -> Parsed:
    """Return `path` in its parts. Raises ValueError that says what is wrong, and where."""
    return _Parser(path).path()


class _Parser:
    """Reads a path from left to right, one token ahead."""

    def __init__(self, path: str) -> None:
        self.source = path
        self.tokens = list(_TOKENS.finditer(path))
        self.at = 0

    def path(self) -> Parsed:
        parsed = self._relative() or self._named("message")
        if self.at < len(self.tokens):
            raise self._fault("the path should end", "PID-3[2].1")
        return parsed

    def _relative(self) -> Parsed | None:
        if self._peek() == ".":
            component, subcomponent = self._component()
            return Parsed(origin="repetition", component=component, subcomponent=subcomponent)
        if self._peek() == "-":
            return self._field(Parsed(origin="segment"))
        if self._take("+"):
            return self._named("group")
        if self._take(">"):
            return self._named("run")
        if self._take("<"):
            return self._named("owner")
        return None

    def _named(self, origin: Origin) -> Parsed:
        name, which = self._segments()
        parsed = Parsed(origin=origin, name=name, which=which, steps=tuple(self._steps()))
        if self._peek() == "-":
            return self._field(parsed)
        if self.at < len(self.tokens):
            raise self._fault('"-" and a field number are expected', f"{name}-3.1")
        return parsed

    def _segments(self) -> tuple[str, tuple[Selector, ...]]:
        name = self._peek()
        if not _SEGMENT.fullmatch(name):
            raise self._fault("a segment's name, three capitals or digits, is expected", "PID-3.1")
        self.at += 1
        return name, self._selectors(2)

    def _steps(self) -> Iterator[Step]:
        while self._peek() in _SIGNS:
            sign = _SIGNS[self._peek()]
            self.at += 1
            name, which = self._segments()
            yield Step(sign=sign, name=name, which=which)

    def _field(self, parsed: Parsed) -> Parsed:
        self.at += 1
        field = self._number("a field number", "PID-3")
        repetitions = self._selectors(1)
        component, subcomponent = self._component() if self._peek() == "." else (None, None)
        return replace(
            parsed,
            field=field,
            repetitions=repetitions,
            component=component,
            subcomponent=subcomponent,
        )

    def _component(self) -> tuple[int, int | None]:
        self.at += 1
        component = self._number("a component number", "PID-5.1")
        if not self._take("."):
            return component, None
        return component, self._number("a subcomponent number", "PID-3.4.2")

    def _selectors(self, depth: int) -> tuple[Selector, ...]:
        """Read every [..]; depth: 1 for places like 4.1 in them, 2 for places like 3.1.2."""
        selectors: list[Selector] = []
        while self._take("["):
            selectors.append(self._selector(depth))
            if not self._take("]"):
                raise self._fault('"]" is expected', "PID-3[5='NH'].1")
        return tuple(selectors)

    def _selector(self, depth: int) -> Selector:
        if depth > 1 and self._take("each"):
            return Firsts(place=self._place(depth))
        if self._kind() != "number" or self._peek(1) not in ("]", "."):
            return self._some(depth)
        if self._peek(1) == "]":
            return self._number("a number", "PID-3[2].1")
        return self._from() or self._some(depth)

    def _from(self) -> From | None:
        if (self._peek(2), self._peek(3)) != (".", "]"):
            return None
        number = self._number("a number", "OBX[2..]")
        self.at += 2
        return From(number=number)

    def _some(self, depth: int) -> Condition:
        conditions = [self._every(depth)]
        while self._take("or"):
            conditions.append(self._every(depth))
        return conditions[0] if len(conditions) == 1 else Some(conditions=tuple(conditions))

    def _every(self, depth: int) -> Condition:
        conditions = [self._single(depth)]
        while self._take("and"):
            conditions.append(self._single(depth))
        return conditions[0] if len(conditions) == 1 else Every(conditions=tuple(conditions))

    def _single(self, depth: int) -> Condition:
        if self._take("not"):
            return Not(condition=self._single(depth))
        if self._take("("):
            condition = self._some(depth)
            if not self._take(")"):
                raise self._fault('")" is expected', "PID-3[(4='NHS' or 5='NH') and 1!=''].1")
            return condition
        return self._test(self._place(depth), depth)

    def _place(self, depth: int) -> tuple[int, ...]:
        example = "OBX[3.1='abc']-5" if depth > 1 else "PID-3[4.1='NHS'].1"
        place = [self._number("a number of what to compare", example)]
        while len(place) <= depth and self._take("."):
            place.append(self._number("a number", example))
        return tuple(place)

    def _test(self, place: tuple[int, ...], depth: int) -> Condition:
        if self._take("="):
            return Test(place=place, texts=frozenset({self._text()}))
        if self._take("!="):
            return Not(condition=Test(place=place, texts=frozenset({self._text()})))
        if depth > 1 and self._take("same"):
            return Test(place=place, sense="same")
        if self._take("begins"):
            return Test(place=place, texts=self._texts(), sense="begins")
        negated = self._take("not")
        if not self._take("in"):
            raise self._fault("=, !=, in or not in is expected", "PID-3[5='NH'].1")
        test = Test(place=place, texts=self._texts())
        return Not(condition=test) if negated else test

    def _texts(self) -> frozenset[str]:
        example = "PID-3[5 in ('NH', 'HN')].1"
        if not self._take("("):
            raise self._fault('"(" is expected', example)
        texts = {self._text()}
        while self._take(","):
            texts.add(self._text())
        if not self._take(")"):
            raise self._fault('"," or ")" is expected', example)
        return frozenset(texts)

    def _text(self) -> str:
        if self._kind() != "text":
            raise self._fault("a text in quotation marks is expected", "PID-3[5='NH'].1")
        self.at += 1
        return self.tokens[self.at - 1]["text"][1:-1]

    def _number(self, what: str, example: str) -> int:
        if self._kind() != "number" or int(self._peek()) == 0:
            raise self._fault(f"{what}, 1 or more, is expected", example)
        self.at += 1
        return int(self.tokens[self.at - 1]["number"])

    def _take(self, token: str) -> bool:
        found = self._peek() == token
        self.at += found
        return found

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][0].strip() if at < len(self.tokens) else ""

    def _kind(self) -> str | None:
        return self.tokens[self.at].lastgroup if self.at < len(self.tokens) else None

    def _fault(self, what: str, example: str) -> ValueError:
        ended = self.at >= len(self.tokens)
        group = None if ended else self.tokens[self.at].lastgroup
        place = (
            "at the end"
            if group is None
            else f"at character {self.tokens[self.at].start(group) + 1}"
        )
        return ValueError(f"{self.source!r} is no HL7 v2 path: {what} {place}, as in {example}")
