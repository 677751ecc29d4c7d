"""STU3 referrals, e-RS's own resources, and events of the Personal Demographics Service."""

from __future__ import annotations

import pytest
from mapping_samples import read, shipped

from service.errors import UnmappableMessage
from service.formats import FORMATS
from service.model import OdsCode, TransferOfCare
from tests.itk3_messages import example, replaced

SENDER = OdsCode("RVV")


def becomes(body: bytes) -> TransferOfCare:
    source = read(body)
    return shipped().for_source(SENDER, source).apply(source, SENDER)


def referral() -> bytes:
    return example("base-stu3-referral.xml")


def test_a_referral_says_who_asks_whom_for_what_and_why() -> None:
    transfer = becomes(referral())

    (request,) = transfer.requests
    assert transfer.kind == "referral"
    assert (request.status, request.intent, request.priority) == ("active", "order", "urgent")
    assert request.service.code == "306237005"
    assert [reason.text for reason in request.reasons] == ["Breathlessness at rest"]
    assert [performer.ods for performer in request.performers] == ["8HX02"]
    assert request.requesting_organisation.ods == "RWF"
    assert str(request.authored_at) == "2025-03-03T09:15:00Z"


@pytest.mark.parametrize(
    ("before", "after", "kind", "status"),
    [
        (
            '<status value="active"/>',
            '<status value="cancelled"/>',
            "referral-cancelled",
            "revoked",
        ),
        ('<status value="active"/>', '<status value="suspended"/>', "referral", "on-hold"),
        ('<code value="new"/>', '<code value="update"/>', "referral-update", "active"),
        ('<code value="new"/>', '<code value="delete"/>', "referral-cancelled", "active"),
    ],
)
def test_a_referrals_status_is_r4s(before: str, after: str, kind: str, status: str) -> None:
    transfer = becomes(replaced(referral(), before, after))

    assert (transfer.kind, transfer.requests[0].status) == (kind, status)


def test_e_rs_knows_its_patient_by_number_and_its_priority_in_its_words() -> None:
    transfer = becomes(example("base-ers-referral.json"))

    (request,) = transfer.requests
    assert transfer.patient.nhs_number == "9990010110"
    assert (request.priority, request.priority_text) == ("urgent", "URGENT")
    assert "000000099900" in [each.value for each in request.identifiers]


def test_an_e_rs_priority_that_is_not_known_is_not_routine() -> None:
    body = example("base-ers-referral.json").replace(b'"URGENT"', b'"TOMORROW"')

    transfer = becomes(body)

    assert transfer.requests[0].priority is None
    assert transfer.requests[0].priority_text == "TOMORROW"
    assert "code-invalid" in [issue.code for issue in transfer.issues]


# --- events of the Personal Demographics Service --------------------------------------------------


def test_a_death_that_is_taken_back_is_no_death() -> None:
    body = replaced(
        example("base-nems-death.xml"),
        'DeathNotificationStatus-1"/>\n<code value="2"/>',
        'DeathNotificationStatus-1"/>\n<code value="U"/>',
    )

    transfer = becomes(body)

    assert transfer.kind == "patient-update"
    assert transfer.patient.deceased is False


def test_an_event_routed_by_another_number_is_refused() -> None:
    body = example("base-nems-death.xml").replace(b"9990010129", b"9990010137", 1)

    with pytest.raises(UnmappableMessage):
        becomes(body)


def test_every_format_name_of_the_shipped_mappings_is_a_reader() -> None:
    assert {mapping.format for mapping in shipped()} <= FORMATS.keys()
