"""Transfers of care of invented patients, and how the tests build FHIR of them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from service.fhir.build import Built, Known, Origin, build
from service.model import (
    Address,
    Allergy,
    Coded,
    Contact,
    Diagnosis,
    Document,
    Encounter,
    Identifier,
    Medication,
    Message,
    Moment,
    NhsNumber,
    OdsCode,
    Organisation,
    PartialDate,
    Patient,
    Practitioner,
    Procedure,
    Recipient,
    Request,
    Section,
    Telecom,
    TransferOfCare,
)

NOW = datetime(2025, 3, 14, 17, 5, 0, tzinfo=UTC)
DIRECTORY = {"RJZ": "King's College Hospital NHS Foundation Trust", "8HX03": "Hospice at Home"}
HOSPICE = Recipient(ods=OdsCode("8HX03"), name="Hospice at Home", role="action")
PRACTICE = Recipient(ods=OdsCode("G85001"), because="gp-practice")
ORIGIN = Origin(
    message_id="01958d5e-7c40-7000-8000-0000000000ff",
    media_type="x-application/hl7-v2+er7",
    mapping="rjz-adt-discharge",
    mapping_version="1.0.0",
    size=1234,
    sha1="2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
)
TRANSACTION = Origin(
    message_id=ORIGIN.message_id,
    media_type="application/fhir+json",
    mapping="base/fhir-r4-transaction",
    mapping_version="1.0.0",
)


def discharge(**changes: object) -> TransferOfCare:
    """Return a King's discharge with everything a good feed sends."""
    whole = TransferOfCare(
        kind="discharge",
        message=Message(
            id="MSG00042",
            sender=OdsCode("RJZ"),
            application="EPIC",
            event="ADT^A03",
            sent_at=Moment("2025-03-14T16:20:00+00:00"),
        ),
        patient=Patient(
            nhs_number=NhsNumber("9990123454"),
            nhs_number_status="01",
            identifiers=(Identifier(value="K123456", authority="RJZ", type="MR"),),
            family="Testpatient",
            given=("Rosalind", "May"),
            prefix="Mrs",
            birth_date=PartialDate("1946-02"),
            gender="female",
            addresses=(
                Address(
                    lines=("1 Example Road",), city="Tonbridge", postcode="TN9 1AA", use="home"
                ),
            ),
            telecoms=(Telecom(value="01632 960001", system="phone", use="home"),),
            gp_practice=Organisation(ods=OdsCode("G85001"), name="Example Surgery"),
            gp=Practitioner(id="G9999981", family="Example", prefix="Dr"),
            contacts=(
                Contact(
                    name="Robin Testpatient",
                    relationship=Coded(text="Husband"),
                    telecoms=(Telecom(value="01632 960002", system="phone"),),
                ),
            ),
        ),
        encounter=Encounter(
            identifiers=(Identifier(value="V778899", authority="VISITID", type="VN"),),
            klass="IMP",
            admitted_at=Moment("2025-03-02T09:30:00+00:00"),
            discharged_at=Moment("2025-03-14T16:15:00+00:00"),
            ward="Davidson Ward",
            bed="Bed 3",
            specialty=Coded(
                code="191",
                system="https://fhir.hl7.org.uk/CodeSystem/UKCore-PracticeSettingCodeEngland",
                display="Pain Management Service",
            ),
            admission_method=Coded(
                code="21",
                system="https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland",
            ),
            discharge_method=Coded(
                code="1",
                system="https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeMethodEngland",
            ),
            discharge_destination=Coded(
                code="19",
                system="https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeDestinationEngland",
                text="Usual place of residence",
            ),
            consultant=Practitioner(
                id="C9999999",
                id_system="https://fhir.hl7.org.uk/Id/gmc-number",
                family="Consultant",
                given=("Alex",),
                prefix="Dr",
                role="Consultant in pain medicine",
            ),
        ),
        diagnoses=(
            Diagnosis(
                code="C79.5",
                system="http://hl7.org/fhir/sid/icd-10",
                text="Secondary malignant neoplasm of bone",
                kind="F",
                rank=1,
            ),
        ),
        procedures=(Procedure(text="Intrathecal catheter", performed_at=Moment("2025-03-05")),),
        allergies=(Allergy(text="Penicillin", reaction="Rash", severity="mild"),),
        medications=(Medication(text="Morphine sulfate 10 mg", dosage="every 4 hours"),),
        sections=(
            Section(
                title="Clinical summary",
                code="887181000000106",
                system="http://snomed.info/sct",
                narrative="Pain controlled <5/10 & stable.",
            ),
        ),
        requests=(
            Request(
                intent="plan",
                priority="urgent",
                service=Coded(text="Joint pain review at the hospice"),
                ends_at=Moment("2025-03-21"),
                notes=("Syringe driver in situ.",),
            ),
        ),
        documents=(
            Document(
                id="DOC-1",
                content_type="text/plain",
                content=b"Discharge summary",
                title="Discharge summary",
                type=Coded(
                    code="373942005", system="http://snomed.info/sct", display="Discharge summary"
                ),
            ),
        ),
    )
    from dataclasses import replace

    return replace(whole, **changes)  # type: ignore[arg-type]


def made(
    transfer: TransferOfCare,
    *recipients: Recipient,
    known: Known | None = None,
    origin: Origin = ORIGIN,
) -> Built:
    """Build with ids that count up."""
    numbers = count(1)
    return build(
        transfer,
        recipients,
        known=known or Known(),
        origin=origin,
        now=NOW,
        new_id=lambda: f"01958d5e-7c40-7000-8000-{next(numbers):012d}",
        organisation_name=DIRECTORY.get,
    )
