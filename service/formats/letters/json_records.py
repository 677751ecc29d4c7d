"""JSON of any design: one object, or a list of objects that are a message each; dotted paths.

`patient.names[0].family`, `['ED No']`, `ids[type='NHS'].value`, `*` for every member; `%name` is
the name that a member stands under, `$` the whole message, `.` the place itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from service.formats.fhir_r4 import as_written
from service.formats.fhir_r4.json_reader import read_value
from service.formats.letters.record import MAX_RECORDS, WHOLE, Record, check_size, refusal, whole
from service.formats.source import Path

_NAME: Final = "%name"
_STEP: Final = re.compile(r"'((?:[^']|'')+)'|([^.\[\]'*%$]+)|(\*)")
_INDEX: Final = re.compile(r"\[\s*(-?\d{1,6})\s*\]")
_MEMBER: Final = re.compile(r"\[\s*'((?:[^']|'')+)'\s*\]")
_FILTER: Final = re.compile(
    r"\[\s*(?:'((?:[^']|'')+)'|([^.\[\]'=!]+?))\s*(=|!=)\s*'((?:[^']|'')*)'\s*\]"
)
_SIMPLE: Final = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A value where it stands."""

    value: Any
    place: str
    name: str
    whole: dict[str, Any]  # the message; an object


Step = Callable[[Place], Iterator[Place]]


class JsonRecords:
    """See `service.formats.source.Format`."""

    name = "json"

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether it begins as an object or a list does; RTF begins with a brace too."""
        start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
        return start[:1] in {b"{", b"["} and not start.startswith(b"{\\rtf")

    def read(self, body: bytes, charset: str | None = None) -> tuple[Record, ...]:
        """Return the message, or the messages of a list; JSON is UTF-8, so charset is not used.

        Raises UnreadableMessage with line and column; TooLarge.
        """
        check_size(body)
        value = read_value(body)
        items = value if type(value) is list else [value]
        if not items or len(items) > MAX_RECORDS:
            raise refusal(f"a list holds 1 to {MAX_RECORDS} messages")
        wrong = [f"[{at}]" for at, item in enumerate(items) if type(item) is not dict]
        if wrong:
            raise refusal("a message is a JSON object", *wrong[:20])
        return tuple(
            _record(item, at, body if len(items) == 1 else None) for at, item in enumerate(items)
        )

    def compile_path(self, text: str) -> Path:
        """Compile a dotted path. Raises ValueError."""
        if text.strip() == WHOLE:
            return whole(text, lambda node: _written(node.whole))
        steps = _parsed(text.strip())

        def find(node: Place) -> Sequence[Place]:
            found: list[Place] = [node]
            for step in steps:
                found = [one for place in found for one in step(place)]
            return found

        return Path(
            text=text,
            values=lambda node: [told for one in find(node) if (told := _text(one.value))],
            nodes=lambda node: [one for one in find(node) if one.value is not None],
            places=lambda node: [one.place for one in find(node) if _text(one.value)],
        )


def _record(item: dict[str, Any], at: int, body: bytes | None) -> Record:
    raw = _written(item) if body is None else body
    root = Place(item, "", "", item)
    return Record(format="json", root=root, raw=raw, all_leaves=_leaves, place=f"[{at}]")


def _written(value: Any) -> bytes:
    return orjson.dumps(value, default=as_written)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if value.strip() else ""
    if value is True or value is False:
        return "true" if value else "false"
    return str(value) if isinstance(value, int | Decimal) else ""


def _leaves(place: Place) -> Iterator[str]:
    if _text(place.value):
        yield place.place
    for member in _members(place):
        yield from _leaves(member)


def _members(place: Place) -> Iterator[Place]:
    """Yield the members of an object, or the items of a list."""
    if type(place.value) is dict:
        for name in place.value:
            yield _member(place, name)
    elif type(place.value) is list:
        yield from _items(place)


def _member(place: Place, name: str) -> Place:
    shown = name if _SIMPLE.fullmatch(name) else "'" + name.replace("'", "''") + "'"
    where = f"{place.place}.{shown}" if place.place else shown
    return Place(place.value[name], where, name, place.whole)


def _items(place: Place) -> Iterator[Place]:
    """Yield the items of a list, of lists in it as well; anything else is itself."""
    if type(place.value) is not list:
        yield place
        return
    for at, item in enumerate(place.value):
        yield from _items(Place(item, f"{place.place}[{at}]", place.name, place.whole))


def _parsed(text: str) -> list[Step]:
    """Return the steps of a path. Raises ValueError."""
    if not text:
        raise ValueError("the path is empty")
    if text == ".":
        return [_items]
    is_whole = text.startswith("$")
    steps: list[Step] = [_from_the_top] if is_whole else []
    at, more = _brackets(text, int(is_whole)) if text[int(is_whole) :][:1] == "[" else (0, [])
    steps, at = [*steps, *more], at or int(is_whole)
    while at < len(text):
        if at and text[at] != ".":
            raise ValueError(f"character {at + 1}: expected . or [")
        at += 1 if at else 0
        if text[at:] == _NAME:
            return [*steps, _name_of]
        step = _STEP.match(text, at)
        if not step:
            raise ValueError(f"character {at + 1}: expected a name")
        steps.append(_any_member if step[3] else _by_name(_unquoted(step)))
        at, more = _brackets(text, step.end())
        steps += more
    return steps


def _unquoted(step: re.Match[str]) -> str:
    return step[1].replace("''", "'") if step[1] else step[2].strip()


def _brackets(text: str, at: int) -> tuple[int, list[Step]]:
    """Return the steps in the brackets behind a name; without an index all items are meant."""
    steps: list[Step] = []
    while text.startswith("[", at):
        step, at = _bracket(text, at)
        steps += step
    return at, [*steps, _items]


def _bracket(text: str, at: int) -> tuple[list[Step], int]:
    if index := _INDEX.match(text, at):
        return [_by_index(int(index[1]))], index.end()
    if member := _MEMBER.match(text, at):
        return [_items, _by_name(member[1].replace("''", "'"))], member.end()
    if condition := _FILTER.match(text, at):
        name, wanted = condition[1] or condition[2], condition[4].replace("''", "'")
        test = _by_value(name.replace("''", "'"), wanted, equal=condition[3] == "=")
        return [_items, test], condition.end()
    raise ValueError(f"character {at + 1}: expected [0], ['name'] or [name='…']")


def _from_the_top(place: Place) -> Iterator[Place]:
    yield Place(place.whole, "", "", place.whole)


def _name_of(place: Place) -> Iterator[Place]:
    yield Place(place.name, place.place, place.name, place.whole)


def _any_member(place: Place) -> Iterator[Place]:
    if type(place.value) is dict:
        yield from _members(place)


def _by_name(name: str) -> Step:
    def step(place: Place) -> Iterator[Place]:
        if type(place.value) is dict and name in place.value:
            yield _member(place, name)

    return step


def _by_index(index: int) -> Step:
    def step(place: Place) -> Iterator[Place]:
        value = place.value
        if type(value) is not list and value is not None and index in {0, -1}:
            yield place  # one where several could be
        elif type(value) is list and -len(value) <= index < len(value):
            at = index % len(value)
            yield Place(value[at], f"{place.place}[{at}]", place.name, place.whole)

    return step


def _by_value(name: str, wanted: str, *, equal: bool) -> Step:
    def step(place: Place) -> Iterator[Place]:
        held = place.value.get(name) if type(place.value) is dict else None
        if (_text(held) == wanted) is equal:
            yield place

    return step


FORMAT: Final = JsonRecords()
