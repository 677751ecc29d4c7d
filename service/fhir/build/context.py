"""What every builder needs to know: the transfer, what is held already, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.errors import Issue
from service.fhir.build.identity import Held, Known
from service.model import TransferOfCare

Resource = dict[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The message that everything is made of, as the store keeps it, and what mapped it."""

    message_id: str  # ours: the id of the Binary that its bytes are read as
    media_type: str
    mapping: str
    mapping_version: str
    size: int = 0  # bytes; 0: a transaction, whose own resources are the original
    sha1: str = ""  # base64

    @property
    def is_transaction(self) -> bool:
        """Whether the sender's resources are stored as posted, so that none is built again."""
        return not self.size


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Bytes that become a Binary."""

    id: str
    content_type: str
    data: bytes


@dataclass(kw_only=True, slots=True)
class Context:
    """One transfer while it is built."""

    transfer: TransferOfCare
    known: Known
    origin: Origin
    now: datetime
    new_id: Callable[[], str]
    organisation_name: Callable[..., str | None]  # by ODS code; None: not in the directory
    instant: str = ""  # `now` as FHIR writes it
    security: list[Json] = field(default_factory=list)  # labels that everything carries
    subject: Json = field(default_factory=dict)  # reference to the patient
    encounter: Json = field(default_factory=dict)  # reference to the encounter; {} without one
    sender: Json = field(default_factory=dict)  # reference to the sending organisation
    issues: list[Issue] = field(default_factory=list)  # what building found doubtful
    contents: list[Content] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)

    def place(self, slot: str, kind: str) -> Held:
        """Return the id of what is to be built, and the version before it (0: none)."""
        held = self.known.get(slot)
        if held is not None and held.id in self.placed:
            self.doubt("duplicate", "the message has its number more than once", slot)
            held = None
        placed = held or Held(type=kind, id=self.new_id(), version=0)
        self.placed.add(placed.id)
        return placed

    def doubt(self, code: str, text: str, target: str) -> None:
        """Keep something doubtful; it is told to the sender and to the recipients."""
        self.issues.append(Issue(severity="warning", code=code, text=text, target=target))
