"""Orders for a consult (ORM, OMG): what is asked, of whom, how urgently, and if it still is."""

from __future__ import annotations

from typing import Any

import pytest

from service.errors import UnmappableMessage
from service.model import TransferOfCare
from tests.hl7v2_orders import message, order, segment
from tests.mapping_samples import converted, doubts, fact


def becomes(*segments: str, kind: str = "ORM^O01", to: str = "8HX01") -> TransferOfCare:
    return converted("RXX", message(kind, *segments, to=to))[1]


CONTROLS = {
    "new": ("NW", "", "referral", "active"),
    "changed": ("XO", "", "referral-update", "active"),
    "in process": ("SC", "IP", "referral-update", "active"),
    "asked to be cancelled": ("CA", "", "referral-cancelled", "revoked"),
    "cancelled": ("OC", "CA", "referral-cancelled", "revoked"),
    "discontinued": ("DC", "DC", "referral-cancelled", "revoked"),
    "cancelled by its status": ("SC", "CA", "referral-cancelled", "revoked"),
    "on hold": ("HD", "HD", "referral-update", "on-hold"),
    "completed": ("SC", "CM", "referral-update", "completed"),
    "control not known": ("ZZ", "", "referral-update", "unknown"),
}


@pytest.mark.parametrize(
    ("control", "status", "kind", "stands"), CONTROLS.values(), ids=list(CONTROLS)
)
def test_the_control_and_status_of_an_order_say_what_becomes_of_it(
    control: str, status: str, kind: str, stands: str
) -> None:
    transfer = becomes(*order(control, orc={"f5": status}))

    assert (transfer.kind, fact(transfer, "requests[].status")) == (kind, (stands,))


PRIORITIES = {
    "OBR-5": ({"f5": "U"}, "", "urgent"),
    "OBR-27": ({"f27": "1^^^^^S"}, "", "stat"),
    "TQ1-9": ({}, segment("TQ1", f1="1", f9="A^ASAP^HL70485"), "asap"),
    "words": ({"f5": "routine"}, "", "routine"),
    "a word of the sender's own": ({"f5": "TWO-WEEK"}, "", None),
    "none": ({}, "", None),
}


@pytest.mark.parametrize(("obr", "tq1", "priority"), PRIORITIES.values(), ids=list(PRIORITIES))
def test_the_priority_is_read_wherever_it_stands_and_never_guessed(
    obr: dict[str, str], tq1: str, priority: str | None
) -> None:
    orc, asked = order(**obr)
    transfer = becomes(orc, *([tq1] if tq1 else []), asked)

    assert fact(transfer, "requests[0].priority") == priority
    assert ("requests[0].priority" in doubts(transfer)) == (priority is None)


def test_two_priorities_that_differ_are_flagged() -> None:
    transfer = becomes(*order(f5="R", f27="1^^^^^S"))

    assert fact(transfer, "requests[0].priority") == "stat"
    assert any("two priorities" in issue.text for issue in transfer.issues)


def test_what_is_asked_why_and_by_whom_is_read() -> None:
    transfer = becomes(
        *order(
            orc={"f21": "TESTSHIRE TRUST^^RXX", "f4": "GRP7^EPR"},
            f13="Breathless \\T\\ anxious",
            f28="G99907^^^^^^^^ODS",
            f31="C34.9^Malignant neoplasm of lung^I10",
        ),
        "NTE|1||At home, please.",
    )

    wanted: dict[str, Any] = {
        "patient.nhs_number": "9990001308",
        "requests[0].identifiers[].value": ("ORD1",),
        "requests[0].requisition.value": "GRP7",
        "requests[0].service.code": "306237005",
        "requests[0].service.system": "http://snomed.info/sct",
        "requests[0].reasons[].code": ("C34.9",),
        "requests[0].requester.family": "TESTWARD",
        "requests[0].requesting_organisation.ods": "RXX",
        "requests[0].performers[].ods": ("8HX01",),
        "requests[0].authored_at": "2025-06-03T10:12:00+01:00",
        "requests[0].notes": ("Breathless & anxious", "At home, please."),
        "recipients[].ods": ("G99907",),
    }
    assert {path: fact(transfer, path) for path in wanted} == wanted


def test_the_receiver_is_asked_only_where_it_is_an_organisation_and_that_is_flagged() -> None:
    asked, nobody = becomes(*order()), becomes(*order(), to="RELAY")
    own = becomes(*order(), to="RXX")

    assert fact(asked, "requests[0].performers[].ods") == ("8HX01",)
    assert "requests[0].performers[0].ods" in doubts(asked)
    assert fact(nobody, "requests[0].performers") == fact(own, "requests[0].performers") == ()


def test_each_order_of_a_message_has_the_control_of_its_own_group() -> None:
    second = order("CA", orc={"f2": "ORD2^EPR"}, f2="ORD2^EPR")
    transfer = becomes(*order(), *second, kind="OMG^O19^OMG_O19")

    assert transfer.kind == "referral-update"
    assert fact(transfer, "requests[].status") == ("active", "revoked")


def test_an_order_without_orc_is_new_and_has_no_doubt_about_it() -> None:
    transfer = becomes(order()[1])

    assert (transfer.kind, fact(transfer, "requests[].status")) == ("referral", ("active",))


def test_diagnostics_beside_a_consult_are_left_out_and_told() -> None:
    test = segment("OBR", f1="2", f2="ORD2^EPR", f4="FBC^Full blood count^L", f24="HM")
    transfer = becomes(*order(), test)

    assert len(transfer.requests) == 1
    assert any("diagnostic" in issue.text for issue in transfer.issues)


NO_REFERRAL = {
    "diagnostics": order(f24="LAB"),
    "something measured": order(f4="718-7^Haemoglobin^LN"),
    "medicines": [order()[0], "RXO|323509004^Amoxicillin^SCT"],
}


@pytest.mark.parametrize("segments", NO_REFERRAL.values(), ids=NO_REFERRAL)
def test_an_order_of_diagnostics_or_medicines_alone_is_refused_with_the_reason(
    segments: list[str],
) -> None:
    with pytest.raises(UnmappableMessage) as refused:
        becomes(*segments)

    assert any("of diagnostics or medicines" in issue.text for issue in refused.value.issues)
