"""Answers of other systems to what was sent: ITK acknowledgements, responses of FHIR messages.

https://nhsconnect.github.io/ITK3-FHIR-Messaging-Distribution/explore_error_codes.html and, for
the newer codes, the NHS code system ITKResponseCode. STU3 and R4 have the same place for them:
MessageHeader.response, and the codes in the OperationOutcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from service.errors import ServiceError, UnreadableMessage
from service.fhir.task import Acknowledgement, Status
from service.formats.fhir_r4.json_reader import read_json
from service.formats.xml_tree import is_xml, read_tree

_FHIR: Final = "{http://hl7.org/fhir}"
_IN_ENTRY: Final = f"{_FHIR}entry/{_FHIR}resource/{_FHIR}"

# What an organisation says of the patient: it moves its Task. A patient who has died lately is
# known, and still nobody has said that anything was done: that is left to a person.
BUSINESS: Final[dict[str, Status]] = {
    "30001": "accepted",  # patient known here
    "41001": "accepted",
    "30002": "rejected",  # patient not known here
    "41002": "rejected",
    "30003": "rejected",  # patient no longer here
    "41022": "rejected",
    "30004": "received",  # patient known here, died lately
}
_WORDS: Final = {
    "30001": "Patient known here",
    "30002": "Patient not known here",
    "30003": "Patient no longer at this clinical setting",
    "30004": "Patient known here, recently deceased",
    "41001": "Patient known here",
    "41002": "Patient not known here",
    "41022": "Patient no longer at this clinical setting",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What an answer says."""

    message_id: str  # MessageHeader.id of what is answered
    code: str  # ok | transient-error | fatal-error
    details: tuple[str, ...]  # ITK response codes

    @property
    def said(self) -> Acknowledgement | None:
        """What it says of the Communication; None: its system could not take the message."""
        for detail in self.details:
            if detail in BUSINESS:
                status = BUSINESS[detail]
                reason = {"text": f"{_WORDS[detail]} ({detail})"}
                return Acknowledgement(
                    status=status, reason=reason if status == "rejected" else None
                )
        return Acknowledgement() if self.code == "ok" else None

    @property
    def reason(self) -> str:
        """Its codes, for an operator."""
        return " ".join((self.code, *self.details))


def read_answer(body: bytes) -> Answered:
    """Read an acknowledgement, XML or JSON. Raises UnreadableMessage if it is none."""
    found = _found(body)
    if found is None or not found.message_id:
        raise UnreadableMessage("This is no answer: it has no MessageHeader.response.identifier.")
    return found


def is_answer(body: bytes) -> bool:
    """Whether this is a message that answers another."""
    try:
        return _found(body) is not None
    except ServiceError:
        return False


def _found(body: bytes) -> Answered | None:
    return _in_xml(read_tree(body).root) if is_xml(body) else _in_json(read_json(body))


def _in_xml(root: etree._Element) -> Answered | None:
    response = root.find(f"{_IN_ENTRY}MessageHeader/{_FHIR}response")
    if response is None:
        return None
    coded = f"{_IN_ENTRY}OperationOutcome/{_FHIR}issue/{_FHIR}details/{_FHIR}coding/{_FHIR}code"
    return Answered(
        message_id=_bare(_value(response.find(f"{_FHIR}identifier"))),
        code=_value(response.find(f"{_FHIR}code")),
        details=tuple(map(_value, root.iterfind(coded))),
    )


def _value(element: etree._Element | None) -> str:
    return "" if element is None else element.get("value", "")


def _in_json(bundle: dict[str, Any]) -> Answered | None:
    entries = [_object(entry).get("resource") for entry in _list(bundle.get("entry"))]
    resources = [_object(one) for one in entries]
    responses = [
        _object(one["response"])
        for one in resources
        if one.get("resourceType") == "MessageHeader" and "response" in one
    ]
    if not responses:
        return None
    outcomes = [one for one in resources if one.get("resourceType") == "OperationOutcome"]
    issues = [_object(issue) for one in outcomes for issue in _list(one.get("issue"))]
    codings = [c for one in issues for c in _list(_object(one.get("details")).get("coding"))]
    return Answered(
        message_id=_bare(str(responses[0].get("identifier", ""))),
        code=str(responses[0].get("code", "")),
        details=tuple(str(_object(coding).get("code", "")) for coding in codings),
    )


def _bare(identifier: str) -> str:
    """Return a UUID as MessageHeader.id has it; some write urn:uuid: before it, or capitals."""
    return identifier.rpartition(":")[2].lower()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
