"""A restricted record is told to nobody by itself, wherever the mark stands, until it is lifted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from service import formats
from service.app import Relay
from service.bundled import bundled_folder
from service.cli.rules import rules
from service.model import OdsCode, TransferOfCare
from tests.caseload_lists import put
from tests.hl7v2_letters import a03
from tests.mllp_wire import quick_relay
from tests.relay_client import FHIR, Team
from tests.simulated_days import HOSPICE, SECOND, TRUST, Loop

pytest_plugins = ["tests.loop_fixtures"]

SHIPPED = bundled_folder("mappings")
LABEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
STU3 = "http://hl7.org/fhir/v3/Confidentiality"
PRACTICE = "G99901"
Change = Callable[[bytes], bytes]


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    with quick_relay(database_url) as relay:
        yield relay


def example(name: str) -> bytes:
    [path] = [p for p in SHIPPED.glob(f"examples/{name}.*") if ".expected" not in p.name]
    return path.read_bytes()


def read(sender: str, body: bytes) -> TransferOfCare:
    mappings, _ = rules(SHIPPED)
    [source] = formats.detect("", body).read(body)
    return mappings.choose(OdsCode(sender), source).apply(source, OdsCode(sender))


def protected(body: bytes, said: bytes = b"Y") -> bytes:
    """Say something in PD1-12."""
    return body.replace(b"^^^GMC\rPV1", b"^^^GMC||||||||" + said + b"\rPV1", 1)


def adding(segment: bytes) -> Change:
    return lambda body: body + segment + b"\r"


def labelled(kind: str, code: str = "R", **element: object) -> Change:
    """Put a label on the last resource of a type, or an element into it."""

    def change(body: bytes) -> bytes:
        bundle = json.loads(body)
        found = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]
        assert found, kind
        mark = element or {"meta": {"security": [{"system": LABEL, "code": code}]}}
        found[-1].update(mark)
        return json.dumps(bundle).encode()

    return change


def swapped(before: bytes, after: bytes) -> Change:
    def change(body: bytes) -> bytes:
        assert before in body
        return body.replace(before, after, 1)

    return change


IN_HL7_V2: dict[str, tuple[Change, bool]] = {
    "nothing": (lambda body: body, False),
    "PD1-12 yes": (protected, True),
    "PD1-12 no": (lambda body: protected(body, b"N"), False),
    "PD1-12 deleted": (lambda body: protected(body, b'""'), False),
    "PD1-12 of their own": (lambda body: protected(body, b"NOTIFY"), True),
    "PV2-22 yes": (adding(b"PV2" + b"|" * 22 + b"Y"), True),
    "PV2-22 no": (adding(b"PV2" + b"|" * 22 + b"N"), False),
    "ARV-3": (adding(b"ARV||A|PROTECTED"), True),
    "ORC-28 restricted": (adding(b"ORC|NW" + b"|" * 27 + b"R"), True),
    "ORC-28 normal": (adding(b"ORC|NW" + b"|" * 27 + b"N"), False),
    "the second of two TXA-18": (
        adding(b"TXA|1" + b"|" * 17 + b"U\rTXA|2" + b"|" * 17 + b"R"),
        True,
    ),
}


@pytest.mark.parametrize("name", IN_HL7_V2)
def test_a_mark_in_hl7_v2_restricts_wherever_it_stands(name: str) -> None:
    change, restricted = IN_HL7_V2[name]

    assert read(TRUST, change(a03())).patient.restricted is restricted


REFERRAL, SUMMARY = "rwf-message-referral", "rwf-document-discharge"
IN_FHIR: dict[str, tuple[str, Change, bool]] = {
    "nothing": (REFERRAL, lambda body: body, False),
    "normal": (REFERRAL, labelled("Patient", "N"), False),
    "the patient": (REFERRAL, labelled("Patient"), True),
    "the request, very": (REFERRAL, labelled("ServiceRequest", "V"), True),
    "an unknown label": (REFERRAL, labelled("Patient", "X"), True),
    "a medicine": (REFERRAL, labelled("MedicationStatement"), True),
    "a label of STU3's system": (
        REFERRAL,
        labelled("ServiceRequest", meta={"security": [{"system": STU3, "code": "R"}]}),
        True,
    ),
    "the composition": (SUMMARY, labelled("Composition", confidentiality="R"), True),
    "the composition, normal": (SUMMARY, labelled("Composition", confidentiality="N"), False),
}


@pytest.mark.parametrize("name", IN_FHIR)
def test_a_label_on_anything_in_a_fhir_message_restricts(name: str) -> None:
    of, change, restricted = IN_FHIR[name]

    assert read("RWF", change(example(of))).patient.restricted is restricted


CDA = "base-cda-itk2-discharge"
ITK3 = "base-itk3-discharge"
NORMAL = b'confidentialityCode code="N"'
ITK3_PLAIN = b'ITK-EDIS-Composition-1"/></meta>'
ITK3_CLOSED = (
    b'ITK-EDIS-Composition-1"/><security><system value="http://hl7.org/fhir/v3/Confidentiality"/>'
    b'<code value="V"/></security></meta>'
)
SECTION = b'<section><confidentialityCode code="R"/>'
IN_XML: dict[str, tuple[str, Change, bool]] = {
    "CDA, the document": (CDA, swapped(NORMAL, NORMAL.replace(b"N", b"V")), True),
    "CDA, a section of a normal document": (CDA, swapped(b"<section>", SECTION), True),
    "CDA, normal": (CDA, lambda body: body, False),
    "ITK3": (ITK3, swapped(ITK3_PLAIN, ITK3_CLOSED), True),
    "ITK3, normal": (ITK3, lambda body: body, False),
}


@pytest.mark.parametrize("name", IN_XML)
def test_a_mark_in_a_document_restricts(name: str) -> None:
    of, change, restricted = IN_XML[name]

    assert read("RWF", change(example(of))).patient.restricted is restricted


def send(relay: Relay, body: bytes) -> str:
    answer = Team.of(relay, TRUST).post("/hl7v2", body)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def told(relay: Relay, team: str) -> int:
    return len(Team.of(relay, team).feed())


def test_a_later_message_without_the_mark_opens_nothing(relay: Relay) -> None:
    put(relay, SECOND)
    send(relay, protected(a03(sent="20261120171500")))

    send(relay, a03(control_id="K2", sent="20261120181500"))

    assert (told(relay, HOSPICE), told(relay, SECOND), told(relay, PRACTICE)) == (0, 0, 2)
    notice = Team.of(relay, PRACTICE).feed()[-1]
    assert any("marked as restricted before" in note["text"] for note in notice["note"])
    assert notice["meta"]["security"][0]["code"] == "R"
    patient = Team.of(relay, PRACTICE).get(f"/fhir/{notice['subject']['reference']}").get_json()
    assert patient["meta"]["security"][0]["code"] == "R"


def test_its_sender_lifts_it_by_saying_so(relay: Relay) -> None:
    send(relay, protected(a03(sent="20261120171500")))

    send(relay, protected(a03(control_id="K2", sent="20261120181500"), b"N"))
    send(relay, a03(control_id="K3", sent="20261120191500"))

    assert told(relay, HOSPICE) == 2


def test_who_held_the_patient_before_the_mark_hears_nothing_new_after_it(relay: Relay) -> None:
    send(relay, a03(sent="20261120171500"))
    send(relay, protected(a03(control_id="K2", sent="20261120181500")))
    before = told(relay, HOSPICE)

    send(relay, a03(control_id="K3", sent="20261120191500"))

    assert (before, told(relay, HOSPICE), told(relay, PRACTICE)) == (1, 1, 3)
    [stay] = entries(relay, HOSPICE, "Encounter")
    [patient] = entries(relay, HOSPICE, "Patient")
    assert "security" not in stay["meta"]
    assert (stay["meta"]["versionId"], patient["meta"]["versionId"]) == ("1", "1")


def test_a_withdrawal_is_heard_by_whoever_was_told_before_the_mark(relay: Relay) -> None:
    send(relay, a03(sent="20261120171500"))
    send(relay, protected(a03(control_id="K2", sent="20261120181500")))

    send(relay, protected(a03(control_id="K3", event="A13", sent="20261120191500")))

    assert told(relay, HOSPICE) == 2
    assert "discharge-cancelled" in json.dumps(Team.of(relay, HOSPICE).feed()[-1]["topic"])


def test_what_others_hold_is_not_put_under_restriction_before_their_eyes(relay: Relay) -> None:
    """A transaction's resources are stored as posted: who holds a stay would read what is new."""
    trust = Team.of(relay, TRUST)
    send(relay, a03())
    [stay] = entries(relay, TRUST, "Encounter")
    marked = stay["meta"] | {"security": [{"system": LABEL, "code": "R"}]}

    refused = trust.put(f"/fhir/Encounter/{stay['id']}", stay | {"meta": marked})

    assert refused.status_code == 422
    assert "create a new" in refused.get_data(as_text=True)
    assert "security" not in entries(relay, HOSPICE, "Encounter")[0]["meta"]


def entries(relay: Relay, team: str, kind: str) -> list[dict[str, Any]]:
    bundle = Team.of(relay, team).get(f"/fhir/{kind}").get_json()
    return [entry["resource"] for entry in bundle.get("entry", ())]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_stands_in_for_who_does_not_answer_of_a_restricted_record(loop: Loop) -> None:
    posted = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:11111111-0000-4000-8000-000000000001",
                "resource": {
                    "resourceType": "Patient",
                    "meta": {"security": [{"system": LABEL, "code": "V"}]},
                    "identifier": [
                        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990123454"}
                    ],
                },
                "request": {"method": "POST", "url": "Patient"},
            },
            {
                "fullUrl": "urn:uuid:11111111-0000-4000-8000-000000000002",
                "resource": {
                    "resourceType": "ServiceRequest",
                    "status": "active",
                    "intent": "order",
                    "subject": {"reference": "urn:uuid:11111111-0000-4000-8000-000000000001"},
                    "performer": [
                        {
                            "identifier": {
                                "system": "https://fhir.nhs.uk/Id/ods-organization-code",
                                "value": "8PX01",
                            }
                        }
                    ],
                },
                "request": {"method": "POST", "url": "ServiceRequest"},
            },
        ],
    }
    answer = loop.team(TRUST).post("/fhir", json.dumps(posted).encode(), FHIR)
    assert answer.status_code == 200, answer.get_data(as_text=True)

    loop.work()  # 8PX01 is closed on a Friday evening, and 8HX01 on duty
    loop.pass_time(days=6, step=timedelta(hours=6))

    assert len(loop.feed("8PX01")) >= 1
    assert loop.feed(SECOND) == []
