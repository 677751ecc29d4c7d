"""The NHS number: found however it is labelled, one of several only if it is the only one."""

from __future__ import annotations

import pytest
from mapping_samples import converted, doubts
from reading_messages import OTHER, VALID, WRONG, discharge

from service.model import TransferOfCare

SENDERS = ("RWF", "RJZ", "RJ1", "RRV", "RAN", "RVV", "RN7", "RPA", "RYY", "RXX")
LABELS = (
    "^^^NHS^NH",
    "^^^NHS",
    "^^^^NH",
    "^^^^HN",
    "^^^NHSNBR^NH",
    "^^^NHSNMBR^NHSNMBR",
    "^^^^NHSNMBR",
    "^^^NHSNumber^PI",
    "^^^nhs^nh",
    "^^^NHS&2.16.840.1.113883.2.1.4.1&ISO^NH",
    "^^^&2.16.840.1.113883.2.1.4.1&ISO",
    "^^^2.16.840.1.113883.2.1.4.1",
)


def kept(transfer: TransferOfCare) -> set[tuple[str, str | None, str | None]]:
    return {(one.value, one.type, one.authority) for one in transfer.patient.identifiers}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("label", LABELS)
def test_a_plainly_labelled_nhs_number_is_the_nhs_number_whoever_sends_it(
    sender: str, label: str
) -> None:
    _, transfer = converted(sender, discharge(sender, pid3=f"K1^^^{sender}^MR~{VALID}{label}"))

    assert transfer.patient.nhs_number == VALID
    assert kept(transfer) == {("K1", "MR", sender)}
    assert "patient.nhs_number" not in doubts(transfer)


@pytest.mark.parametrize("sender", SENDERS)
def test_it_is_found_in_pid_2_where_it_is_labelled_there(sender: str) -> None:
    body = discharge(sender, pid2=f"{VALID}^^^NHS^NH", pid3=f"K1^^^{sender}^MR")

    assert converted(sender, body)[1].patient.nhs_number == VALID


@pytest.mark.parametrize(
    ("pid2", "pid3", "number", "text"),
    [
        ("", f"{VALID}^^^NHS^NH~{OTHER}^^^NHS^NH", None, {VALID, OTHER}),
        ("", f"{WRONG}^^^NHS^NH~{VALID}^^^NHS^NH", VALID, {WRONG}),
        ("", f"{VALID}^^^NHS^NH~{WRONG}^^^NHS^NH", VALID, {WRONG}),
        (f"{OTHER}^^^NHS", f"{VALID}^^^NHS^NH", None, {VALID, OTHER}),  # PID-2 is not hidden
        ("", f"{WRONG}^^^NHS^NH", None, {WRONG}),
        # the first of these ended in 2021
        ("", f"{VALID}^^^NHS^NH^^20200101^20210101~{OTHER}^^^NHS^NH", OTHER, {VALID}),
        ("", f"{VALID}^^^NHS^NH^^20200101^20210101", None, {VALID}),
        ("", f"{VALID}^^^NHS^NH^^20200101^20990101", VALID, {VALID}),
    ],
)
def test_of_several_numbers_the_only_good_one_is_taken_and_none_is_lost(
    pid2: str, pid3: str, number: str | None, text: set[str]
) -> None:
    _, transfer = converted("RWF", discharge(pid2=pid2, pid3=pid3))

    assert transfer.patient.nhs_number == number
    assert kept(transfer) == {(value, "NH", None) for value in text}
    assert "patient.nhs_number" in doubts(transfer)


@pytest.mark.parametrize("pid3", [f"{VALID}^^^NHS^NH~999 002 0019^^^NHS^NH", f"{VALID}^^^NHS~~"])
def test_the_same_number_twice_is_one_number(pid3: str) -> None:
    _, transfer = converted("RWF", discharge(pid3=pid3))

    assert transfer.patient.nhs_number == VALID
    assert transfer.patient.identifiers == ()
    assert "patient.nhs_number" not in doubts(transfer)


@pytest.mark.parametrize(
    ("pid2", "pid3"),
    [("", "K1^^^RWF^MR"), (VALID, "K1^^^RWF^MR"), ("", VALID), ("", '""^^^NHS^NH~K1^^^RWF^MR')],
)
def test_no_nhs_number_or_one_without_a_label_is_flagged_and_kept(pid2: str, pid3: str) -> None:
    _, transfer = converted("RWF", discharge(pid2=pid2, pid3=pid3))

    assert transfer.patient.nhs_number is None
    assert "patient.nhs_number" in doubts(transfer)
    bare = {VALID} & {pid2, pid3}
    assert bare <= {one.value for one in transfer.patient.identifiers}


def test_medway_has_it_bare_in_pid_2_and_is_read_by_its_label_as_well() -> None:
    bare = converted("RPA", discharge("RPA", pid2="999 002 0019", pid3="M1^^^RPA^MR"))[1]
    both = converted("RPA", discharge("RPA", pid2=VALID, pid3=f"{OTHER}^^^NHS^NH"))[1]

    assert bare.patient.nhs_number == VALID
    assert kept(bare) == {("M1", "MR", "RPA")}
    assert both.patient.nhs_number is None
    assert {value for value, _, _ in kept(both)} == {VALID, OTHER}
