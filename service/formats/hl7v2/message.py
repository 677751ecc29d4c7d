"""An HL7 v2 message as read: its header and the segments by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from weakref import ref

from service.errors import Issue
from service.formats.hl7v2.segment import Segment, places
from service.formats.hl7v2.separators import value


class Hl7Message:
    """One message: a `SourceMessage` whose root is itself.

    The identity of a message is MSH-10 as a whole, separators in it and all.
    """

    __slots__ = (
        "__weakref__",
        "charset_guessed",
        "header",
        "issues",
        "named",
        "raw",
        "segments",
        "shared",
    )

    format: Final = "hl7v2"
    segment: Final = None  # a path relative to a segment finds nothing from here

    def __init__(
        self,
        segments: list[Segment],
        *,
        issues: tuple[Issue, ...] = (),
        charset_guessed: bool = False,
        raw: bytes = b"",
    ) -> None:
        self.segments = segments
        self.raw = raw  # its own bytes: the body, or its part of a batch
        self.header = segments[0]
        self.shared = self.header.shared
        self.shared.message = ref(self)
        self.issues = issues
        self.charset_guessed = charset_guessed
        self.named: dict[str, list[Segment]] = {}
        for segment in segments:
            self.named.setdefault(segment.name, []).append(segment)

    @property
    def root(self) -> Hl7Message:
        """Itself."""
        return self

    @property
    def message_id(self) -> str:
        """MSH-10, the message control id."""
        return value(self.header.raw(10), self.shared.separators, self.shared.codec)

    @property
    def namespace(self) -> tuple[str, ...]:
        """MSH-3 and MSH-4 as sent: within them MSH-10 names one message."""
        return (self.header.raw(3), self.header.raw(4))

    @property
    def message_type(self) -> str:
        """MSH-9, e.g. "ADT^A03"."""
        parts = [self._header(9, 1), self._header(9, 2)]
        return "^".join(filter(None, parts))

    @property
    def claimed_sender(self) -> str:
        """MSH-4.1, the sending facility: in England its ODS code."""
        return self._header(4, 1)

    @property
    def processing_id(self) -> str:
        """MSH-11.1: P production, T training, D debugging. What to do with it is the caller's."""
        return self._header(11, 1)

    @property
    def version(self) -> str:
        """MSH-12.1, e.g. "2.4"."""
        return self._header(12, 1)

    def leaves(self) -> Iterator[str]:
        """Yield the place of every value but MSH-1 and MSH-2, which say how the rest is read."""
        for segment in self.segments:
            first = 3 if segment is self.header else 1
            for field in range(first, len(segment.fields)):
                for place in places(segment, field):
                    yield from place.leaves()

    def _header(self, field: int, component: int) -> str:
        repetitions = self.header.repetitions(field)
        return repetitions[0].text(component, 1) if repetitions else ""
