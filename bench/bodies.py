"""What is posted: messages of the usual size, each with its own id, about rotating patients."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence

from nhs_number import calculate_checksum

PATIENTS = 1000  # as many as a trust discharges in some days
SENDER, RECIPIENT = "RJZ", "8HX01"
Body = Callable[[int], bytes]
_NHS = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"


def nhs_number(of: int) -> str:
    """Return a number of the range that is never issued, with its check digit."""
    serial = 999_500_000 + of
    while (check := calculate_checksum(f"{serial:09d}")) not in range(10):
        serial += PATIENTS
    return f"{serial:09d}{check}"


NUMBERS = [nhs_number(of) for of in range(PATIENTS)]


def transaction(i: int, recipients: Sequence[str] = (RECIPIENT,)) -> bytes:
    """A transaction of three resources: Patient (conditional), ServiceRequest, Communication."""
    number = NUMBERS[i % PATIENTS]
    patient, request = f"urn:uuid:{uuid.uuid4()}", f"urn:uuid:{uuid.uuid4()}"
    to = [{"identifier": {"system": ODS, "value": one}} for one in recipients]
    resources = [
        {
            "resourceType": "Patient",
            "identifier": [{"system": _NHS, "value": number}],
            "name": [{"family": f"XXTESTPATIENT-{i % PATIENTS}", "given": ["Bench"]}],
            "gender": "female",
            "birthDate": "1944-02-03",
        },
        {
            "resourceType": "ServiceRequest",
            "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/referral", "value": f"R{i}"}],
            "status": "active",
            "intent": "order",
            "priority": "urgent",
            "code": {
                "coding": [
                    {
                        "system": "http://snomed.info/sct",
                        "code": "306237005",
                        "display": "Referral to palliative care service",
                    }
                ]
            },
            "subject": {"reference": patient},
            "authoredOn": "2026-11-20T10:00:00Z",
            "requester": {"identifier": {"system": ODS, "value": SENDER}},
            "performer": to[:1],
            "reasonCode": [{"text": "Pain that other treatment does not relieve"}],
        },
        {
            "resourceType": "Communication",
            "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/message", "value": f"C{i}"}],
            "status": "in-progress",
            "priority": "urgent",
            "basedOn": [{"reference": request}],
            "subject": {"reference": patient},
            "recipient": to,
            "sent": "2026-11-20T10:01:00Z",
            "payload": [{"contentString": "Discharged home; please visit. " * 16}],
        },
    ]
    urls = [patient, request, f"urn:uuid:{uuid.uuid4()}"]
    entry = [
        {"fullUrl": url, "resource": r, "request": {"method": "POST", "url": r["resourceType"]}}
        for url, r in zip(urls, resources, strict=True)
    ]
    entry[0]["request"]["ifNoneExist"] = f"identifier={_NHS}|{number}"  # type: ignore[index]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entry}).encode()


def to_many(width: int) -> Body:
    """Return what makes a transaction whose notice goes to so many; most of them are made up."""
    codes = (RECIPIENT, *(f"G99{n:03}" for n in range(1, width)))
    return lambda i: transaction(i + width * 1_000_000, codes)


def discharge(i: int) -> bytes:
    """An HL7 v2 ADT^A03 as a patient administration system sends it."""
    number, family = NUMBERS[i % PATIENTS], f"XXTESTPATIENT-{i % PATIENTS}"
    lines = [
        f"MSH|^~\\&|EPIC|RJZ|RELAY|RELAY|20261120171500||ADT^A03^ADT_A03|B{i:09d}|P|2.4"
        "|||||GBR|UNICODE UTF-8|EN",
        "EVN|A03|20261120171500|||C7777771^TESTCLERK^ANN^^^MS|20261120161000",
        f"PID|1||{number}^^^NHS^NH~M{i % PATIENTS:06d}^^^RJZ^MR||{family}^BENCH^^^MRS^^L"
        "||19440203|F|||1 TEST STREET^^BROMLEY^KENT^BR1 9ZZ^GBR^H||02079460001^PRN^PH",
        "PD1|||TEST PRACTICE^^G00001|G9999991^TESTDOCTOR^PAT^^^DR^^^GMC",
        f"PV1|1|I|RJZ^DAVIDSON^BED 3^RJZ01|21|||C9999991^TESTCONSULTANT^LEE^^^DR^^^GMC||||||||"
        f"19||||V{i:08d}^^^VISITID|||||||||||||||||19||||||||20261112090000|20261120161000",
        "DG1|1||C50.9^Malignant neoplasm of breast^I10||20261112|F",
    ]
    return "\r".join(lines).encode() + b"\r"
