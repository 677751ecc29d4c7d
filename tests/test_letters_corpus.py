"""Published sample letters: each becomes what its own parser's samples say, or is refused."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import UnmappedMessage
from service.formats import FORMATS, detect
from service.mapping import Mappings
from service.model import OdsCode, TransferOfCare

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"
LETTERS, KETTERING = CORPUS / "trust-letters", CORPUS / "kettering-xml"
EAST_KENT = ("Example6", "Example7", "Example8", "Example10")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not LETTERS.is_dir(), reason="the sample letters are not here"),
]


@pytest.fixture(scope="module")
def mappings() -> Mappings:
    """The mappings that are shipped."""
    return Mappings.load(ROOT / "mappings", formats=FORMATS, keep_good=True)


def read(mappings: Mappings, path: Path, sender: str) -> TransferOfCare:
    """Return what a file of this sender becomes."""
    body = path.read_bytes()
    (source,) = detect("", body).read(body)
    code = OdsCode(sender)
    return mappings.for_source(code, source).apply(source, code)


def words(text: object) -> str:
    """Return a text with single blanks, as the samples have it."""
    return " ".join(str(text).split())


def test_every_sample_is_converted_or_refused_for_a_stated_reason(mappings):
    outcomes = {}
    for path in sorted([*LETTERS.rglob("*.*"), *KETTERING.rglob("*.*")]):
        sender = {"kings": "RJZ", "kettering-xml": "RNQ"}.get(path.parent.name, "RVV")
        try:
            made = read(mappings, path, sender)
        except UnmappedMessage as refused:
            outcomes[path.name] = refused.issues[0].text
            continue
        doubts = ", ".join(issue.text for issue in made.issues)
        outcomes[f"{path.parent.name}/{path.name}"] = f"{made.kind}; {doubts or 'nothing doubtful'}"
    sys.stdout.writelines(f"{name}: {outcome}\n" for name, outcome in outcomes.items())

    refused = {name for name, outcome in outcomes.items() if "has no mapping" in outcome}
    assert refused == {"kings-static.json", "eastkent-static.json"}  # settings, no letters
    assert len(outcomes) == 18


def said_of(parsed: dict[str, Any], stay: dict[str, Any]) -> dict[str, Any]:
    """What the samples of East Kent's parser say, as the record has it."""
    title, given, family = parsed["Patient"].split()
    address = parsed["Address"].split("\n")
    return {
        "name": (title, (given,), family),
        "birth_date": stay["D.O.B."],
        "number": stay["nhsNumber"],
        "status": "01",
        "hospital_number": parsed["Hospital No."],
        "postcode": address[-1],
        "gp": stay["gpName"],
        "practice": parsed["hospitalName"].split("\n")[0],
        "visit": parsed["Discharge Id"],
        "sent": datetime.fromisoformat(stay["Date"]).isoformat() + "+01:00",
        "times": (stay["admissionDate"], stay["dischargeDate"]),
        "stay": (stay["patientType"], stay["ward"], stay["hospital"], stay["doctorName"]),
        "specialty": stay["doctorSpeciality"],
        "destination": parsed.get("Discharge Destination"),
        "medicines": [one["Drug"] for one in parsed.get("dischargeMedication", [])],
    }


def made_of(made: TransferOfCare) -> dict[str, Any]:
    """The same of a record."""
    who, stay = made.patient, made.encounter
    assert stay is not None
    assert None not in {stay.specialty, stay.site, stay.consultant, who.gp, who.gp_practice}
    local = {one.type: one.value for one in who.identifiers}
    destination = stay.discharge_destination
    return {
        "name": (who.prefix, who.given, who.family),
        "birth_date": str(who.birth_date),
        "number": local["NH"].partition(" (")[0],  # one digit repeated: no NHS number
        "status": who.nhs_number_status,
        "hospital_number": local["MR"],
        "postcode": who.addresses[0].postcode,
        "gp": who.gp.name,
        "practice": who.gp_practice.name,
        "visit": stay.identifiers[0].value,
        "sent": str(made.message.sent_at),
        "times": (str(stay.admitted_at), str(stay.discharged_at)),
        "stay": (stay.patient_class, stay.ward, stay.site.name, stay.consultant.name),
        "specialty": f"{stay.specialty.text} ({stay.specialty.code})",
        "destination": destination.text if destination else None,
        "medicines": [words(one.text) for one in made.medications],
    }


@pytest.mark.parametrize("name", EAST_KENT)
@pytest.mark.parametrize(
    ("folder", "ending"),
    [("eastkent", "htm"), ("expected-parsed", "txt"), ("expected-transformed", "txt")],
)
def test_east_kents_letters_say_what_their_own_parser_found(mappings, name, folder, ending):
    parsed = json.loads((LETTERS / "expected-parsed" / f"{name}.txt").read_text())
    stay = json.loads((LETTERS / "expected-transformed" / f"{name}.txt").read_text())
    made = read(mappings, LETTERS / folder / f"{name}.{ending}", "RVV")

    found, said = made_of(made), said_of(parsed, stay)
    if folder == "expected-transformed":  # the address is in lines of its own
        found.pop("postcode"), said.pop("postcode")
    assert found == said
    assert made.kind == "discharge"


@pytest.mark.parametrize("name", EAST_KENT)
def test_no_text_of_east_kents_letters_is_lost_from_their_sections(mappings, name):
    parsed = json.loads((LETTERS / "expected-parsed" / f"{name}.txt").read_text())
    made = read(mappings, LETTERS / "eastkent" / f"{name}.htm", "RVV")

    told = words(" ".join(section.narrative for section in made.sections))
    head = ("trustName", "hospitalName", "Ward Tel", "Date", "Discharge Id", "gpName", "Patient")
    head += ("D.O.B.", "NHS No.", "Hospital No.", "Address")
    for key, value in parsed.items():
        texts = value if isinstance(value, list) else [value]
        for text in (one for one in texts if isinstance(one, str) and key not in head):
            wanted = words(text).removesuffix(" Smoking Cessation")  # a heading of its own
            assert wanted in told, (name, key)
    assert made.documents[0].content == (LETTERS / "eastkent" / f"{name}.htm").read_bytes()


@pytest.mark.parametrize("name", ["Example3.pdf", "Example3.txt"])
def test_kings_letter_says_what_its_own_parser_found_as_pdf_and_as_json(mappings, name):
    parsed = json.loads((LETTERS / "kings" / "Example3.txt").read_text())
    made = read(mappings, LETTERS / "kings" / name, "RJZ")

    assert made.kind == "document"  # "Admit": nobody has left
    assert made.patient.name == parsed["patientFullName"]
    assert str(made.patient.birth_date).replace("-", "") == parsed["patientBirthDate"]
    assert [one.value for one in made.patient.identifiers] == [parsed["Hosp No"]]
    assert words(made.patient.addresses[0].text) == parsed["Address"]
    assert made.patient.nhs_number is None
    assert made.encounter
    assert [one.value for one in made.encounter.identifiers] == [parsed["ED No"]]
    told = {section.title: words(section.narrative).replace("* ", "*") for section in made.sections}
    for heading in (
        "Investigations",
        "Working Diagnosis",
        "Referrals",
        "Outcome",
        "Comments for GP",
    ):
        assert told[heading] == parsed[heading]
    assert "the letter gives no NHS number" in {issue.text for issue in made.issues}


def test_kings_pdf_letter_tells_times_and_to_whom_it_is_written(mappings):
    made = read(mappings, LETTERS / "kings" / "Example3.pdf", "RJZ")

    assert made.encounter
    assert str(made.message.sent_at) == "2014-10-25"
    assert str(made.encounter.admitted_at) == "2014-10-24T09:37:00+01:00"
    assert [one.name for one in made.recipients] == ["Dr A BAKER"]
    assert made.documents[0].content_type == "application/pdf"


def test_kings_word_letter_is_read_box_by_box(mappings):
    made = read(mappings, LETTERS / "kings" / "Example5.docx", "RJZ")
    stay = made.encounter

    assert made.kind == "discharge"
    assert (made.patient.name, str(made.patient.birth_date)) == (
        "Trevor Edn-Training",
        "1982-01-22",
    )
    assert [one.value for one in made.patient.identifiers] == ["A123456"]
    assert stay
    assert stay.consultant
    assert (stay.ward, stay.consultant.name) == ("Surgical Ward 4", "Heaton, N D")
    assert (str(stay.admitted_at), str(stay.discharged_at)) == (
        "2014-09-22T16:02:00+01:00",
        "2014-10-20",
    )
    assert [one.text for one in made.diagnoses] == ["Right proximal fibular fracture"]
    assert len(made.medications) == 3
    assert [one.name for one in made.recipients] == ["THE SURGERY", "AGUN A, Dr (GP)"]
    assert [one.notes for one in made.requests] == [("Next appointment: 1 week",)]
    titles = {section.title: section.narrative for section in made.sections}
    assert titles["Reason For Admission"].startswith("Fall backwards")
    assert "Weight" not in titles.get("Pharmacy recommendations", "")


def test_the_kettering_sample_keeps_its_letter_and_flags_what_was_taken_out_of_it(mappings):
    made = read(mappings, KETTERING / "KetteringExample.xml", "RNQ")

    assert made.kind == "document"
    assert made.message.id == "288d0f12-d4e8-4489-bc0a-2a91a78f3d99"
    assert (made.patient.prefix, made.patient.gender) == ("MR", "female")
    assert made.documents[0].content == b"Documnet"
    assert made.documents[0].content_type == "text/html"
    assert {issue.target for issue in made.issues} >= {
        "patient.nhs_number", "patient.birth_date", "message.sent_at", "recipients[0].ods",
    }  # fmt: skip
