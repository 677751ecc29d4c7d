"""`TransferOfCare`: the one record that every mapping fills and the builder turns into FHIR.

Field names are the targets of the mapping files (docs/add-a-trust.md lists them). Codes keep
the sender's system; a text that was not coded stays text. Everything is optional unless its
comment says otherwise: absent is None or (), never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.errors import Issue
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
from service.model.time import Moment, PartialDate

Kind = Literal[
    "admission",
    "admission-cancelled",
    "transfer",
    "discharge",
    "discharge-cancelled",
    "death",
    "referral",
    "referral-update",
    "referral-cancelled",
    "document",
    "patient-update",
    "patient-merge",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """Who sent what, when, and what it replaces."""

    id: str  # required: MSH-10, MessageHeader.id, Bundle.identifier …
    sender: OdsCode  # required: the authenticated client, never what the message claims
    claimed_sender: str | None = None  # what the message says of its sender
    application: str | None = None  # sending application
    event: str | None = None  # e.g. "ADT^A03"
    sent_at: Moment | None = None
    recorded_at: Moment | None = None  # when the event was entered, e.g. EVN-2
    occurred_at: Moment | None = None  # when the event happened, e.g. EVN-6
    operator: Practitioner | None = None  # who entered it, e.g. EVN-5
    processing: str | None = None  # HL7 table 0103: P production, T training, D debugging
    replaces: str | None = None  # id of the message or document that this one supersedes
    doc_status: str | None = None  # FHIR composition-status of what the sections say


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """The person whose care is transferred."""

    nhs_number: NhsNumber | None = None
    nhs_number_status: str | None = None  # 01 verified … 08, NHS Data Dictionary
    nhs_number_unavailable: str | None = None  # UK Core NHSNumberUnavailableReason code
    identifiers: tuple[Identifier, ...] = ()  # local ones; also an NHS number that is wrong
    family: str | None = None
    given: tuple[str, ...] = ()
    prefix: str | None = None
    suffix: str | None = None
    name: str | None = None  # the whole name, where the source does not part it
    birth_date: PartialDate | None = None
    gender: str | None = None  # FHIR administrative-gender
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    deceased: bool | None = None
    died_at: Moment | None = None
    gp_practice: Organisation | None = None
    gp: Practitioner | None = None
    language: str | None = None  # BCP 47, e.g. "en"
    contacts: tuple[Contact, ...] = ()
    merged_identifiers: tuple[Identifier, ...] = ()  # patient-merge: those that went (MRG)
    confidentiality: str | None = None  # of the record: R | V; N lifts what was said before
    restricted: bool = False  # record marked restricted or very restricted: no fan-out
    reference: str | None = None  # "Patient/id" where the sender's own resource is stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Encounter:
    """The stay or attendance that ended, or in which the referral was made."""

    identifiers: tuple[Identifier, ...] = ()
    status: str | None = None  # FHIR encounter-status, where the sender says it
    klass: str | None = None  # v3-ActCode: IMP | EMER | AMB | …
    patient_class: str | None = None  # as sent, e.g. PV1-2
    admitted_at: Moment | None = None
    discharged_at: Moment | None = None
    expected_discharge_at: Moment | None = None
    ward: str | None = None
    bed: str | None = None
    site: Organisation | None = None
    specialty: Coded | None = None  # treatment function
    admission_method: Coded | None = None
    admission_source: Coded | None = None
    discharge_method: Coded | None = None
    discharge_destination: Coded | None = None
    discharged_to: Organisation | None = None
    reason: Coded | None = None
    consultant: Practitioner | None = None
    referrer: Practitioner | None = None
    admitter: Practitioner | None = None
    consulted: tuple[Practitioner, ...] = ()
    reference: str | None = None  # "Encounter/id" where the sender's own resource is stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """A diagnosis as sent."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    text: str | None = None
    kind: str | None = None  # HL7 table 0052: A admitting, W working, F final
    rank: int | None = None  # 1 is the main one
    status: str | None = None  # FHIR condition-clinical: active | inactive | resolved …
    verification: str | None = None  # FHIR condition-ver-status: confirmed | differential …
    recorded_at: Moment | None = None
    asserter: Practitioner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Procedure:
    """A procedure as sent."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    text: str | None = None
    performed_at: Moment | None = None
    performer: Practitioner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Medication:
    """A medicine as sent."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    text: str | None = None
    dosage: str | None = None
    status: str | None = None  # FHIR medication-statement-status; not said: unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Allergy:
    """An allergy or adverse reaction as sent."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    text: str | None = None
    reaction: str | None = None
    severity: str | None = None  # as sent
    status: str | None = None  # FHIR allergyintolerance-clinical; not said: active
    verification: str | None = None  # FHIR allergyintolerance-verification
    category: str | None = None  # FHIR: food | medication | environment | biologic
    recorded_at: Moment | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One headed part of the clinical content, byte for byte as sent."""

    title: str | None = None
    code: str | None = None  # PRSB heading
    system: str | None = None
    narrative: str = ""
    content_type: str = "text/plain"  # text/plain | application/xhtml+xml


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something that the sender asks of others."""

    identifiers: tuple[Identifier, ...] = ()
    requisition: Identifier | None = None  # shared by the requests of one episode
    status: str = "active"  # FHIR request-status
    do_not_perform: bool = False  # it asks that this not be done
    intent: str = "order"  # FHIR request-intent; "plan" for a discharge's requested actions
    priority: str | None = None  # FHIR request-priority
    priority_text: str | None = None  # in the sender's words
    category: Coded | None = None
    service: Coded | None = None
    reasons: tuple[Coded, ...] = ()
    requester: Practitioner | None = None
    requesting_organisation: Organisation | None = None
    performers: tuple[Organisation, ...] = ()
    authored_at: Moment | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    notes: tuple[str, ...] = ()
    reference: str | None = None  # "ServiceRequest/id" where the sender's own resource is stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Somebody who must know."""

    ods: OdsCode | None = None
    name: str | None = None
    role: Literal["action", "information"] = "information"
    party: Literal["organisation", "practitioner", "patient"] = "organisation"
    because: str = "named"  # named | gp-practice | rule:<id>
    reference: str | None = None  # "Communication/id" where the sender's own is delivered


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A document carried in the message."""

    id: str | None = None
    content_type: str | None = None
    content: bytes = b""
    title: str | None = None
    type: Coded | None = None
    created_at: Moment | None = None
    author: Practitioner | None = None
    authenticator: Practitioner | None = None
    status: str = "current"  # FHIR document-reference-status
    doc_status: str | None = None  # FHIR composition-status
    confidentiality: str | None = None  # v3-Confidentiality: N | R | V
    replaces: str | None = None  # id of the document before
    appends: str | None = None  # id of the document that this one adds to
    filename: str | None = None
    reference: str | None = None  # "DocumentReference/id" where the sender's own is stored


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferOfCare:
    """One discharge, referral or change, as one sender's message tells it."""

    kind: Kind  # required
    message: Message  # required
    patient: Patient
    encounter: Encounter | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    medications: tuple[Medication, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    sections: tuple[Section, ...] = ()
    requests: tuple[Request, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    documents: tuple[Document, ...] = ()
    issues: tuple[Issue, ...] = ()  # everything doubtful
