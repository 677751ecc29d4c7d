"""Public HL7 v2 samples beside what a plain split of their text says: who, when, what, for whom."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from corpus_facts import INTERNATIONAL, ITK
from mapping_samples import CORPUS, read, shipped

from service.model import KINDS, OdsCode, TransferOfCare

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not CORPUS.is_dir(), reason="the folder of public samples (../shared/corpus) is not here"
    ),
]

LONDON = ZoneInfo("Europe/London")
SENDER = OdsCode("RXX")
FILES = [
    CORPUS / folder / name
    for folder, outcomes in (("hl7v2-uk-itk", ITK), ("hl7v2-international", INTERNATIONAL))
    for name, outcome in outcomes.items()
    if outcome in KINDS
]
TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?([+-]\d{4})?")
PRIORITIES = {"A": "asap", "R": "routine", "S": "stat"}


class Plain:
    """A message as text: lines, fields, components, and nothing else."""

    def __init__(self, path: Path) -> None:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        self.lines = [line.split("|") for line in text.split("\n") if line[3:4] == "|"]
        self.lines[0].insert(1, "|")

    def all(self, name: str) -> list[list[str]]:
        return [line for line in self.lines if line[0] == name]

    def field(self, name: str, number: int) -> str:
        line = next(iter(self.all(name)), [])
        return line[number] if number < len(line) else ""

    def part(self, name: str, number: int, component: int) -> str:
        return part(self.field(name, number).split("~")[0], component)


def part(field: str, component: int) -> str:
    parts = field.split("^")
    text = parts[component - 1] if component <= len(parts) else ""
    return text.partition("&")[0].replace("\\T\\", "&")


def moment(text: str) -> str | None:
    """A time to the minute as FHIR writes it, in London's zone where it has no offset."""
    match = TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    written = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}"
    if offset:
        return f"{written}{offset[:3]}:{offset[3:]}"
    return datetime.fromisoformat(written).replace(tzinfo=LONDON).isoformat()


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def sample(request: pytest.FixtureRequest) -> tuple[Plain, TransferOfCare]:
    source = read(request.param.read_bytes())
    mapping = shipped().for_source(SENDER, source)
    return Plain(request.param), mapping.apply(source, SENDER)


def test_the_message_and_its_times_are_those_of_the_text(
    sample: tuple[Plain, TransferOfCare],
) -> None:
    plain, transfer = sample

    assert transfer.message.id == plain.field("MSH", 10)
    assert transfer.message.claimed_sender == plain.part("MSH", 4, 1)
    assert transfer.message.application == plain.part("MSH", 3, 1)
    assert transfer.message.sender == SENDER
    times = {
        transfer.message.sent_at: plain.field("MSH", 7),
        transfer.message.occurred_at: plain.field("EVN", 6),
    }
    assert all(told == moment(text) for told, text in times.items() if moment(text))


def test_the_patient_is_the_one_of_the_text(sample: tuple[Plain, TransferOfCare]) -> None:
    plain, transfer = sample
    patient = transfer.patient

    assert (patient.family or "") == plain.part("PID", 5, 1)
    assert [*patient.given][:1] == [n for n in [plain.part("PID", 5, 2)] if n]
    born = plain.field("PID", 7)[:8]
    if patient.birth_date:
        assert patient.birth_date.replace("-", "") == born
    else:
        assert any(issue.target == "patient.birth_date" for issue in transfer.issues)
    numbers = {each.value for each in patient.identifiers} | {patient.nhs_number}
    assert {part(each, 1) for each in plain.field("PID", 3).split("~")} - {""} <= numbers
    postcodes = [part(each, 5) for each in plain.field("PID", 11).split("~")]
    assert [a.postcode for a in patient.addresses if a.postcode] == [p for p in postcodes if p]


def test_an_nhs_number_is_valid_or_flagged(sample: tuple[Plain, TransferOfCare]) -> None:
    _, transfer = sample

    flagged = any(issue.target == "patient.nhs_number" for issue in transfer.issues)
    assert flagged == (transfer.patient.nhs_number is None)


def test_a_stay_is_that_of_the_text(sample: tuple[Plain, TransferOfCare]) -> None:
    plain, transfer = sample
    stay = transfer.encounter
    if stay is None:
        assert not plain.field("PV1", 19)
        return

    visit = plain.part("PV1", 19, 1)
    assert not visit or visit in {each.value for each in stay.identifiers}
    for told, text in ((stay.admitted_at, 44), (stay.discharged_at, 45)):
        sent = plain.field("PV1", text)
        assert told is None if not sent else told == (moment(sent) or told)
    consultant = plain.part("PV1", 7, 2)
    assert not consultant or (stay.consultant and stay.consultant.family == consultant)


def test_a_referral_says_what_why_how_soon_and_to_whom(
    sample: tuple[Plain, TransferOfCare],
) -> None:
    plain, transfer = sample
    told = plain.all("RF1") if plain.part("MSH", 9, 1) == "REF" else []
    for request, rf1 in zip(transfer.requests, told, strict=True):
        assert request.priority == PRIORITIES[part(rf1[2], 1)]
        assert request.identifiers[0].value == part(rf1[6], 1)
        assert [reason.text for reason in request.reasons] == [part(rf1[10], 2)]
        assert request.service is not None
        assert request.service.display == part(rf1[3], 2)
        roles = {part(prd[1], 1): part(prd[4], 9) for prd in plain.all("PRD")}
        assert request.requesting_organisation is not None
        assert request.requesting_organisation.name == roles["RP"]
        assert [performer.name for performer in request.performers] == [roles["RT"]]


def texts(plain: Plain) -> Iterator[bytes]:
    """Every observation's words, as they must be found in a document or a section."""
    for obx in plain.all("OBX"):
        value = obx[5] if len(obx) > 5 else ""
        status = obx[11] if len(obx) > 11 else ""
        if not value or status in {"D", "W", "X"}:
            continue
        if obx[2] == "ED":
            yield b64decode(part(value, 5)) if part(value, 4) == "Base64" else b""
        elif obx[2] in {"TX", "FT", "ST", "NM"}:
            yield from (piece.encode() for piece in value.split("~"))


def test_what_was_observed_or_attached_is_in_a_document_or_a_section(
    sample: tuple[Plain, TransferOfCare],
) -> None:
    plain, transfer = sample
    said = [document.content or b"" for document in transfer.documents]
    said += [section.narrative.encode() for section in transfer.sections]

    missing = [text for text in texts(plain) if not any(text in each for each in said)]
    assert missing == []
