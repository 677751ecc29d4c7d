"""Who is told of a transfer: named, practice and rules, each organisation once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_fixtures import living_at, registered_at, routing, stay, transfer

from service.delivery.routing import Routed, Routing
from service.model import (
    Address,
    Coded,
    Diagnosis,
    Encounter,
    OdsCode,
    Organisation,
    Patient,
    Recipient,
    Request,
)

__all__ = ["routing"]

PALLIATIVE = (Diagnosis(code="Z51.5"),)
PAIN_REQUEST = Request(service=Coded(code="306109009", system="http://snomed.info/sct"))


def told(routed: Routed) -> dict[str | None, tuple[str, str]]:
    return {each.ods: (each.role, each.because) for each in routed.recipients}


def texts(routed: Routed) -> str:
    return "\n".join(issue.text for issue in routed.issues)


def test_a_named_recipient_is_found_by_its_code(routing: Routing) -> None:
    named = Recipient(ods=OdsCode("8HX01"), name="Hospice", role="action")

    assert told(routing.recipients(transfer(recipients=(named,)))) == {"8HX01": ("action", "named")}


@pytest.mark.parametrize("name", ["East Hospice", " east  HOSPICE ", "East Hospice at Home"])
def test_a_name_reaches_an_organisation_that_the_directory_lets_be_named(
    routing: Routing, name: str
) -> None:
    assert told(routing.recipients(transfer(recipients=(Recipient(name=name),)))) == {
        "8HX01": ("information", "named")
    }


@pytest.mark.parametrize("name", ["Pain Service", "East Hospices", "East", ""])
def test_any_other_name_is_kept_as_an_issue_and_reaches_nobody(routing: Routing, name: str) -> None:
    routed = routing.recipients(transfer(recipients=(Recipient(name=name),)))

    assert routed.recipients == ()
    issue = routed.issues[0]
    assert (issue.severity, issue.target) == ("warning", "recipients[0].name")
    assert name not in issue.text or not name


def test_the_performer_of_a_request_is_told_to_act(routing: Routing) -> None:
    request = Request(performers=(Organisation(ods=OdsCode("8HX01")),))

    routed = routing.recipients(transfer("referral", requests=(request,)))

    assert told(routed) == {"8HX01": ("action", "performer")}
    assert routed.recipients[0].name == "East Hospice"


def test_a_code_outside_the_directory_is_kept_and_flagged(routing: Routing) -> None:
    routed = routing.recipients(transfer(recipients=(Recipient(ods=OdsCode("RXX99")),)))

    assert set(told(routed)) == {"RXX99"}
    assert "nobody there is known to listen" in texts(routed)


def test_the_practice_is_told_for_information(routing: Routing) -> None:
    routed = routing.recipients(transfer(patient=registered_at("G82023", "The Surgery")))

    assert told(routed) == {"G82023": ("information", "gp-practice")}
    assert routed.recipients[0].name == "The Surgery"
    assert not [issue for issue in routed.issues if issue.severity == "warning"]


@pytest.mark.parametrize(
    ("patient", "severity"),
    [
        *[(registered_at(code), "information") for code in ("V81997", "V81998", "V81999")],
        (Patient(), "warning"),
    ],
    ids=["none", "unregistered", "unknown", "not sent"],
)
def test_without_a_practice_none_is_told_and_a_missing_one_is_a_warning(
    routing: Routing, patient: Patient, severity: str
) -> None:
    routed = routing.recipients(transfer(patient=patient))

    assert routed.recipients == ()
    noted = [one.severity for one in routed.issues if "GP practice is not known" in one.text]
    assert noted == [severity]


def test_a_practice_named_without_a_code_is_flagged(routing: Routing) -> None:
    routed = routing.recipients(transfer(patient=registered_at(None, "The Surgery")))

    assert routed.recipients == ()
    assert routed.issues[0].target == "patient.gp_practice.name"


@pytest.mark.parametrize("kind", ["patient-update", "patient-merge"])
def test_changed_details_are_no_news_for_the_practice(routing: Routing, kind: str) -> None:
    routed = routing.recipients(transfer(kind, patient=registered_at("G82023")))

    assert routed == Routed(recipients=())


def test_the_sender_is_not_told_by_a_rule_but_when_it_is_named(routing: Routing) -> None:
    by_rule = transfer(
        patient=living_at("TN2 9ZZ"),
        encounter=stay("191"),
        diagnoses=(Diagnosis(code="G89.2"),),
    )
    named = transfer(recipients=(Recipient(name="King's"),))

    assert set(told(routing.recipients(by_rule))) == {"8PX01"}
    assert set(told(routing.recipients(named))) == {"RJZ"}


@pytest.mark.parametrize(
    ("place", "who"),
    [
        (Organisation(ods=OdsCode("8HX01")), {"8HX01": ("information", "discharged-to")}),
        (Organisation(name="East Hospice"), {"8HX01": ("information", "discharged-to")}),
        (Organisation(ods=OdsCode("HOME")), {}),
        (Organisation(name="her sister"), {}),
        (Organisation(ods=OdsCode("RJZ")), {}),
    ],
)
def test_who_takes_the_patient_over_is_told_where_the_directory_knows_them(
    routing: Routing, place: Organisation, who: dict[str, tuple[str, str]]
) -> None:
    routed = routing.recipients(transfer(encounter=Encounter(discharged_to=place)))

    assert told(routed) == who


def test_a_restricted_record_goes_to_the_named_and_the_practice_only(routing: Routing) -> None:
    patient = Patient(
        addresses=(Address(postcode="CT1 9ZZ"),),
        gp_practice=Organisation(ods=OdsCode("G82023")),
        restricted=True,
    )
    named = Recipient(ods=OdsCode("8PX01"))

    routed = routing.recipients(
        transfer(patient=patient, diagnoses=PALLIATIVE, recipients=(named,))
    )

    assert set(told(routed)) == {"8PX01", "G82023"}
    assert "restricted" in texts(routed)


def test_a_death_asks_nobody_to_act(routing: Routing) -> None:
    named = Recipient(ods=OdsCode("8PX01"), role="action")

    routed = routing.recipients(
        transfer("death", patient=living_at("CT1 9ZZ"), diagnoses=PALLIATIVE, recipients=(named,))
    )

    assert {ods: role for ods, (role, _) in told(routed).items()} == {
        "8PX01": "information",
        "8HX01": "information",
    }


def test_an_organisation_found_twice_is_told_once_with_the_stronger_role(
    routing: Routing,
) -> None:
    named = Recipient(ods=OdsCode("8HX01"), role="information", reference="Communication/a")
    asked = Request(performers=(Organisation(name="East Hospice"),))

    routed = routing.recipients(
        transfer(
            patient=living_at("CT1 9ZZ"),
            diagnoses=PALLIATIVE,
            recipients=(named,),
            requests=(asked,),
        )
    )

    assert told(routed) == {"8HX01": ("action", "named, performer, rule:palliative-east")}
    assert routed.recipients[0].reference == "Communication/a"


def test_a_copy_for_the_patient_is_not_ours_to_send(routing: Routing) -> None:
    routed = routing.recipients(transfer(recipients=(Recipient(name="self", party="patient"),)))

    assert routed.recipients == ()
    assert "no copy to patients" in texts(routed)


def test_explaining_says_of_every_rule_what_held(routing: Routing) -> None:
    why = routing.explain(transfer(patient=living_at("CT1 9ZZ"), encounter=stay("300")))

    assert [each.rule for each in why] == ["palliative-east", "unaddressed-pain", "pain-in-tn2"]
    first = why[0]
    assert not first.held
    assert dict(first.conditions) == {
        "the record is not restricted": True,
        "kind death, discharge": True,
        "area east": True,
        "marker palliative": False,
    }


CODES = st.sampled_from(["8HX01", "8PX01", "RJZ", "RWF", "G82023"]).map(OdsCode)
RECIPIENTS = st.builds(
    Recipient,
    ods=CODES | st.none(),
    name=st.none(),
    role=st.sampled_from(["action", "information"]),
)
PATIENTS = st.builds(
    Patient,
    addresses=st.sampled_from([(), (Address(postcode="CT1 9ZZ"),), (Address(postcode="TN2 9ZZ"),)]),
    gp_practice=st.builds(Organisation, ods=CODES | st.none()) | st.none(),
    restricted=st.booleans(),
)


@given(
    kind=st.sampled_from(["discharge", "death", "referral", "patient-update"]),
    patient=PATIENTS,
    recipients=st.lists(RECIPIENTS, max_size=4).map(tuple),
    diagnoses=st.sampled_from([(), PALLIATIVE, (Diagnosis(code="G89"),)]),
)
def test_nobody_named_by_code_is_ever_lost_and_nobody_is_told_twice(
    routing: Routing,
    kind: str,
    patient: Patient,
    recipients: tuple[Recipient, ...],
    diagnoses: tuple[Diagnosis, ...],
) -> None:
    routed = routing.recipients(
        transfer(kind, patient=patient, recipients=recipients, diagnoses=diagnoses)
    )

    codes = [each.ods for each in routed.recipients]
    named = {each.ods for each in recipients if each.ods}
    assert len(codes) == len(set(codes))
    assert named <= set(codes)
    assert "RJZ" not in set(codes) - named
    acting = {each.ods for each in recipients if each.ods and each.role == "action"}
    if kind != "death":
        assert acting <= {each.ods for each in routed.recipients if each.role == "action"}
    unnamed = sum(each.ods is None for each in recipients)
    assert sum(issue.target.endswith("].name") for issue in routed.issues) == unnamed


def test_routing_costs_microseconds(routing: Routing) -> None:
    one = transfer(
        patient=living_at("CT1 9ZZ"),
        diagnoses=PALLIATIVE,
        recipients=(Recipient(ods=OdsCode("8PX01")),),
    )
    best = min(_microseconds(routing, one) for _ in range(20))

    assert best < 100  # measured about 12; a slow machine gets room


def _microseconds(routing: Routing, one: object) -> float:
    start = time.perf_counter()
    for _ in range(100):
        routing.recipients(one)  # type: ignore[arg-type]
    return (time.perf_counter() - start) * 1e4
