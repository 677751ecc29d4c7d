"""ITK3 response codes: what a refusal is called, and what a recipient's answer.

Source: NHS Digital, ITK3 Messaging Distribution 2.x, response codes (CodeSystem
ITK-ResponseCodes-1); 20015 and 30004 from the code system ITKResponseCode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from service.errors import (
    ConflictingMessage,
    Failed,
    Issue,
    ServiceError,
    TooLarge,
    UnknownFormat,
    UnknownRecipient,
    UnmappedMessage,
    UnreadableMessage,
)

SYSTEM: Final = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1"


class Code(NamedTuple):
    """A response code with its words."""

    code: str
    display: str


SUCCESS: Final = Code("20013", "Success")
HANDLING: Final = Code("10001", "Handling Specification Error")
INFRASTRUCTURE_FLAG: Final = Code("10002", "Infrastructure Level Response Value - Processing Error")
BUSINESS_FLAG: Final = Code("10003", "Business Level Response Value - Processing Error")
UNSUPPORTED: Final = Code("10004", "Message Definition Value - Processing Error")
UNREADABLE: Final = Code("10009", "Unreadable message received")
RECIPIENT_TYPE: Final = Code("10010", "Recipient Type - Processing Error")
RECIPIENT_ORGANISATION: Final = Code("20002", "Unrecognised Recipient Organisation")
HEADER: Final = Code("20006", "ITK3 header validation failure")
DUPLICATE: Final = Code("20007", "Duplicate Message received")
PAYLOAD: Final = Code("20009", "Payload validation failure")
PAYLOAD_ORGANISATION: Final = Code("20010", "Unrecognised Payload Recipient Organisation")
PAYLOAD_PERSON: Final = Code("20011", "Unrecognised Payload Recipient Person")
TOO_LARGE: Final = Code("20015", "Message too large")
KNOWN: Final = Code("30001", "Patient known here. (e.g. Patient is registered here)")
NOT_KNOWN: Final = Code(
    "30002", "Patient not known here. (aka 'patient record not present in system')"
)
MOVED: Final = Code("30003", "Patient no longer at this clinical setting")
DECEASED: Final = Code("30004", "Patient known here, recently deceased")

BUSINESS: Final = {each.code: each for each in (KNOWN, NOT_KNOWN, MOVED, DECEASED)}
OLDER: Final = {"41001": KNOWN, "41002": NOT_KNOWN, "41022": MOVED}  # ITK-Acknowledgement-1

# The first that fits; whatever is not among them is the fault of the payload.
_REFUSALS: Final[tuple[tuple[type[ServiceError], Code], ...]] = (
    (ConflictingMessage, DUPLICATE),
    (TooLarge, TOO_LARGE),
    (UnmappedMessage, UNSUPPORTED),
    (UnknownFormat, UNSUPPORTED),
    (UnreadableMessage, HEADER),
    (UnknownRecipient, PAYLOAD_ORGANISATION),
    (Failed, HANDLING),
)


def of_refusal(refusal: ServiceError) -> Code:
    """Return the code of a refusal; one that names the receiver of the message says so itself."""
    if isinstance(refusal, UnknownRecipient) and refusal.is_receiver:
        return RECIPIENT_ORGANISATION
    return next((code for kind, code in _REFUSALS if isinstance(refusal, kind)), PAYLOAD)


def of_doubt(issue: Issue) -> Code | None:
    """Return the code of something doubtful in a message that was taken, where there is one."""
    if issue.code != "not-found":
        return None
    if issue.target.startswith(("recipients", "requests")) and issue.target.endswith(".name"):
        return PAYLOAD_PERSON
    if issue.target.startswith(("recipients", "requests")):
        return PAYLOAD_ORGANISATION
    return None


def of_answer(status: str, said: Sequence[str]) -> Code | None:
    """Return what a recipient's Task says of the patient; None while nobody has answered.

    status: of the Task; said: the codes of its statusReason. A rejection that does not say
    why is none of the patient's whereabouts, and has no business code.
    """
    named = next((each for each in said if each in BUSINESS or each in OLDER), "")
    if named:
        return BUSINESS.get(named) or OLDER[named]
    return KNOWN if status in ("accepted", "completed") else None
