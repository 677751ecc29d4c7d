"""The reader of FHIR STU3, JSON and XML: the R4 reader's own, on STU3's structure."""

from __future__ import annotations

import re
from typing import Any, Final

from service.errors import ServiceError
from service.formats.fhir_r4 import FhirFormat, Release, looks_like_fhir, parse, stu3_evidence
from service.formats.fhir_r4.structure import Structure
from service.model import r4, stu3
from service.model.definitions import Definitions

STU3: Final = Release(
    format_name="fhir-stu3",
    definitions=stu3.DEFINITIONS,
    senders=(
        "MessageHeader.sender",
        "MessageHeader.responsible",
        "Composition.custodian",
        "Composition.author",
        "ReferralRequest.requester.onBehalfOf",
        "ReferralRequest.requester.agent",
        "Communication.sender",
    ),
)
_SAYS_STU3: Final = re.compile(r"fhirversion\s*=\s*\"?3\.0", re.IGNORECASE)
# Without one of these words in it a message is not looked at twice: it is R4.
_HINT: Final = re.compile(
    rb"STU3|StructureDefinition/CareConnect-|\"event\"\s*:\s*\{|<event>"
    rb"|BodySite|DataElement|DeviceComponent|EligibilityRe|ExpansionProfile|ImagingManifest"
    rb"|ProcedureRequest|ProcessRe|ReferralRequest|Sequence|ServiceDefinition"
    rb"|assertedDate|notDone|serviceRequested|incomingReferral|\"taken\"|<taken\s"
    rb"|\"(?:clinical|verification)Status\"\s*:\s*\"|<(?:clinical|verification)Status\s+value"
)
_EXTENSION: Final = b"/STU3/StructureDefinition/"


class FhirStu3(FhirFormat):
    """STU3 is told from R4, with which it shares namespace and media type, by evidence."""

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether this is STU3: it says so, uses what R4 no longer has, or fits it better."""
        if not looks_like_fhir(body):
            return False
        if _SAYS_STU3.search(media_type):
            return True
        return _HINT.search(body) is not None and _is_stu3(body)


def _is_stu3(body: bytes) -> bool:
    try:
        resource = parse(body).resource
        if stu3_evidence(resource):
            return True
        in_stu3, in_r4 = (_oddities(body, one) for one in (STU3.definitions, r4.DEFINITIONS))
        return in_stu3 < in_r4 or (in_stu3 == in_r4 and _speaks_stu3(resource, body))
    except ServiceError:
        return False  # the R4 reader says what is wrong with it


def _speaks_stu3(resource: dict[str, Any], body: bytes) -> bool:
    """Whether a document or message that may be of either release has STU3's extensions."""
    is_exchanged = resource.get("type") in ("document", "message")  # it may be no text
    return is_exchanged and _EXTENSION in body and b"UKCore" not in body


def _oddities(body: bytes, definitions: Definitions) -> int:
    """Return how much in the message a release does not know."""
    parsed = parse(body, definitions)
    return len(parsed.issues) + len(Structure(parsed.resource, definitions).issues)


FORMAT: Final = FhirStu3(STU3)

__all__ = ["FORMAT", "STU3", "FhirStu3"]
