"""Public samples as they were published: each converts, or is refused for a stated reason."""

from __future__ import annotations

import itertools
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from corpus_facts import BARS, FACTS, INTERNATIONAL, ITK, NOTIFICATIONS
from mapping_samples import CORPUS, FOLDER, doubts, fact, read, shipped

from service.conversion import Converter
from service.delivery.routing import Routing
from service.errors import ServiceError
from service.formats import NULL
from service.model import KINDS, OdsCode, TransferOfCare

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not CORPUS.is_dir(), reason="the folder of public samples (../shared/corpus) is not here"
    ),
]

SENDER = OdsCode("RXX")  # a trust without mappings of its own
OUTCOMES = {
    f"{folder}/{name}": outcome
    for folder, outcomes in (
        ("hl7v2-uk-itk", ITK),
        ("bars-r4-message", BARS),
        ("hl7v2-international", INTERNATIONAL),
        ("notifications", NOTIFICATIONS),
    )
    for name, outcome in outcomes.items()
}


REFUSED = {name: outcome if ": " in outcome else "-" for name, outcome in OUTCOMES.items()}
CONVERTED = [name for name, outcome in OUTCOMES.items() if outcome in KINDS]


def becomes(body: bytes, sender: OdsCode = SENDER) -> TransferOfCare:
    """What one message becomes. Raises ServiceError."""
    source = read(body)
    return shipped().for_source(sender, source).apply(source, sender)


def outcome_of(path: Path) -> str:
    """A kind of transfer, or the class of the refusal and its words."""
    try:
        return becomes(path.read_bytes()).kind
    except ServiceError as refusal:
        return f"{type(refusal).__name__}: {refusal.issues[-1].text or 'no reason'}"


def test_no_sample_is_left_out() -> None:
    folders = ("hl7v2-uk-itk", "bars-r4-message", "hl7v2-international", "notifications")
    there = {f"{name}/{path.name}" for name in folders for path in (CORPUS / name).iterdir()}

    assert there == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_sample_converts_or_is_refused_for_a_stated_reason(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = outcome_of(CORPUS / name)

    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {outcome[:150]}")
    assert outcome == OUTCOMES[name] or outcome.startswith((f"{OUTCOMES[name]}: ", REFUSED[name]))


@pytest.mark.parametrize("name", FACTS)
def test_a_sample_becomes_what_it_says(name: str) -> None:
    transfer = becomes((CORPUS / name).read_bytes())

    wanted: dict[str, Any] = FACTS[name]
    assert {path: fact(transfer, path) for path in wanted} == wanted


@pytest.mark.parametrize("name", ITK)
def test_the_made_up_nhs_number_of_the_itk_samples_is_flagged_and_never_matched(name: str) -> None:
    body = (CORPUS / "hl7v2-uk-itk" / name).read_bytes()

    transfer = becomes(body)

    assert transfer.patient.nhs_number is None
    assert ("3333333333", None) in [(one.value, one.system) for one in transfer.patient.identifiers]
    assert "patient.nhs_number" in doubts(transfer)
    issue = next(one for one in transfer.issues if one.target == "patient.nhs_number")
    assert issue.source == "PID-3.1"


@pytest.mark.parametrize("name", ITK)
def test_with_a_valid_number_the_itk_samples_have_nothing_against_it(name: str) -> None:
    body = (CORPUS / "hl7v2-uk-itk" / name).read_bytes().replace(b"3333333333", b"9990001006")

    transfer = becomes(body)

    assert transfer.patient.nhs_number == "9990001006"
    assert "patient.nhs_number" not in doubts(transfer)


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("hl7v2-uk-itk/A28_Example.txt", "patient.birth_date"),  # month 13
        ("hl7v2-uk-itk/A05_Example.txt", "patient.birth_date"),  # PID-32 ED: estimated
        ("hl7v2-international/ADT-A03-01.hl7", "patient.deceased"),  # dead, and discharged
        ("hl7v2-international/ADT-A03-01.hl7", "encounter.discharge_destination"),
        ("hl7v2-international/ADT-A03-01.hl7", "message.claimed_sender"),
        ("hl7v2-international/MDM-T02-01.hl7", "documents[0].content"),  # a PDF without a byte
        (
            "bars-r4-message/REFREQ01 - Referral Service Request New Full - 111 to ED.xml",
            "requests[0].service",
        ),  # no code
        (
            "bars-r4-message/REFREQ01 - Referral Service Request New Full - 111 to ED.xml",
            "patient.nhs_number",
        ),  # wrong check digit
    ],
)
def test_what_is_doubtful_in_a_sample_is_flagged(name: str, doubt: str) -> None:
    assert doubt in doubts(becomes((CORPUS / name).read_bytes()))


@pytest.mark.parametrize("name", CONVERTED)
def test_of_no_sample_an_issue_tells_a_patients_value(name: str) -> None:
    transfer = becomes((CORPUS / name).read_bytes())

    patient = transfer.patient
    told = " ".join(issue.text for issue in transfer.issues)
    values = {patient.family, patient.birth_date, *(one.value for one in patient.identifiers)}
    assert not [value for value in values if value and len(value) > 3 and value in told]


@pytest.mark.parametrize("name", CONVERTED)
def test_what_a_sample_becomes_conforms_to_the_profiles(name: str) -> None:
    ids = (f"00000000-0000-7000-8000-{n:012d}" for n in itertools.count())
    converter = Converter.without_store(
        mappings=shipped(),
        routing=Routing.load(FOLDER),
        clock=lambda: datetime(2025, 4, 1, tzinfo=UTC),
        new_id=lambda: next(ids),
    )

    (bundle,) = converter.convert((CORPUS / name).read_bytes(), sender=SENDER)  # checks them all

    made = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert {"Patient", "Provenance"} & set(made)
    assert made[-1] == "OperationOutcome"


@pytest.mark.parametrize("name", CONVERTED)
def test_every_value_of_a_sample_is_read_or_reported(name: str) -> None:
    """A value is read, or left out on purpose, or in the list of the unread: nothing vanishes."""
    source = read((CORPUS / name).read_bytes())

    unread, ignored = shipped().for_source(SENDER, source).left_out(source)

    places = set(source.leaves())
    assert set(unread) | set(ignored) < places
    assert not set(unread) & set(ignored)


def test_the_method_of_the_itk_sample_is_its_method_and_not_its_destination() -> None:
    body = (CORPUS / "hl7v2-uk-itk" / "A03_example.txt").read_bytes()
    assert re.search(rb"\|3\|19\|01\|", body)  # PV1-36, PV1-37, PV1-38

    transfer = becomes(body)

    assert fact(transfer, "encounter.discharge_method.code") == "3"
    assert fact(transfer, "encounter.discharge_destination.code") == "19"
    assert NULL not in fact(transfer, "diagnoses[].code")
