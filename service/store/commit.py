"""What one transaction writes, as plain records: made before it opens, nothing looked up inside.

A body is the JSON that a reader gets, with `LAST_UPDATED` where meta.lastUpdated stands (before
any text of the sender: "resourceType", "id", "meta" come first). The transaction replaces the
first occurrence in each body, and every occurrence in the answer, by the instant it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from service.errors import Conflict, Issue
from service.model import Instant

if TYPE_CHECKING:
    from service.store.caseload_records import Concerned

LAST_UPDATED = b"0000-00-00T00:00:00.000000Z"  # as wide as Instant.isoformat()

NEVER = Instant(0)

RELAY = ""  # in the place of an ODS code: the relay itself, whose resources no sender sees

Key = tuple[str, str]  # (search parameter, value), e.g. ("identifier", "system|value")
Reference = tuple[str, str]  # (resource type, id)
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class Stale(Conflict):
    """What was looked up before has changed meanwhile: look again, build again, commit again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What comes next for a Task that waits for its answer; none, once it is answered.

    Whoever was asked in its place, and whom it was asked in place of, is told then: see
    Deadlines.
    """

    name: str = ""
    at: int = 0  # microseconds; 0: nothing comes any more


# What a team may record that it did with a patient: CodeSystem evaluation.
OUTCOMES: Final = ("discussed", "assessed", "treated")


class Reached(NamedTuple):
    """A step of a notice that figures count: received, answered, escalated, cancelled, or one of
    OUTCOMES."""

    step: str
    at: int = 0  # microseconds; 0: when it is written


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One new version of one resource."""

    type: str  # FHIR resource type
    id: str  # UUIDv7, or a client's own
    version: int  # meta.versionId in body
    body: bytes  # JSON with LAST_UPDATED in it; for a Binary the content itself
    owner: str  # ODS code of the organisation whose resource it is
    prior: int = 0  # the version there must be before; 0: there must be none
    keys: tuple[Key, ...] = ()  # all of this version's search keys
    media_type: str = ""  # of a Binary's content; "" for FHIR JSON
    method: Method = "POST"
    deleted: bool = False  # this version says that the resource is gone; body is b""
    keeps_audience: bool = False  # a commit's recipients do not come to see it by this version
    visible_to: tuple[str, ...] = ()  # ODS codes beside the owner and the commit's recipients
    step: Step | None = None  # of a Task that waits for its answer; None: as before
    reached: tuple[Reached, ...] = ()  # with this version of a Task
    unsaid: tuple[Reached, ...] = ()  # what a version before said by mistake


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What a look-up found, to be found again under lock."""

    owner: str  # ODS code
    type: str
    key: Key
    expected: tuple[str, ...]  # ids in rising order, as Store.find gave them


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """Until when the Task of a delivery is to be answered, and what comes first without it."""

    role: str  # action | information
    due: int  # microseconds
    step: Step
    message_id: str = ""  # of the message that it began with; "": this one
    instead_of: str = ""  # id of the Task of the team in whose place this one is asked
    chase: str = ""  # id of the Task whose answer is this one's too; "": its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One Communication for one recipient: the next event of its feed."""

    recipient: str  # ODS code
    kind: str  # "discharge", "referral", … or "reminder"
    communication: Write  # prior 0; lives in the feed, not among the other resources
    task: Write | None = None  # seen by the recipient and the sender only
    patient_id: str = ""  # id of the Patient resource
    nhs_number: str = ""
    discreet: bool = False  # the sender does not see to whom: it is the relay's own
    deadline: Deadline | None = None  # of the Task


@dataclass(frozen=True, kw_only=True, slots=True)
class RawMessage:
    """The bytes that came, who sent them, and what became of them."""

    id: str  # UUIDv7; also the id of the Binary that the bytes are read as
    sender: str  # ODS code of the authenticated client
    control_id: str  # MSH-10, Bundle.identifier …, or the digest; "" only while unreadable
    digest: bytes  # SHA-256 of body
    media_type: str
    body: bytes
    received_at: Instant
    mapping: str = ""
    mapping_version: str = ""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the sender is told, and told again when it repeats itself."""

    status: int
    media_type: str
    body: bytes  # may hold LAST_UPDATED, any number of times
    headers: tuple[tuple[str, str], ...] = ()  # such as Location


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """Who did what, without a patient's values."""

    at: Instant
    client: str
    organisation: str
    action: str  # FHIR restful-interaction: read | search-type | create | operation …
    type: str = ""
    subject: str = ""  # an id, or the digest of a query; never the query
    outcome: str = "0"  # FHIR audit-event-outcome
    request_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """Everything that one message changes; all of it or nothing is written.

    Every resource in `writes` (unless it keeps its audience) and `shared` becomes visible to the
    sender and to every recipient of `deliveries`.
    """

    message: RawMessage
    answer: Answer
    writes: tuple[Write, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()  # existing resources that this message refers to
    audit: tuple[AuditEntry, ...] = ()
    concerned: tuple[Concerned, ...] = ()  # what it has to do with caseloads
    replay: bool = False  # message.id is a kept message: see Store.dead_letters


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a commit came to."""

    message_id: str
    repeated: bool  # True: this is the first answer again, nothing was written
    answer: Answer  # with the instants in place
    updated: Instant = NEVER  # meta.lastUpdated of everything written; 0 when repeated
    numbers: Mapping[str, int] = field(default_factory=dict)  # recipient → its event number
