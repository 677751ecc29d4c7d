"""The HL7 validator finds no error in anything that the project writes, and finds planted ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.produced import profile_examples
from sandbox.validate import ALL, by_base, by_uk_core
from sandbox.validator import UK_CORE, Validator
from service.fhir.systems import CANONICAL
from service.fhir.validate import check

pytest_plugins = ["tests.peers.java_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]
Resource = dict[str, Any]
BESIDE = {"public samples, converted"}  # there only where ../shared is


@pytest.mark.parametrize("name", ALL)
def test_base_r4_and_our_profiles_have_nothing_against_it(name: str, validator: Validator) -> None:
    verdict = by_base(validator, ALL[name]())

    assert not [f"{place}: {issue}" for place, issue in verdict.faults]
    assert verdict.judged or name in BESIDE


@pytest.mark.parametrize("name", ALL)
def test_uk_core_has_nothing_against_it(name: str, uk_validator: Validator) -> None:
    verdict = by_uk_core(uk_validator, ALL[name]())

    assert not [f"{place}: {issue}" for place, issue in verdict.faults]
    assert bool(verdict.judged) is (UK_CORE.is_dir() and name != "profiles and terminology")


def example(kind: str) -> Resource:
    [found] = [one for one in profile_examples() if one.name == f"{kind}.json"]
    read: Resource = json.loads(found.text)
    return read


def without(kind: str, *elements: str) -> Resource:
    return {k: v for k, v in example(kind).items() if k not in elements}


def changed(kind: str, **elements: Any) -> Resource:
    return {**example(kind), **elements}


WRONG: dict[str, Resource] = {
    "a code outside its value set": changed("Patient-discharge", gender="F"),
    "a day that does not exist": changed("Patient-discharge", birthDate="1950-02-30"),
    "an element that does not exist": changed("Patient-discharge", colour="red"),
    "one value where a list is due": changed("Patient-discharge", name={"family": "TEST"}),
    "no status": without("ServiceRequest-referral", "status"),
    "no subject": without("Communication-referral", "subject"),
    "a reference to the wrong type": changed(
        "Communication-referral", subject={"reference": "Encounter/1", "type": "Encounter"}
    ),
    "two recipients, and our profile has one": changed(
        "Communication-referral", recipient=example("Communication-referral")["recipient"] * 2
    ),
    "not done, and our rule dr-com-1 wants a reason": changed(
        "Communication-referral", status="not-done"
    ),
    "no tag of ours": changed(
        "Communication-referral",
        meta={"profile": [f"{CANONICAL}/StructureDefinition/DischargeRelay-Communication"]},
    ),
    "an invariant of base R4 (tim-9)": changed(
        "ServiceRequest-referral",
        occurrenceTiming={"repeat": {"when": ["C"], "offset": 5}},
    ),
    "narrative with a script": changed(
        "Communication-referral",
        text={
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>',
        },
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found_by_the_validator_and_by_ours(
    what: str, validator: Validator
) -> None:
    theirs = validator.faults(json.dumps(WRONG[what]))
    ours = [issue for issue in check(WRONG[what]) if issue.severity in ("error", "fatal")]

    assert theirs
    assert ours


def test_an_extension_or_a_profile_that_nobody_knows_is_found(validator: Validator) -> None:
    strange = changed(
        "Patient-discharge",
        extension=[{"url": "https://elsewhere.example/colour", "valueString": "red"}],
    )
    claimed = changed("Patient-discharge", meta={"profile": ["https://elsewhere.example/Patient"]})

    assert validator.faults(json.dumps(strange))
    assert validator.faults(json.dumps(claimed))


def test_what_breaks_a_profile_that_is_only_asked_for_is_found(validator: Validator) -> None:
    bare = {"resourceType": "Communication", "status": "completed"}
    profile = f"{CANONICAL}/StructureDefinition/DischargeRelay-Communication"

    assert not validator.faults(json.dumps(bare))
    assert validator.faults(json.dumps(bare), [profile])
