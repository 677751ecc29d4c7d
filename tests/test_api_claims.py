"""What GET /fhir/metadata claims works, claim by claim; what it does not claim is refused."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from service.fhir.search_parameters import Resource, parameters, types
from service.fhir.search_values import MODIFIERS
from service.fhir.validate import check, known_profiles
from service.model import r4
from service.settings import bundled_folder
from tests.api_claims import least, with_value
from tests.api_samples import (
    HOSPICE,
    Api,
    issues,
    link,
    matches,
    organisation,
    patient,
    referral,
    service_request,
)
from tests.claimed import APART, CLAIMED, RESOURCES, keep

pytest_plugins = ["tests.store_fixtures", "tests.claim_fixtures"]

WRITABLE = [kind for kind in types() if RESOURCES[kind]["versioning"] == "versioned-update"]
READS = {"read", "vread", "history-instance", "search-type"}
CONDITIONS = (
    *("_text", "_content", "_list", "_filter", "_query", "_type"),
    "_has:Task:patient:status",
)
MAIN = ("Communication", "Organization", "Patient", "ServiceRequest", "Task")
MODIFIED = (
    *("above", "below", "contains", "exact", "identifier", "in", "missing"),
    *("not", "not-in", "of-type", "text"),
)
OTHER = "9990123454"  # a patient whom each referral finds again
BOOKINGS = ("Appointment", "Schedule", "Slot")


def bare(statement: Resource) -> Any:
    """The claims, without what differs from one instance to another."""
    kept = {
        name: statement[name] for name in ("format", "patchFormat", "fhirVersion", "kind", "rest")
    }
    plain = json.loads(json.dumps(kept).replace("http://localhost", "http://relay.example"))
    for resource in plain["rest"][0]["resource"]:
        if resource["type"] not in APART:
            resource.pop("supportedProfile", None)
    return plain


def test_the_claims_tested_here_are_those_of_metadata(claimed_api: Api) -> None:
    assert bare(claimed_api.trust.get("metadata").json) == bare(CLAIMED)


def test_every_profile_and_operation_that_is_claimed_is_published(claimed_api: Api) -> None:
    told = claimed_api.trust.get("metadata").json["rest"][0]
    profiles = {url for one in told["resource"] for url in one.get("supportedProfile", ())}
    operations = {
        one["definition"] for kind in told["resource"] for one in kind.get("operation", ())
    }
    published = [
        json.loads(path.read_bytes())
        for path in bundled_folder("profiles").glob("OperationDefinition-*.json")
    ]

    assert {url for url in profiles if "relay" in url} <= set(known_profiles())
    assert {url for url in operations if "relay" in url} == {one["url"] for one in published}
    assert [check(one) for one in published] == [[]] * len(published)


def test_every_operation_below_the_endpoint_is_claimed(claimed_api: Api) -> None:
    served = {
        rule.rule.rpartition("$")[2]
        for rule in claimed_api.app.url_map.iter_rules()
        if rule.rule.startswith("/fhir/") and "$" in rule.rule
    }
    rest = CLAIMED["rest"][0]
    claimed = [rest, *rest["resource"]]

    assert served == {one["name"] for told in claimed for one in told.get("operation", ())}


@pytest.mark.parametrize("wanted", CLAIMED["format"])
def test_claimed_formats_are_answered_everywhere(claimed_api: Api, wanted: str) -> None:
    trust = claimed_api.trust
    made = trust.create(patient())
    asked = {"Accept": wanted} if "/" in wanted else {}
    query = "" if asked else f"_format={wanted}"
    urls = ("metadata", "Patient", f"Patient/{made['id']}", f"Patient/{made['id']}/_history",
            f"Patient/{made['id']}/_history/1", "Patient/none", "Group/caseload-RJZ")  # fmt: skip

    answers = [trust.get(f"{url}?{query}", **asked) for url in urls]
    answers.append(trust.post(f"Patient?{query}", patient(), **asked))
    answers.append(trust.post(f"?{query}", referral("71", OTHER), **asked))

    written = "xml" if "xml" in wanted else "json"
    kinds = {answer.content_type for answer in answers}
    assert kinds == {f"application/fhir+{written}; charset=utf-8"}
    assert [one.status_code for one in answers] == [200, 200, 200, 200, 200, 404, 200, 201, 200]


@pytest.mark.parametrize(
    "content",
    ["application/merge-patch+json", "application/xml-patch+xml", *CLAIMED["format"][:2]],
)
def test_patch_formats_that_are_not_claimed_are_refused(claimed_api: Api, content: str) -> None:
    made = claimed_api.trust.create(patient())

    answer = claimed_api.trust.patch(f"Patient/{made['id']}", {}, content=content)

    assert CLAIMED["patchFormat"] == ["application/json-patch+json"]
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", types())
def test_claimed_conditional_reads_answer_304(claimed_api: Api, kind: str) -> None:
    url = f"{kind}/{keep(claimed_api, least(kind))}"
    first = claimed_api.trust.get(url, Accept="application/fhir+json")

    by_tag = claimed_api.trust.get(url, If_None_Match=first.headers["ETag"])
    by_date = claimed_api.trust.get(url, If_Modified_Since=first.headers["Last-Modified"])
    other = claimed_api.trust.get(url, If_None_Match='W/"9"')

    assert RESOURCES[kind]["conditionalRead"] == "full-support"
    assert [one.status_code for one in (first, by_tag, by_date, other)] == [200, 304, 304, 200]


@pytest.mark.parametrize("kind", WRITABLE)
def test_claimed_versioning_refuses_an_update_of_an_older_version(
    claimed_api: Api, kind: str
) -> None:
    id_ = keep(claimed_api, least(kind))
    body = {**least(kind), "id": id_}

    stale = claimed_api.trust.put(f"{kind}/{id_}", body, If_Match='W/"7"')

    assert (stale.status_code, issues(stale)[0][0]) == (412, "conflict")


@pytest.mark.parametrize("kind", types())
def test_what_a_type_does_not_claim_is_refused(claimed_api: Api, kind: str) -> None:
    trust, claims = claimed_api.trust, RESOURCES[kind]
    id_ = keep(claimed_api, least(kind))
    codes = {one["code"] for one in claims["interaction"]}
    unknown = {**least(kind), "id": "not-there"}

    assert codes <= READS | {"create", "update", "patch"}
    assert trust.put(f"{kind}/not-there", unknown).status_code == 405  # updateCreate
    assert trust.send("DELETE", f"/fhir/{kind}/{id_}").status_code == 405
    assert trust.send("DELETE", f"/fhir/{kind}?_id={id_}").status_code == 405
    assert trust.get(f"{kind}/_history").status_code == 404
    assert trust.get(f"{kind}/{id_}/$everything").status_code == 404
    assert trust.post(f"{kind}/$validate", {}).status_code == 405
    assert trust.get(f"{kind}/{id_}/Task").status_code == 404  # a compartment
    if "create" not in codes:
        assert trust.post(kind, least(kind)).status_code == 405
    for name in CONDITIONS:
        assert trust.get(f"{kind}?{name}=x").status_code == 400, name
    for inclusion in ("*", f"{kind}:none", "Account:patient"):
        assert trust.get(f"{kind}?_include={inclusion}").status_code == 400
        assert trust.get(f"{kind}?_revinclude={inclusion}").status_code == 400


def test_types_that_are_not_claimed_are_not_there(claimed_api: Api) -> None:
    unclaimed = [kind for kind in r4.resources() if kind not in RESOURCES]
    answers = {kind: claimed_api.trust.get(kind).status_code for kind in unclaimed}

    assert len(unclaimed) > 100
    assert answers == {kind: 501 if kind in BOOKINGS else 404 for kind in unclaimed}


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/fhir", 405),
        ("GET", "/fhir?_type=Patient", 405),
        ("GET", "/fhir/_history", 404),
        ("POST", "/fhir/_search", 404),
        ("DELETE", "/fhir?identifier=x", 405),
        ("POST", "/fhir/$validate", 404),
        ("GET", "/fhir/$export", 404),
        ("POST", "/fhir/Bundle", 404),
    ],
)
def test_what_the_system_does_not_claim_is_refused(
    claimed_api: Api, method: str, url: str, status: int
) -> None:
    answer = claimed_api.trust.send(method, url, {} if method == "POST" else None)

    assert answer.status_code == status
    assert issues(answer)


@pytest.mark.parametrize("kind", MAIN)
def test_claimed_modifiers_are_taken_and_no_others(claimed_api: Api, kind: str) -> None:
    documented = CLAIMED["rest"][0]["documentation"]
    for name, parameter in parameters(kind).items():
        value = "https://example.nhs.uk/a" if parameter.kind == "uri" else "2025"
        value = value if name.startswith("_") else with_value(kind, parameter)[1]
        for modifier in (*MODIFIED, *parameter.targets[:1]):
            claimed = modifier in (*MODIFIERS[parameter.kind], *parameter.targets)
            asked = "true" if modifier == "missing" else value
            answer = claimed_api.trust.get(f"{kind}?{name}:{modifier}={asked}&_count=1")
            assert answer.status_code == (200 if claimed else 400), f"{name}:{modifier}"
        assert all(f":{one}" in documented for one in MODIFIERS[parameter.kind])


def test_claimed_reference_policies_hold(claimed_api: Api) -> None:
    trust = claimed_api.trust
    subject = f"Patient/{trust.create(patient())['id']}"

    literal = trust.create(service_request(subject, "81", performer=[organisation(HOSPICE)]))
    nowhere = trust.post("ServiceRequest", service_request("Patient/not-there", "82"))

    assert RESOURCES["ServiceRequest"]["referencePolicy"] == ["literal", "logical", "enforced"]
    assert literal["subject"]["reference"] == subject
    assert literal["performer"][0]["identifier"]["value"] == HOSPICE
    assert nowhere.status_code == 422


def test_no_origin_is_allowed_since_none_is_claimed(claimed_api: Api) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access_Control_Request_Method": "GET"}

    trust = claimed_api.trust
    answers = [trust.send(method, "/fhir/Patient", **asked) for method in ("GET", "OPTIONS")]

    assert CLAIMED["rest"][0]["security"]["cors"] is False
    assert not any("Access-Control" in name for one in answers for name in one.headers)


def test_the_claimed_address_for_messages_takes_them(claimed_api: Api) -> None:
    told = claimed_api.trust.get("metadata").json["messaging"][0]["endpoint"][0]["address"]

    answer = claimed_api.trust.send("POST", told.removeprefix("http://localhost"), b"{}")

    assert told.endswith("/fhir/$process-message")
    assert (answer.status_code, issues(answer)[0][0]) == (422, "not-supported")


@pytest.mark.parametrize("order", ["_lastUpdated", "-_lastUpdated", "sent"])
def test_a_search_that_says_how_to_sort_ends(claimed_api: Api, order: str) -> None:
    for number in range(3):
        assert claimed_api.trust.post("", referral(f"{order}{number}", OTHER)).status_code == 200
    hospice, pages = claimed_api.hospice, count()
    url, met = hospice.feed(f"&_count=2&_sort={order}"), []
    whole = [one["id"] for one in hospice.search(hospice.feed("&_count=200"))]

    while url and next(pages) < 50:
        page = hospice.get(url)
        met += [one["id"] for one in matches(page)]
        url = link(page, "next")

    assert url == ""
    assert sorted(met) == sorted(whole)
    later = hospice.get(hospice.feed(f"&_sort={order}&_lastUpdated=gt2100"), Prefer="wait=9")
    assert (matches(later), link(later, "next")) == ([], "")
