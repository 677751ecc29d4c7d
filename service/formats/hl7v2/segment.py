"""A segment and what it is made of: fields, repetitions, components, subcomponents.

A message's segments are split at once, their fields and the parts of those when first asked for.
These are no frozen dataclasses, because they remember what was split; nothing else changes.
Segments refer to their message weakly: a large message is freed with its last reader, not by
the next round of garbage collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from weakref import ref

from service.formats.hl7v2.separators import Separators, value

if TYPE_CHECKING:
    from service.formats.hl7v2.message import Hl7Message

_HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
_ENCODING_CHARACTERS: Final = 2  # MSH-2; MSH-1 is the field separator
_TEXT_FIELD: Final = {"OBX": 5, "NTE": 3}
_TEXT_TYPES: Final = frozenset({"ST", "TX", "FT"})  # OBX-2: types that have no components
_NO_PARTS: Final[dict[int, list[str]]] = {}


class Repetition:
    """One repetition of a field: its components, and the subcomponents of those that have some.

    `components[0]` is component 1; a component with subcomponents stands there as its first one.
    """

    __slots__ = ("components", "number", "subcomponents")

    def __init__(
        self, components: list[str], subcomponents: dict[int, list[str]], number: int = 1
    ) -> None:
        self.components = components
        self.subcomponents = subcomponents
        self.number = number  # among those of its field, from 1

    def text(self, component: int, subcomponent: int) -> str:
        """Return one part, counted from 1; "" where it is empty or absent."""
        if subcomponent > 1:
            parts = self.subcomponents.get(component, ())
            return parts[subcomponent - 1] if subcomponent <= len(parts) else ""
        components = self.components
        return components[component - 1] if component <= len(components) else ""

    def is_empty(self) -> bool:
        """Whether nothing stands between its separators."""
        return not any(self.components) and not any(map(any, self.subcomponents.values()))


class Shared:
    """What all segments of one message have in common."""

    __slots__ = ("asked", "codec", "counts", "message", "separators")

    def __init__(self, separators: Separators, codec: str) -> None:
        self.separators = separators
        self.codec = codec
        self.asked: dict[object, list[str]] = {}  # what paths found, of messages that are long
        self.counts: dict[str, int] = {}  # how many segments of each name there are
        self.message: ref[Hl7Message] | None = None


class Segment:
    """One segment; `ordinal` counts, from 1, those of its name."""

    __slots__ = ("_fields", "_text", "name", "next", "ordinal", "read", "shared")

    def __init__(self, name: str, text: str, shared: Shared, ordinal: int) -> None:
        self.name = name
        self.ordinal = ordinal
        self.shared = shared
        self.next: Segment | None = None
        self._text: str | None = text
        self._fields: list[str] = []
        self.read: dict[int, list[Repetition]] = {}  # what `repetitions` has split

    @property
    def segment(self) -> Segment:
        """Itself: a segment and a place inside it are asked alike."""
        return self

    @property
    def named(self) -> dict[str, list[Segment]]:
        """The segments of its message, while that is still held."""
        message = self.shared.message and self.shared.message()
        return message.named if message else {}

    @property
    def fields(self) -> list[str]:
        """The fields as sent; `fields[n]` is field n, as the standard counts (MSH-1 included)."""
        if self._text is not None:
            separator = self.shared.separators.field
            self._fields = self._text.split(separator)
            if self.name in _HEADERS:
                self._fields.insert(1, separator)
            self._text = None  # a document of 20 MB is kept once
        return self._fields

    @property
    def text(self) -> str:
        """The segment as sent."""
        if self._text is not None:
            return self._text
        fields = self._fields[:1] + self._fields[2:] if self.name in _HEADERS else self._fields
        return self.shared.separators.field.join(fields)

    @property
    def label(self) -> str:
        """Its name; with its number where there are several, e.g. "OBX[3]"."""
        several = self.shared.counts[self.name] > 1
        return f"{self.name}[{self.ordinal}]" if several else self.name

    def raw(self, number: int) -> str:
        """Return a whole field as sent; "" where it is absent."""
        fields = self.fields if self._text is not None else self._fields
        return fields[number] if number < len(fields) else ""

    def repetitions(self, number: int) -> list[Repetition]:
        """Return the repetitions of a field, read; none where it is empty or absent."""
        read = self.read.get(number)
        if read is None:
            read = self.read[number] = self._split(number)
        return read

    def first(self, number: int) -> str:
        """Return the first component of the first repetition of a field."""
        repetitions = self.repetitions(number)
        return repetitions[0].components[0] if repetitions else ""

    def _split(self, number: int) -> list[Repetition]:
        raw = self.raw(number)
        if not raw:
            return []
        if number <= _ENCODING_CHARACTERS and self.name in _HEADERS:
            return [Repetition([raw], _NO_PARTS)]
        if number == _TEXT_FIELD.get(self.name) and self._is_text():
            return [
                Repetition([self._value(part)], _NO_PARTS, number)
                for number, part in self._parts(raw)
            ]
        separators = self.shared.separators
        sign, below, escape = separators.component, separators.subcomponent, separators.escape
        if (below and below in raw) or (escape and escape in raw) or '""' in raw:
            return [self._read_closely(part, number) for number, part in self._parts(raw)]
        if separators.repetition not in raw:
            return [Repetition(raw.split(sign), _NO_PARTS)]
        return [
            Repetition(part.split(sign), _NO_PARTS, number) for number, part in self._parts(raw)
        ]

    def _parts(self, raw: str) -> Iterable[tuple[int, str]]:
        return enumerate(raw.split(self.shared.separators.repetition), 1)

    def _is_text(self) -> bool:
        """Whether ^ and & in the text field are the text's own, left unescaped by the sender."""
        return self.name == "NTE" or self.raw(2) in _TEXT_TYPES

    def _value(self, text: str) -> str:
        return value(text, self.shared.separators, self.shared.codec)

    def _read_closely(self, text: str, number: int) -> Repetition:
        split = [
            [self._value(below) for below in self._subcomponents(part)]
            for part in text.split(self.shared.separators.component)
        ]
        several = {number: parts for number, parts in enumerate(split, 1) if len(parts) > 1}
        return Repetition([parts[0] for parts in split], several, number)

    def _subcomponents(self, text: str) -> list[str]:
        """Split at the subcomponent separator, save where spaces around it say that it is text."""
        sign = self.shared.separators.subcomponent
        if not sign or sign not in text:
            return [text]
        if f" {sign} " not in text:
            return text.split(sign)
        return [part.replace("\0", sign) for part in text.replace(f" {sign} ", " \0 ").split(sign)]


class Place:
    """One repetition of a field, where it stands: what `each` goes on from."""

    __slots__ = ("field", "repetition", "segment")

    def __init__(self, segment: Segment, field: int, repetition: Repetition) -> None:
        self.segment = segment
        self.field = field
        self.repetition = repetition

    @property
    def named(self) -> dict[str, list[Segment]]:
        """The segments of its message, while that is still held."""
        return self.segment.named

    def label(self, component: int, subcomponent: int) -> str:
        """Return the place of one part, e.g. "PID-3[2].1", with no number that is not needed.

        A repetition has its number where the field repeats, a component where the repetition has
        several, a subcomponent where the component has several: so each place has one name, and
        that name is a path which finds it.
        """
        several = len(self.segment.repetitions(self.field)) > 1
        label = f"{self.segment.label}-{self.field}" + (
            f"[{self.repetition.number}]" if several else ""
        )
        within = self.repetition.subcomponents
        if len(self.repetition.components) == 1 and not within:
            return label
        return f"{label}.{component}" + (f".{subcomponent}" if component in within else "")

    def leaves(self) -> Iterator[str]:
        """Yield the place of every value in this repetition."""
        within = self.repetition.subcomponents
        for component, text in enumerate(self.repetition.components, 1):
            for subcomponent, part in enumerate(within.get(component, (text,)), 1):
                if part:
                    yield self.label(component, subcomponent)


def places(segment: Segment, field: int) -> list[Place]:
    """Return the places of a field's repetitions."""
    return [Place(segment, field, repetition) for repetition in segment.repetitions(field)]
