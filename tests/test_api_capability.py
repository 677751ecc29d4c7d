"""The CapabilityStatement says nothing that is not so: each claim is a test made from it."""

from __future__ import annotations

import pytest

from service.app import Relay, create_app
from service.fhir.capability import Served, capability_statement
from service.fhir.search_parameters import Resource, parameters, types
from service.fhir.validate import check
from tests.api_claims import least, with_value
from tests.api_samples import (
    Api,
    bundle,
    communication,
    entries,
    entry,
    location,
    matches,
    patient,
    referral,
    service_request,
)
from tests.claimed import APART, CLAIMED, INTERACTIONS, RESOURCES, keep

pytest_plugins = ["tests.store_fixtures", "tests.claim_fixtures"]

INTERACTIVE = [
    (kind, one["code"])
    for kind, claims in RESOURCES.items()
    for one in claims["interaction"]
    if kind not in APART
]
SEARCHABLE = [
    (kind, one["name"])
    for kind, claims in RESOURCES.items()
    for one in claims.get("searchParam", ())
    if kind not in APART
]
OWN = ("_id", "_lastUpdated", "_profile", "_security", "_source", "_tag")


def test_it_is_valid_and_says_what_must_be_said(api: Api) -> None:
    statement = api.trust.get("metadata").json

    assert check(statement) == []
    assert (statement["kind"], statement["fhirVersion"]) == ("instance", "4.0.1")
    assert statement["format"] == ["application/fhir+json", "application/fhir+xml", "json", "xml"]
    rest = statement["rest"][0]
    assert [one["type"] for one in rest["resource"]] == sorted([*types(), *APART])
    assert [one["code"] for one in rest["interaction"]] == ["transaction", "batch"]
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    profiled = {one["type"] for one in rest["resource"] if "supportedProfile" in one}
    assert {"Communication", "ServiceRequest", "Task", "Patient"} <= profiled


def test_it_needs_no_token_and_can_be_revalidated(api: Api) -> None:
    nobody = api.trust
    nobody.token = ""
    first = nobody.get("metadata")

    again = nobody.get("metadata", If_None_Match=first.headers["ETag"])

    assert (again.status_code, again.data) == (304, b"")
    assert nobody.get("metadata", Accept="text/turtle").status_code == 406
    assert nobody.get("metadata?_format=json", Accept="text/html").status_code == 200


def test_it_follows_the_routes(api_relay: Relay) -> None:
    served = {
        rule.endpoint.removeprefix("fhir.") for rule in create_app(api_relay).url_map.iter_rules()
    }
    less = capability_statement(
        Served(base="http://x/fhir", version="1", interactions=["read"], profiles=[])
    )

    assert set(INTERACTIONS) <= served
    codes = [one["interaction"] for one in less["rest"][0]["resource"]]
    assert codes == [[{"code": "read"}]] * len(types())
    assert "messaging" not in less
    assert "patchFormat" not in less
    assert check(less) == []


@pytest.mark.parametrize("kind", types())
def test_samples_are_valid(kind: str) -> None:
    assert check(least(kind)) == []


def made(api: Api, kind: str) -> Resource:
    """A resource of the trust's that came by the interaction that its type has for that."""
    person = api.trust.create(patient())
    subject = f"Patient/{person['id']}"
    known = {
        "Patient": lambda: person,
        "ServiceRequest": lambda: api.trust.create(service_request(subject)),
        "Communication": lambda: api.trust.create(communication(subject, "8HX03", "8HX01")),
    }
    if kind in known:
        return known[kind]()
    if kind == "Binary":
        answer = api.trust.post("", bundle([entry(least(kind))]))
        return dict(api.trust.get(location(answer, 0), Accept="application/fhir+json").json)
    return api.trust.create(least(kind))


@pytest.mark.parametrize(("kind", "code"), INTERACTIVE)
def test_claimed_interactions_work(claimed_api: Api, kind: str, code: str) -> None:
    resource = made(claimed_api, kind)
    url = f"{kind}/{resource['id']}"
    trust, asked = claimed_api.trust, {"Accept": "application/fhir+json"}
    changed = {**resource, "language": "en-GB"}
    operations = [{"op": "add", "path": "/language", "value": "en-GB"}]

    answer = {
        "read": lambda: trust.get(url, **asked),
        "vread": lambda: trust.get(f"{url}/_history/1", **asked),
        "history-instance": lambda: trust.get(f"{url}/_history"),
        "search-type": lambda: trust.get(f"{kind}?_id={resource['id']}"),
        "create": lambda: trust.get(url),
        "update": lambda: trust.put(url, changed, If_Match='W/"1"'),
        "patch": lambda: trust.patch(url, operations, If_Match='W/"1"'),
    }[code]()

    assert answer.status_code == 200, answer.text
    if code in ("update", "patch"):
        assert answer.headers["ETag"] == 'W/"2"'
        assert answer.json["language"] == "en-GB"
    elif code == "search-type":
        assert [one["id"] for one in matches(answer)] == [resource["id"]]
    elif code == "history-instance":
        assert answer.json["entry"][0]["resource"]["id"] == resource["id"]
    else:
        assert answer.json["id"] == resource["id"]


IDENTIFIED = [
    kind
    for kind, claims in RESOURCES.items()
    if claims.get("conditionalCreate") and claims["conditionalUpdate"]
]


@pytest.mark.parametrize("kind", IDENTIFIED)
def test_claimed_conditional_interactions_work(api: Api, kind: str) -> None:
    resource, named = with_value(kind, parameters(kind)["identifier"])
    there = keep(api, resource)

    create = api.trust.post(kind, resource, If_None_Exist=f"identifier={named}")
    update = api.trust.put(f"{kind}?identifier={named}", resource, If_Match='W/"1"')

    assert (create.status_code, update.status_code) == (200, 200), create.text + update.text
    assert f"/{kind}/{there}/" in create.headers["Location"]
    assert update.json["id"] == there


@pytest.mark.parametrize(("kind", "name"), [one for one in SEARCHABLE if one[1] not in OWN])
def test_claimed_search_parameters_find(claimed_api: Api, kind: str, name: str) -> None:
    resource, value = with_value(kind, parameters(kind)[name])
    assert check(resource) == []
    there, without = keep(claimed_api, resource), keep(claimed_api, least(kind))

    answer = claimed_api.trust.get(f"{kind}?{name}={value}&_count=200&_sort=-_lastUpdated")
    missing = claimed_api.trust.get(f"{kind}?{name}:missing=false&_id={there},{without}")

    assert answer.status_code == 200, answer.text
    assert there in [one["id"] for one in matches(answer)]
    assert there in [one["id"] for one in matches(missing)]
    assert len(matches(claimed_api.trust.get(f"{kind}?{name}:missing=true&_id={there}"))) == 0


@pytest.mark.parametrize("kind", types())
def test_claimed_parameters_of_all_types_find(claimed_api: Api, kind: str) -> None:
    label = {"system": "https://example.nhs.uk/labels", "code": f"only-{kind}"}
    id_ = keep(
        claimed_api,
        least(kind),
        profile=["https://example.nhs.uk/profile"],
        security=[label],
        tag=[label],
        source="https://example.nhs.uk/source",
    )

    for asked in (
        f"_id={id_}",
        f"_tag=only-{kind}",
        f"_security={label['system']}|only-{kind}",
        f"_profile=https://example.nhs.uk/profile&_tag=only-{kind}",
        f"_source=https://example.nhs.uk/source&_tag=only-{kind}",
        f"_lastUpdated=ge2020-01-01&_tag=only-{kind}",
    ):
        answer = claimed_api.trust.get(f"{kind}?{asked}")
        assert [one["id"] for one in matches(answer)] == [id_], asked


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, one in RESOURCES.items() for path in one.get("searchInclude", ())],
)
def test_claimed_inclusions_are_taken(claimed_api: Api, kind: str, path: str) -> None:
    """That they bring what they should is tested with a real referral below."""
    answer = claimed_api.trust.get(f"{kind}?_include={path}&_count=1")

    assert answer.status_code == 200, answer.text


def test_claimed_reverse_inclusions_bring_what_points_at_a_match(claimed_api: Api) -> None:
    person = keep(claimed_api, patient())
    flag = keep(claimed_api, {**least("Flag"), "subject": {"reference": f"Patient/{person}"}})
    assert "Flag:patient" in RESOURCES["Patient"]["searchRevInclude"]

    for path in RESOURCES["Patient"]["searchRevInclude"]:
        answer = claimed_api.trust.get(f"Patient?_id={person}&_revinclude={path}")
        assert answer.status_code == 200, path
        brought = [one["id"] for one in entries(answer, "include")]
        assert brought == ([flag] if path in ("Flag:patient", "Flag:subject") else []), path


def test_claimed_operations_and_bundles_work(claimed_api: Api) -> None:
    answer = claimed_api.trust.post("", referral("77", "9990123454"))
    told = location(answer, 2)

    assert CLAIMED["rest"][0]["operation"][0]["name"] == "process-message"
    assert RESOURCES["Communication"]["operation"][0]["name"] == "acknowledge"
    assert claimed_api.hospice.post(f"{told}/$acknowledge").status_code == 200
    assert claimed_api.trust.post("", bundle([], "batch")).json["type"] == "batch-response"


def test_what_is_not_claimed_is_not_done(claimed_api: Api) -> None:
    unclaimed = {code for _, code in INTERACTIVE} & {"delete", "history-type"}

    assert unclaimed == set()
    assert claimed_api.trust.send("DELETE", "/fhir/Patient/1").status_code == 405
    assert claimed_api.trust.get("Patient/_history").status_code == 404
    for claims in RESOURCES.values():
        assert claims["updateCreate"] is False
        assert claims.get("conditionalDelete", "not-supported") == "not-supported"
