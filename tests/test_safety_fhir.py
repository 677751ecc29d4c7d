"""FHIR R4: whom a message is about, what is still wanted, what is restricted, and who is to act."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from mapping_samples import example
from safety_fixtures import Outcome, outcome

from service.errors import UnmappableMessage

Bundle = dict[str, Any]
Change = Callable[[Bundle], object]
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"


def sent(name: str, change: Change, sender: str = "RWF") -> Outcome:
    bundle = json.loads(example(name))
    change(bundle)
    return outcome(json.dumps(bundle), sender)


def referral(change: Change) -> Outcome:
    return sent("rwf-message-referral", change)


def summary(change: Change) -> Outcome:
    return sent("rwf-document-discharge", change)


def of(bundle: Bundle, kind: str) -> dict[str, Any]:
    return next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind)


def setting(kind: str, **values: Any) -> Change:
    return lambda bundle: of(bundle, kind).update(values)


def another_request(bundle: Bundle, **values: Any) -> None:
    entry = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "ServiceRequest")
    other = copy.deepcopy(entry)
    other["fullUrl"] = "urn:uuid:0000ffff-1111-4222-8333-444455556666"
    other["resource"] |= {"identifier": [{"system": "urn:x", "value": "OTHER"}], **values}
    bundle["entry"].append(other)


def somebody_else(bundle: Bundle, *, first: bool = True, **values: Any) -> str:
    address = "urn:uuid:0000eeee-1111-4222-8333-444455556666"
    name = [{"use": "official", "family": "MOTHER"}]
    patient = {"resourceType": "Patient", "name": name, "birthDate": "1920-01-01", **values}
    bundle["entry"].insert(
        1 if first else len(bundle["entry"]), {"fullUrl": address, "resource": patient}
    )
    return address


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", ["rwf-message-referral", "rwf-document-discharge"])
def test_a_message_is_about_its_subject_and_not_about_another_patient_in_it(
    name: str, first: bool
) -> None:
    expected = sent(name, lambda _: None).one("Patient")
    values = {"identifier": [{"system": NHS, "value": "9990001006"}]}
    values["address"] = [{"postalCode": "CT1 9ZZ"}]  # type: ignore[list-item]

    told = sent(name, lambda bundle: somebody_else(bundle, first=first, **values))

    found = told.one("Patient")
    assert {k: found[k] for k in ("identifier", "name", "address")} == {
        k: expected[k] for k in ("identifier", "name", "address")
    }
    assert "other people are in the message" in told.warnings


def test_a_message_about_two_patients_is_refused() -> None:
    def change(bundle: Bundle) -> None:
        another_request(bundle, subject={"reference": somebody_else(bundle)})

    with pytest.raises(UnmappableMessage) as refused:
        referral(change)
    assert any("several patients" in issue.text for issue in refused.value.issues)


def test_a_request_about_somebody_else_than_the_patient_is_refused() -> None:
    other = {"identifier": {"system": NHS, "value": "9990001006"}}

    with pytest.raises(UnmappableMessage) as refused:
        referral(setting("ServiceRequest", subject=other))
    assert any("names somebody else" in issue.text for issue in refused.value.issues)


@pytest.mark.parametrize("name", ["rwf-message-referral", "rj1-transaction-referral"])
def test_a_live_request_is_not_withdrawn_with_one_that_is(name: str) -> None:
    service = {"text": "Other old service"}
    told = sent(
        name,
        lambda bundle: another_request(bundle, status="revoked", code=service),
        "RWF" if name.startswith("rwf") else "RJ1",
    )

    assert told.acting
    assert not any("Disregard" in line for line in told.lines)
    assert all("The request for Other old service is marked as revoked" in x for x in told.lines)
    assert all("Requested" in line for line in told.lines)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("draft", "is marked as a draft"),
        ("on-hold", "is marked as on hold"),
        ("completed", "is marked as completed"),
        ("unknown", "is of unknown status"),
    ],
)
def test_a_request_that_is_not_active_is_not_asked(status: str, words: str) -> None:
    told = referral(setting("ServiceRequest", status=status))

    assert all(words in line and "Requested" not in line for line in told.lines)
    assert "a request is not active" in told.warnings


def test_what_must_not_be_done_is_told_so() -> None:
    told = referral(setting("ServiceRequest", doNotPerform=True))

    assert all("Asked NOT to be done" in x and "Requested" not in x for x in told.lines)
    assert told.one("ServiceRequest")["doNotPerform"] is True


def test_a_request_without_priority_is_not_called_routine() -> None:
    told = referral(lambda bundle: of(bundle, "ServiceRequest").pop("priority"))

    assert "priority" not in told.one("ServiceRequest")
    assert not any("routine" in line for line in told.lines)
    assert "a request has no priority" in told.warnings


def test_a_receiver_that_is_only_an_address_is_kept_and_flagged() -> None:
    there = "https://directory.example/Organization/xyz"
    told = referral(setting("ServiceRequest", performer=[{"reference": there}]))

    assert told.one("ServiceRequest")["performer"][0]["display"] == there
    assert "the directory has nobody of this name" in told.warnings


def test_a_receiver_may_be_named_as_the_relay_itself_names_organisations() -> None:
    told = referral(setting("ServiceRequest", performer=[{"reference": "Organization/8HX03"}]))

    assert "8HX03" in told.acting
    (performer,) = told.one("ServiceRequest")["performer"]
    assert performer["display"].startswith("Hospice at Home")


def test_so_may_the_message_name_its_own_receiver() -> None:
    def change(bundle: Bundle) -> None:
        there = {"endpoint": "urn:x", "receiver": {"reference": "Organization/8HX03"}}
        of(bundle, "MessageHeader")["destination"] = [there]
        of(bundle, "ServiceRequest").pop("performer")

    assert "8HX03" in referral(change).acting


def test_a_refuted_reason_is_no_reason() -> None:
    def change(bundle: Bundle) -> None:
        condition = {
            "resourceType": "Condition",
            "verificationStatus": {"coding": [{"code": "refuted"}]},
            "code": {"text": "Refuted"},
            "subject": of(bundle, "ServiceRequest")["subject"],
        }
        address = "urn:uuid:0000dddd-1111-4222-8333-444455556666"
        bundle["entry"].append({"fullUrl": address, "resource": condition})
        of(bundle, "ServiceRequest")["reasonReference"] = [{"reference": address}]

    told = referral(change)

    assert "Refuted" not in json.dumps(told.one("ServiceRequest"))
    assert "refuted or entered in error was left out" in told.warnings


def test_a_summary_entered_in_error_is_a_withdrawal() -> None:
    told = summary(setting("Composition", status="entered-in-error"))

    assert all("has withdrawn a document" in line for line in told.lines)
    assert told.one("ServiceRequest")["status"] == "entered-in-error"
    assert told.one("Composition")["status"] == "entered-in-error"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("preliminary", "What was sent is not final yet."),
        ("amended", "What was sent corrects an earlier version."),
    ],
)
def test_a_summary_that_is_no_plain_one_is_told_so(status: str, words: str) -> None:
    told = summary(setting("Composition", status=status))

    assert all(words in line for line in told.lines)
    assert told.one("Composition")["status"] == status


@pytest.mark.parametrize("level", ["R", "V", "SECRET"])
@pytest.mark.parametrize("kind", ["Bundle", "Composition", "Encounter", "Patient", "Condition"])
def test_a_label_anywhere_restricts_all(kind: str, level: str) -> None:
    label = {"security": [{"system": CONFIDENTIALITY, "code": level}]}
    told = summary(
        lambda bundle: (bundle if kind == "Bundle" else of(bundle, kind)).update(meta=label)
    )

    labels = {each["code"] for each in told.one("Patient")["meta"]["security"]}
    assert labels == {"R" if level == "SECRET" else level}
    assert ("not one that is known" in told.warnings) == (level == "SECRET")


def test_a_label_that_restricts_nothing_restricts_nothing() -> None:
    label = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}

    assert "security" not in summary(setting("Patient", meta=label)).one("Patient")["meta"]


EAST_KENT = {"identifier": {"system": ODS, "value": "RVV"}}
DISTRIBUTION = {"code": {"coding": [{"code": "distribution-list"}]}, "title": "Distribution list"}


@pytest.mark.parametrize(
    "entry",
    [
        {"resourceType": "HealthcareService", "providedBy": EAST_KENT},
        {"resourceType": "PractitionerRole", "organization": EAST_KENT},
    ],
)
def test_whoever_is_on_the_distribution_list_is_told(entry: dict[str, Any]) -> None:
    address = "urn:uuid:0000cccc-1111-4222-8333-444455556666"

    def change(bundle: Bundle) -> None:
        bundle["entry"].append({"fullUrl": address, "resource": entry})
        of(bundle, "Composition")["section"].append(
            {**DISTRIBUTION, "entry": [{"reference": address}]}
        )

    assert "RVV" in summary(change).acting


def test_a_plan_that_nobody_is_asked_to_act_on_says_so() -> None:
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Hospice</div>'}

    def change(bundle: Bundle) -> None:
        composition = of(bundle, "Composition")
        sections = [s for s in composition["section"] if "entry" not in s]
        composition["section"] = [*sections, {**DISTRIBUTION, "text": text}]

    told = summary(change)

    assert told.acting == set()
    assert "names its recipients in words only" in told.warnings
    assert "nobody is asked to act on the plan" in told.warnings


def test_a_stay_that_goes_on_is_not_told_as_ended() -> None:
    told = summary(setting("Encounter", status="in-progress"))

    assert told.one("Encounter")["status"] == "in-progress"
    assert all("is marked as in-progress" in line for line in told.lines)
    assert "the stay is not marked as finished" in told.warnings


def test_a_stay_that_is_finished_without_a_time_is_finished() -> None:
    told = referral(lambda bundle: of(bundle, "Encounter").update(period={"start": "2025-04-01"}))

    assert told.one("Encounter")["status"] == "finished"


@pytest.mark.parametrize(
    "status", ["preparation", "on-hold", "stopped", "not-done", "completed", "entered-in-error"]
)
def test_a_communication_that_is_not_live_is_sent_to_nobody(status: str) -> None:
    def change(bundle: Bundle) -> None:
        bundle["entry"] = [
            e for e in bundle["entry"] if e["resource"]["resourceType"] != "ServiceRequest"
        ]
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Communication":
                entry["resource"]["status"] = status
                entry["resource"]["recipient"] = [{"identifier": {"system": ODS, "value": "8PX01"}}]

    told = sent("rvv-transaction-discharge", change, "RVV")

    assert "8PX01" not in told.notices
    assert "kept and sent to nobody" in told.warnings
