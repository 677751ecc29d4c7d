"""Every URI that our resources use: ours, the NHS's, UK Core's and HL7's.

CANONICAL is where our profiles, code systems and identifiers live. `discharge-relay.example`
stands for the organisation that runs the relay: whoever deploys it for real replaces it, here
and in the files of profiles/ (a test holds the two together).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

CANONICAL: Final = "https://discharge-relay.example/fhir"

# Ours
PROFILE: Final = f"{CANONICAL}/StructureDefinition/DischargeRelay-"
EXPECTED_DISCHARGE_EXTENSION: Final = f"{CANONICAL}/StructureDefinition/expected-discharge"
CHRONOLOGY_EXTENSION: Final = f"{CANONICAL}/StructureDefinition/chronology"
RECIPIENT_TYPE: Final = f"{CANONICAL}/CodeSystem/recipient-type"
DELIVERY_STATE: Final = f"{CANONICAL}/CodeSystem/delivery-state"
TASK_CODE: Final = f"{CANONICAL}/CodeSystem/task-code"
EVENT_KIND: Final = f"{CANONICAL}/CodeSystem/event-kind"
EVALUATION: Final = f"{CANONICAL}/CodeSystem/evaluation"
ROUTING_BASIS: Final = f"{CANONICAL}/CodeSystem/routing-basis"
COMMUNICATION_ID: Final = f"{CANONICAL}/Id/communication"
EVENT_ID: Final = f"{CANONICAL}/Id/event"
TASK_ID: Final = f"{CANONICAL}/Id/acknowledgement"
STATEMENT_ID: Final = f"{CANONICAL}/Id/statement"
MAPPING: Final = f"{CANONICAL}/mapping/"

# NHS
NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
ODS_SITE: Final = "https://fhir.nhs.uk/Id/ods-site-code"

# UK Core
UK_CORE: Final = "https://fhir.hl7.org.uk/StructureDefinition/"
VERIFICATION_STATUS_EXTENSION: Final = f"{UK_CORE}Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_STATUS: Final = (
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
)
NUMBER_UNAVAILABLE_EXTENSION: Final = f"{UK_CORE}Extension-UKCore-NHSNumberUnavailableReason"
NUMBER_UNAVAILABLE: Final = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberUnavailableReason"
ADMISSION_METHOD_EXTENSION: Final = f"{UK_CORE}Extension-UKCore-AdmissionMethod"
DISCHARGE_METHOD_EXTENSION: Final = f"{UK_CORE}Extension-UKCore-DischargeMethod"

# HL7
_THO: Final = "http://terminology.hl7.org/CodeSystem/"
ABSENT_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
SNOMED: Final = "http://snomed.info/sct"
ACT_CODE: Final = f"{_THO}v3-ActCode"
CONFIDENTIALITY: Final = f"{_THO}v3-Confidentiality"
PARTICIPATION_MODE: Final = f"{_THO}v3-ParticipationMode"
PARTICIPATION_TYPE: Final = f"{_THO}v3-ParticipationType"
IDENTIFIER_TYPE: Final = f"{_THO}v2-0203"
COMMUNICATION_CATEGORY: Final = f"{_THO}communication-category"
COMMUNICATION_TOPIC: Final = f"{_THO}communication-topic"
CONDITION_CATEGORY: Final = f"{_THO}condition-category"
CONDITION_CLINICAL: Final = f"{_THO}condition-clinical"
CONDITION_VERIFICATION: Final = f"{_THO}condition-ver-status"
ALLERGY_CLINICAL: Final = f"{_THO}allergyintolerance-clinical"
ALLERGY_VERIFICATION: Final = f"{_THO}allergyintolerance-verification"
DIAGNOSIS_ROLE: Final = f"{_THO}diagnosis-role"
PROVENANCE_ROLE: Final = f"{_THO}provenance-participant-type"
ACT_REASON: Final = f"{_THO}v3-ActReason"
LANGUAGE: Final = "urn:ietf:bcp:47"
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+")
XHTML: Final = "http://www.w3.org/1999/xhtml"


@lru_cache(maxsize=4096)
def local_system(ods: str, kind: str) -> str:
    """Return the system of an organisation's own identifiers, e.g. …/RJZ/Id/VISITID."""
    return f"https://fhir.nhs.uk/{ods}/Id/{quote(kind, safe='')}"


@lru_cache(maxsize=4096)
def identifier_system(given: str | None, ods: str, kind: str) -> str:
    """Return a source's system where it is a URI, else one in the sender's own space."""
    if not given:
        return local_system(ods, kind)
    return given if _ABSOLUTE.fullmatch(given) else local_system(ods, given)


@lru_cache(maxsize=4096)
def coding_system(given: str) -> str:
    """Return a source's code system; a name that is no URI becomes a URN."""
    return given if _ABSOLUTE.fullmatch(given) else f"urn:x-local:{quote(given, safe='')}"
