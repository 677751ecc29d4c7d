"""The canonical records: what every sender's message becomes before it becomes FHIR."""

from service.model.identity import NhsNumber, OdsCode
from service.model.parts import (
    Address,
    Coded,
    Contact,
    Identifier,
    Organisation,
    Practitioner,
    Telecom,
)
from service.model.time import Instant, Moment, PartialDate
from service.model.transfer import (
    KINDS,
    Allergy,
    Diagnosis,
    Document,
    Encounter,
    Medication,
    Message,
    Patient,
    Procedure,
    Recipient,
    Request,
    Section,
    TransferOfCare,
)

__all__ = [
    "KINDS",
    "Address",
    "Allergy",
    "Coded",
    "Contact",
    "Diagnosis",
    "Document",
    "Encounter",
    "Identifier",
    "Instant",
    "Medication",
    "Message",
    "Moment",
    "NhsNumber",
    "OdsCode",
    "Organisation",
    "PartialDate",
    "Patient",
    "Practitioner",
    "Procedure",
    "Recipient",
    "Request",
    "Section",
    "Telecom",
    "TransferOfCare",
]
