"""What can go wrong with a message, on every wire at once: FHIR issue, HTTP status, HL7 v2 code.

An exception's docstring is its message. Nothing here ever holds a patient's value: an
`Issue` says what is wrong and where, never what was there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One thing that is wrong or doubtful, with its place; never a patient's value."""

    severity: Severity
    code: str  # FHIR issue-type, e.g. "required", "code-invalid", "value"
    text: str  # for a person; no value out of the message
    target: str = ""  # field of the transfer of care or FHIRPath, e.g. "patient.nhs_number"
    source: str = ""  # place in the message, e.g. "PID-3[1].1" or "line 12, column 4"


class ServiceError(Exception):
    """The request could not be served."""

    issue_type: ClassVar[str] = "processing"  # FHIR issue-type
    http_status: ClassVar[int] = 400
    ack_code: ClassVar[str] = "AE"  # HL7 table 0008

    def __init__(self, text: str = "", issues: Sequence[Issue] = ()) -> None:
        self.text = text or (type(self).__doc__ or "").strip().splitlines()[0]
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue(severity="error", code=self.issue_type, text=self.text),
        )
        # The refusal in the words of the sender's own standard (media type, bytes), where it
        # has some for what was sent: an ITK3 response.
        self.answer: tuple[str, bytes] | None = None
        super().__init__(self.text)


class UnreadableMessage(ServiceError):
    """The bytes are not what their format says they are."""

    issue_type = "structure"


class UnknownFormat(ServiceError):
    """The format of the message was not recognised."""

    issue_type = "not-supported"
    http_status = 415
    ack_code = "AR"


class UnmappedMessage(ServiceError):
    """No mapping covers this sender and message type."""

    issue_type = "not-supported"
    http_status = 422
    ack_code = "AR"


class NotServed(UnmappedMessage):
    """Bookings are not made here: discharges and referrals are taken in."""

    http_status = 501


class AmbiguousMessage(UnmappedMessage):
    """More than one mapping serves this message."""


class UnmappableMessage(ServiceError):
    """The message lacks, or contradicts, what its mapping needs."""

    issue_type = "business-rule"
    http_status = 422


class UnknownRecipient(ServiceError):
    """Nobody whom the message names is known here."""

    issue_type = "not-found"
    http_status = 422

    def __init__(
        self, text: str = "", issues: Sequence[Issue] = (), *, is_receiver: bool = False
    ) -> None:
        super().__init__(text, issues)
        self.is_receiver = is_receiver  # named as the receiver of the message itself


class NonconformantResource(ServiceError):
    """A resource does not conform to its profile."""

    issue_type = "invariant"
    http_status = 422


class ConflictingMessage(ServiceError):
    """A message with this id was received before, with other content."""

    issue_type = "conflict"
    http_status = 409


class BadRequest(ServiceError):
    """The request is not understood."""

    issue_type = "invalid"


class Unauthenticated(ServiceError):
    """A valid access token is needed."""

    issue_type = "login"
    http_status = 401
    ack_code = "AR"


class Forbidden(ServiceError):
    """The access token does not cover this interaction."""

    issue_type = "forbidden"
    http_status = 403
    ack_code = "AR"


class NotFound(ServiceError):
    """There is no such resource, or it is not yours to see."""

    issue_type = "not-found"
    http_status = 404


class MethodNotAllowed(ServiceError):
    """This interaction is not supported here."""

    issue_type = "not-supported"
    http_status = 405


class NotAcceptable(ServiceError):
    """The answer cannot be given in the format asked for."""

    issue_type = "not-supported"
    http_status = 406


class Conflict(ServiceError):
    """The resource is not in a state that allows this."""

    issue_type = "conflict"
    http_status = 409


class Gone(ServiceError):
    """What was asked for is no longer kept."""

    issue_type = "deleted"
    http_status = 410


class PreconditionFailed(ServiceError):
    """The resource was changed by another, or several match the condition."""

    issue_type = "conflict"
    http_status = 412


class TooLarge(ServiceError):
    """The request is larger than is accepted."""

    issue_type = "too-long"
    http_status = 413
    ack_code = "AR"


class UnsupportedMediaType(ServiceError):
    """This content type is not read here."""

    issue_type = "not-supported"
    http_status = 415
    ack_code = "AR"


class Throttled(ServiceError):
    """Too many requests at once; wait and try again."""

    issue_type = "throttled"
    http_status = 429


class Failed(ServiceError):
    """The service failed on this message. It is kept; an operator can replay it."""

    issue_type = "exception"
    http_status = 500


class Unavailable(ServiceError):
    """The service cannot answer now; the same request may be sent again."""

    issue_type = "transient"
    http_status = 503
    ack_code = "AR"
