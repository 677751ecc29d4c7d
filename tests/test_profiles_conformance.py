"""Each profile is enforced as written: what it demands, what it binds, what it fixes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from build_examples import FOLDER, examples, written
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.build.communication import BASES, TAGS
from service.fhir.build.wording import TITLES
from service.fhir.systems import CANONICAL, PROFILE
from service.fhir.validate import check, invariants, known_profiles
from service.fhir.validate.profiles import Node, Profile, Profiles, mark_of, matches

PROFILES = Path(__file__).resolve().parents[1] / "profiles"
LOADED = Profiles.load(PROFILES)
EXAMPLES = examples()
PROFILED = {
    name: resource
    for name, resource in EXAMPLES.items()
    if any(url.startswith(PROFILE) for url in resource.get("meta", {}).get("profile", ()))
}


def profile_of(resource: dict[str, Any]) -> Profile:
    return LOADED.by_url[resource["meta"]["profile"][0]]


def demanded(node: Node, value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places in a resource that its profile demands by cardinality."""
    found = []
    for name, child in node.children.items():
        if not isinstance(value, dict) or name not in value:
            continue
        here = value[name]
        items = here if isinstance(here, list) else [here]
        if child.min:
            found.append((*place, name))
        for i, item in enumerate(items):
            spot = (*place, name, i) if isinstance(here, list) else (*place, name)
            found += demanded(child, item, spot)
            for piece in child.slices.values():
                if matches(item, mark_of(piece, child.discriminator)):
                    found += [spot] if piece.min else []
                    found += demanded(piece, item, spot)
    return found


def without(resource: dict[str, Any], place: tuple[Any, ...]) -> dict[str, Any]:
    """Return the resource without what stands at a place, and without what that leaves empty."""
    copied = copy.deepcopy(resource)
    for depth in range(len(place), 0, -1):
        container = copied
        for step in place[: depth - 1]:
            container = container[step]
        del container[place[depth - 1]]
        if container:
            break
    return copied


# Without meta no profile is claimed; without its system an NHS number is any identifier.
TAKES_THE_DEMAND_AWAY = {
    ("Communication", ("meta",)),
    ("Patient", ("identifier", 0, "system")),
}
DEMANDS = [
    pytest.param(name, place, id=f"{name}: {'.'.join(map(str, place))}")
    for name, resource in PROFILED.items()
    for place in dict.fromkeys(demanded(profile_of(resource).root, resource))
    if (resource["resourceType"], place) not in TAKES_THE_DEMAND_AWAY
]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_right(name):
    assert check(json.loads((FOLDER / name).read_bytes())) == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_what_the_builder_makes(name):
    assert (FOLDER / name).read_text("utf-8") == written(EXAMPLES[name])


def test_there_is_no_other_example():
    of_other_tests = {"Group-caseload.json"}  # tests/test_caseload_http.py keeps one
    assert {path.name for path in FOLDER.iterdir()} - of_other_tests == set(EXAMPLES)


@pytest.mark.parametrize(("name", "place"), DEMANDS)
def test_what_a_profile_demands_must_be_there(name, place):
    issues = check(without(PROFILED[name], place))

    assert {issue.code for issue in issues} & {"required", "invariant"}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_wrong_code_is_refused_wherever_a_code_is_required(data):
    """At every coding with a code of our own systems, and every status."""
    name = data.draw(st.sampled_from(sorted(PROFILED)))
    resource = copy.deepcopy(PROFILED[name])
    spots = list(_coded_places(resource))
    if spots:
        container, key = data.draw(st.sampled_from(spots))
        container[key] = "banana"
        assert "code-invalid" in {issue.code for issue in check(resource)}


def _coded_places(value: Any) -> Any:
    if isinstance(value, dict):
        bound = ("CodeSystem/recipient-type", "event-kind", "task-code", "delivery-state")
        if value.get("system", "").endswith((*bound, "communication-category")):
            yield value, "code"
        for name, inner in value.items():
            if name in ("status", "intent") and isinstance(inner, str):
                yield value, name
            yield from _coded_places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _coded_places(inner)


@pytest.mark.parametrize(
    ("name", "path", "value", "expected"),
    [
        (
            "Communication-discharge-hospice", ("recipient",), [{"display": "a"}] * 2,
            ("structure", "Communication.recipient"),
        ),
        (
            "Communication-discharge-hospice", ("encounter",), None,
            ("invariant", "Communication.encounter"),
        ),
        (
            "Communication-discharge-hospice", ("status",), "not-done",
            ("invariant", "Communication.statusReason"),
        ),
        (
            "Patient-discharge", ("identifier", 0, "value"), "999012345",
            ("invariant", "Patient.identifier"),
        ),
        (
            "DocumentReference-document", ("content", 0, "attachment", "url"), None,
            ("invariant", "DocumentReference.content.attachment"),
        ),
        (
            "ServiceRequest-referral", ("reasonCode",), None,
            ("invariant", "ServiceRequest.reasonCode"),
        ),
        (
            "Organization-hospice", ("identifier", 0, "system"), "https://fhir.nhs.uk/Id/x",
            ("required", "Organization.identifier"),
        ),
    ],
)  # fmt: skip
def test_a_rule_of_our_own_is_told_with_its_place(name, path, value, expected):
    resource = copy.deepcopy(EXAMPLES[f"{name}.json"])
    *way, last = path
    here: Any = resource
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value

    assert expected in {(issue.code, issue.target) for issue in check(resource)}


def test_an_identifier_twice_is_refused_where_the_profile_allows_one():
    resource = copy.deepcopy(PROFILED["Patient-discharge.json"])
    resource["identifier"].append(resource["identifier"][0])

    assert [(i.code, i.target) for i in check(resource)] == [("structure", "Patient.identifier")]


def test_a_profile_that_is_not_ours_is_not_checked():
    resource = {**EXAMPLES["Organization-hospice.json"], "meta": {"profile": ["https://x.org/p"]}}
    del resource["identifier"]

    assert check(resource) == []


CODE_SYSTEMS = {
    system["url"]: {concept["code"]: concept["display"] for concept in system["concept"]}
    for system in (json.loads(path.read_bytes()) for path in PROFILES.glob("CodeSystem-*.json"))
}


@pytest.mark.parametrize(
    ("name", "built"),
    [
        ("routing-basis", BASES | {"other": "Other"}),
        ("event-kind", TITLES),
        ("recipient-type", {tag["code"]: tag["display"] for tag in TAGS.values()}),
    ],
)
def test_the_builder_uses_a_code_system_of_ours_as_it_is_published(name, built):
    assert CODE_SYSTEMS[f"{CANONICAL}/CodeSystem/{name}"] == built


@pytest.mark.parametrize("path", sorted(PROFILES.glob("CodeSystem-*.json")), ids=lambda p: p.stem)
def test_a_complete_code_system_counts_its_codes(path):
    system = json.loads(path.read_bytes())

    assert system["count"] == len(system["concept"])
    assert system["valueSet"].rpartition("/")[2] == system["id"]


def _definitions() -> list[dict[str, Any]]:
    """Topics are Basic resources, which have no url: tests/test_subscriptions.py has them."""
    paths = [path for path in sorted(PROFILES.glob("*.json")) if "Basic-" not in path.name]
    return [json.loads(path.read_bytes()) for path in paths]


@pytest.mark.parametrize("definition", _definitions(), ids=lambda each: each["id"])
def test_every_definition_is_right_and_lives_under_our_canonical(definition):
    assert check(definition) == []
    assert definition["url"] == f"{CANONICAL}/{definition['resourceType']}/{definition['id']}"


@pytest.mark.parametrize("profile", LOADED.by_url.values(), ids=lambda each: each.url)
def test_a_profile_uses_only_what_is_enforced(profile):
    used = {
        key
        for element in json.loads(
            (PROFILES / f"StructureDefinition-{profile.url.rpartition('/')[2]}.json").read_bytes()
        )["differential"]["element"]
        for key in element
    }

    enforced = {"min", "max", "binding", "constraint", "slicing", "sliceName", "type"}
    told = {"id", "path", "short", "comment", "mustSupport"}
    fixed = {key for key in used if key.startswith(("fixed", "pattern"))}
    assert used - enforced - told - fixed == set()
    assert set(profile.constraints) <= set(invariants.OURS)


def test_every_rule_of_our_own_stands_in_a_profile():
    stated = {key for profile in LOADED.by_url.values() for key in profile.constraints}

    assert stated == set(invariants.OURS)


def test_all_profiles_are_known():
    names = {url.removeprefix(PROFILE) for url in known_profiles()}

    assert names >= {
        "Communication", "DocumentReference", "Encounter", "Organization", "Patient",
        "Provenance", "ServiceRequest", "Task",
    }  # fmt: skip
