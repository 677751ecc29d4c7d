"""What every reader yields: a `SourceMessage` whose values are found by path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from service.errors import Issue

Node = Any  # a reader's own view of one place in the message (segment, element, object)


class ExplicitNull(str):
    """The HL7 v2 value `""`: the sender says that there is no value (delete)."""

    __slots__ = ()


NULL: Final = ExplicitNull('""')


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A compiled path of one format. The three callables take a node and agree in order.

    values: the non-empty texts found there (`NULL` where the sender deleted);
    nodes: the places themselves, to go on from (`each`);
    places: where each value stands, e.g. "PID-3[2].1", "entry[1].resource.name[0].family";
    structured: whether it is known to end at places that have parts and no text of their own
    (FHIR HumanName): good for `each`, never for `from`;
    covers: where all of it stands, if a value is made of more than its place (a letter's section).
    """

    text: str
    values: Callable[[Node], Sequence[str]]
    nodes: Callable[[Node], Sequence[Node]]
    places: Callable[[Node], Sequence[str]]
    structured: bool = False
    covers: Callable[[Node], Sequence[str]] | None = None


class SourceMessage(Protocol):
    """One message as read: nothing interpreted yet, nothing left out."""

    @property
    def format(self) -> str:
        """The format's name in mapping files, e.g. "hl7v2"."""

    @property
    def root(self) -> Node:
        """The node that paths start from."""

    @property
    def message_id(self) -> str:
        """The sender's id for this message; "" where it has none."""

    @property
    def namespace(self) -> tuple[str, ...]:
        """Within what `message_id` names one message only, beside the sender; () if nothing."""

    @property
    def raw(self) -> bytes:
        """The message's own bytes where it is one of several in a body; else b"" or all of it."""

    @property
    def message_type(self) -> str:
        """E.g. "ADT^A03", "message:servicerequest-request", "document"; for people and logs."""

    @property
    def claimed_sender(self) -> str:
        """What the message itself says of its sender; "" where it does not."""

    @property
    def charset_guessed(self) -> bool:
        """Whether the message left its character set open (a mapping's `charset` then decides)."""

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was doubtful in reading: repaired line ends, a guessed character set …"""

    def leaves(self) -> Iterable[str]:
        """The place of every value in the message, as `Path.places` names them."""


class Format(Protocol):
    """A reader: one module a format, registered in `service.formats.FORMATS`."""

    name: str

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether these bytes look like this format (cheap; looks at the beginning)."""

    def read(self, body: bytes, charset: str | None = None) -> tuple[SourceMessage, ...]:
        """Return the messages in `body`: mostly one; a batch or a Bundle may hold several.

        Raises UnreadableMessage with every fault and its place.
        """

    def compile_path(self, text: str) -> Path:
        """Compile one path. Raises ValueError that says what is wrong with it."""


@runtime_checkable
class LetterReader(Format, Protocol):
    """A reader of letters: what a mapping says of their layout holds for all of its paths."""

    def knowing(
        self, headings: Sequence[str], labels: Sequence[str], leave_out: Sequence[str]
    ) -> Format:
        """Return the reader for one mapping. Raises ValueError if an entry is not understood."""
