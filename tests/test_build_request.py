"""ServiceRequest: what is asked, of whom, and why."""

from __future__ import annotations

from build_fixtures import HOSPICE, PRACTICE, discharge, made
from build_resource import ABSENT, one

from service.model import (
    Coded,
    Identifier,
    OdsCode,
    Organisation,
    Practitioner,
    Request,
)


def test_a_plan_is_addressed_to_the_recipients_for_action():
    request = one("ServiceRequest")

    assert (request["intent"], request["priority"]) == ("plan", "urgent")
    assert [each["identifier"]["value"] for each in request["performer"]] == ["8HX03"]
    assert request["reasonCode"] == [ABSENT]
    assert request["requester"]["identifier"]["value"] == "RJZ"


def test_a_plan_for_nobody_says_that_nobody_is_known():
    built = made(discharge(), PRACTICE)

    request = next(each for each in built.resources if each["resourceType"] == "ServiceRequest")
    assert request["performer"] == [ABSENT]


def test_a_referral_is_an_order_and_keeps_what_was_sent():
    given = Request(
        identifiers=(Identifier(value="R1"),),
        requisition=Identifier(value="EP-1", system="https://fhir.nhs.uk/RJZ/Id/episode"),
        category=Coded(code="O", system="http://terminology.hl7.org/CodeSystem/v2-0284"),
        requester=Practitioner(name="Dr A Example"),
        requesting_organisation=Organisation(ods=OdsCode("RJZ")),
        reasons=(Coded(text="Cancer pain"),),
        performers=(Organisation(name="Somebody"),),
    )
    request = one("ServiceRequest", kind="referral", requests=(given,))

    assert [each["coding"][0]["code"] for each in request["category"]] == ["3457005", "O"]
    assert request["code"] == ABSENT
    assert request["requisition"]["value"] == "EP-1"
    assert request["requester"]["display"].startswith("Dr A Example, King's")
    assert request["reasonCode"] == [{"text": "Cancer pain"}]
    named, asked = request["performer"]
    assert named == {"type": "Organization", "display": "Somebody"}
    assert asked["identifier"]["value"] == "8HX03"  # who is to act, since the name reaches nobody
    assert "priority" not in request


def test_a_withdrawn_referral_is_revoked_whatever_its_status():
    assert one("ServiceRequest", kind="referral-cancelled")["status"] == "revoked"


def test_two_requests_of_one_message_differ_in_their_numbers():
    built = made(discharge(requests=(Request(), Request())), HOSPICE)

    numbers = {
        each["identifier"][0]["value"]
        for each in built.resources
        if each["resourceType"] == "ServiceRequest"
    }
    assert len(numbers) == 2


def test_a_service_of_blanks_is_not_shown_as_an_empty_narrative():
    request = one("ServiceRequest", requests=(Request(service=Coded(text=" ")),))

    assert request["text"]["div"].endswith(">Request for a service</div>")
