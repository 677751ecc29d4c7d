"""How dialects are read: deaths, genders, dates, identifiers, documents, and what is refused."""

from __future__ import annotations

import pytest
from mapping_samples import converted, doubts, example, fact

from service.errors import UnmappableMessage, UnmappedMessage


def test_the_same_discharge_is_read_by_each_sender_as_that_sender_means_it() -> None:
    """PV1-36 is the destination at Epic sites and the method in the ITK profile."""
    itk = example("rwf-a03-home").replace(b"|1|19|", b"|19||")
    epic = example("rjz-a03-home")

    _, read_by_itk = converted("RWF", itk)
    _, read_by_epic = converted("RJZ", epic)

    assert fact(read_by_epic, "encounter.discharge_destination.code") == "19"
    assert fact(read_by_itk, "encounter.discharge_destination") is None
    assert fact(read_by_itk, "encounter.discharge_method.code") is None
    assert "encounter.discharge_method" in doubts(read_by_itk)


@pytest.mark.parametrize(
    ("name", "sender", "before", "after"),
    [
        ("rjz-a03-home", "RJZ", b"|19||||||||20250303", b"|79||||||||20250303"),
        ("rjz-a03-home", "RJZ", b"|19||||||||20250303", b"|Dead||||||||20250303"),
        ("rjz-a03-home", "RJZ", b"|N||NSTS01", b"|Y||NSTS01"),
        ("rjz-a03-home", "RJZ", b"||N||NSTS01", b"|20250314|||NSTS01"),
        ("rwf-a03-home", "RWF", b"|1|19|", b"|4|19|"),
        ("rwf-a03-home", "RWF", b"|1|19|", b"|5||"),
        ("rwf-a03-home", "RWF", b"|1|19|", b"||79|"),
        ("rn7-a03-home", "RN7", b"|N\n", b"|Y\n"),
    ],
)
def test_whatever_says_that_the_patient_died_makes_it_a_death(
    name: str, sender: str, before: bytes, after: bytes
) -> None:
    body = example(name)
    assert body.count(before) == 1

    _, transfer = converted(sender, body.replace(before, after))

    assert transfer.kind == "death"


def test_signs_of_death_that_contradict_each_other_are_flagged() -> None:
    body = example("rjz-a03-home").replace(b"|19||||||||20250303", b"|Dead||||||||20250303")

    _, transfer = converted("RJZ", body)

    assert transfer.kind == "death"
    assert "patient.deceased" in doubts(transfer)  # PID-30 says N


@pytest.mark.parametrize(
    ("code", "gender"),
    [
        *[("1", "male"), ("2", "female"), ("9", "unknown"), ("0", "unknown"), ("", None)],
        *[("M", "male"), ("F", "female"), ("U", "unknown"), ("O", "other")],
    ],
)
def test_gender_codes_of_both_kinds_are_read(code: str, gender: str | None) -> None:
    body = example("rwf-a03-home").replace(b"194412131515|2|", f"194412131515|{code}|".encode())

    assert converted("RWF", body)[1].patient.gender == gender


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        *[("194412131515", "1944-12-13"), ("19441213", "1944-12-13"), ("194412", "1944-12")],
        *[("1944", "1944"), ("", None), ('""', None)],
    ],
)
def test_a_date_of_birth_keeps_the_precision_it_was_sent_with(sent: str, kept: str | None) -> None:
    body = example("rwf-a03-home").replace(b"|194412131515|", f"|{sent}|".encode())

    assert converted("RWF", body)[1].patient.birth_date == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("202501181706", "2025-01-18T17:06:00+00:00"),  # winter
        ("202507181706", "2025-07-18T17:06:00+01:00"),  # summer time
        ("20250718170612", "2025-07-18T17:06:12+01:00"),
        ("202507181706+0000", "2025-07-18T17:06:00+00:00"),  # an offset of its own
        ("20250718", "2025-07-18"),
    ],
)
def test_times_without_offset_are_in_london(sent: str, kept: str) -> None:
    before = b"202501101716|202501181706"
    body = example("rwf-a03-home").replace(before, f"202501101716|{sent}".encode())

    _, transfer = converted("RWF", body)

    assert fact(transfer, "encounter.discharged_at") == kept


def test_what_the_sender_deletes_is_not_confused_with_what_it_does_not_send() -> None:
    deleted = example("rjz-a03-home").replace(b"|19||||||||20250303", b'|""||||||||20250303')
    absent = example("rjz-a03-home").replace(b"|19||||||||20250303", b"|||||||||20250303")

    notes = [
        {issue.target for issue in converted("RJZ", body)[1].issues} for body in (deleted, absent)
    ]

    assert "encounter.discharge_destination" in notes[0]
    assert "encounter.discharge_destination" not in notes[1]


@pytest.mark.parametrize("status", ["NSTS01", "NSTS02", "NSTS03", "NSTS04", "NSTS05", "NSTS07"])
def test_the_status_of_the_nhs_number_is_carried_over(status: str) -> None:
    body = example("rwf-a03-home").replace(b"NSTS01", status.encode())

    assert converted("RWF", body)[1].patient.nhs_number_status == status[-2:]


def test_two_different_nhs_numbers_are_none() -> None:
    body = example("rwf-a03-home").replace(
        b"9990001057^^^NHS~", b"9990001057^^^NHS~9990001006^^^NHS~"
    )

    _, transfer = converted("RWF", body)

    assert transfer.patient.nhs_number is None
    assert "patient.nhs_number" in doubts(transfer)


def test_an_identifier_without_a_system_is_kept_beside_the_nhs_number() -> None:
    body = example("rwf-document-discharge").replace(
        b'"system": "https://fhir.nhs.uk/RWF/Id/MRN",', b""
    )

    patient = converted("RWF", body)[1].patient

    assert [(one.value, one.system) for one in patient.identifiers] == [("W7005678", None)]
    assert patient.nhs_number == "9990001170"


def test_pictures_of_letters_arrive_as_they_were_sent() -> None:
    _, transfer = converted("RPA", example("rpa-t02-pdf"))

    content = transfer.documents[0].content
    assert content.startswith(b"%PDF-1.4")
    assert content.rstrip().endswith(b"%%EOF")


def test_rtf_is_unescaped_once_and_its_backslashes_are_its_own() -> None:
    _, transfer = converted("RRV", example("rrv-t02-rtf"))

    assert transfer.documents[0].content.startswith(rb"{\rtf1\ansi")


def test_a_narrative_is_kept_byte_for_byte() -> None:
    body = example("rwf-document-discharge")
    _, transfer = converted("RWF", body)

    summary = next(s for s in transfer.sections if s.code == "clinical-summary")
    assert summary.content_type == "application/xhtml+xml"
    assert "(oxycodone 30&#160;mg over 24 hours)" in summary.narrative


def test_a_message_of_another_kind_is_refused_with_the_reason() -> None:
    body = example("rwf-a03-home").replace(b"ADT^A03^ADT_A03", b"SIU^S12^SIU_S12")

    with pytest.raises(UnmappedMessage) as caught:
        converted("RWF", body)

    assert any("base/hl7v2-adt" in issue.text for issue in caught.value.issues)


def test_a_message_about_several_patients_is_refused() -> None:
    body = example("rwf-a03-home")
    second = body[body.index(b"PID|") : body.index(b"PD1|")]

    with pytest.raises(UnmappableMessage, match="contradicts"):
        converted("RWF", body + second)


def test_a_sender_without_a_mapping_of_its_own_is_served_by_the_base_and_told_so() -> None:
    mapping, transfer = converted("RXX", example("base-a03-itk"))

    assert mapping.is_base
    assert any("base mapping was used" in issue.text for issue in transfer.issues)


def test_the_message_never_says_who_sent_it() -> None:
    body = example("rwf-a03-home").replace(b"|PAS|RWF|", b"|PAS|RJZ|")

    _, transfer = converted("RWF", body)

    assert transfer.message.sender == "RWF"
    assert transfer.message.claimed_sender == "RJZ"
    assert "message.claimed_sender" in doubts(transfer)
