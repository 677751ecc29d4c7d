"""What widespread FHIR clients do that the specification only half says, and what comes of it."""

from __future__ import annotations

import json

import pytest

from tests.api_samples import FHIR, NHS, ROSALIND, Api, bundle, entry, issues, matches, patient

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]

CONDITION = f"identifier={NHS}|{ROSALIND}"
# HAPI's client asks for this, and Java's and browsers for the other.
HAPI = (
    "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, "
    "application/xml+fhir;q=0.9, application/json+fhir;q=0.9"
)
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    "written",
    [
        CONDITION,
        f"?{CONDITION}",
        f"Patient?{CONDITION}",
        f"http://localhost/fhir/Patient?{CONDITION}",  # HAPI
    ],
)
def test_a_condition_of_a_create_is_understood_with_an_address_before_it(
    api: Api, written: str
) -> None:
    made = api.trust.create(patient())

    alone = api.trust.post("Patient", patient(), If_None_Exist=written)
    inside = api.trust.post("", bundle([entry(patient(), ifNoneExist=written)]))

    assert alone.status_code == 200
    assert made["id"] in alone.headers["Location"]
    assert made["id"] in inside.json["entry"][0]["response"]["location"]


@pytest.mark.parametrize("written", [f"Task?{CONDITION}", f"http://x/Patients?{CONDITION}"])
def test_a_condition_on_another_type_is_refused(api: Api, written: str) -> None:
    answer = api.trust.post("Patient", patient(), If_None_Exist=written)

    assert answer.status_code == 400
    assert api.trust.search("Patient") == []


def test_a_condition_in_the_address_of_a_create_is_one(api: Api) -> None:
    """fhirpy's get_or_create."""
    first = api.trust.post(f"Patient?{CONDITION}", patient())
    again = api.trust.post(f"Patient?{CONDITION}&_format=json", patient())
    twice = api.trust.post(f"Patient?{CONDITION}", patient(), If_None_Exist=CONDITION)

    assert [one.status_code for one in (first, again, twice)] == [201, 200, 200]
    assert again.json["id"] == first.json["id"]


@pytest.mark.parametrize("query", ["gender=female", "_summary=true", "banana=1", "identifier=7"])
def test_what_is_no_condition_for_one_resource_is_refused_and_not_left_aside(
    api: Api, query: str
) -> None:
    made = api.trust.create(patient())

    created = api.trust.post(f"Patient?{query}", patient())
    updated = api.trust.put(f"Patient/{made['id']}?{query}", made)

    assert (created.status_code, updated.status_code) == (400, 400)
    assert issues(updated) == [("not-supported", f"http.{query.partition('=')[0]}")]
    assert len(api.trust.search("Patient")) == 1


def test_what_fhirpy_adds_to_its_searches_is_understood(api: Api) -> None:
    made = api.trust.create(patient())

    counted = api.trust.get("Patient?_count=0&_totalMethod=count")
    part = api.trust.get(f"Patient?_elements=gender,id,resourceType&_id={made['id']}")

    assert counted.json["total"] == 1
    assert set(matches(part)[0]) == {"resourceType", "id", "meta", "gender"}


@pytest.mark.parametrize(
    "query", ["_format=json", "_pretty=true", "_format=application/fhir%2Bxml"]
)
def test_how_an_answer_should_look_may_be_said_with_any_write(api: Api, query: str) -> None:
    made = api.trust.create(patient())
    operations = [{"op": "replace", "path": "/gender", "value": "other"}]

    statuses = [
        api.trust.post(f"Patient?{query}", patient("9990123454")).status_code,
        api.trust.put(f"Patient/{made['id']}?{query}", {**made, "gender": "unknown"}).status_code,
        api.trust.patch(f"Patient/{made['id']}?{query}", operations).status_code,
        api.trust.put(f"Patient?{CONDITION}&{query}", patient()).status_code,
        api.trust.post(f"?{query}", bundle([])).status_code,
    ]

    assert statuses == [201, 200, 200, 200, 200]


def test_a_version_takes_what_a_read_takes_and_refuses_the_rest(api: Api) -> None:
    made = api.trust.create(patient())

    part = api.trust.get(f"Patient/{made['id']}/_history/1?_elements=gender")
    refused = api.trust.get(f"Patient/{made['id']}/_history/1?gender=female")

    assert (part.json["gender"], "birthDate" in part.json) == ("female", False)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("accept", "written"),
    [(HAPI, "xml"), (JAVA, "json"), ("*/*", "json"), (f"{FHIR};charset=UTF-8", "json")],
)
def test_what_clients_accept_is_what_they_get(api: Api, accept: str, written: str) -> None:
    answer = api.trust.get("Patient", Accept=accept)

    assert answer.content_type == f"application/fhir+{written}; charset=utf-8"


@pytest.mark.parametrize("content", [f"{FHIR}; charset=UTF-8", f'{FHIR};charset="utf-8"'])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_charset_and_a_byte_order_mark_do_no_harm(api: Api, content: str, mark: bytes) -> None:
    body = mark + json.dumps(patient()).encode()

    assert api.trust.send("POST", "/fhir/Patient", body, content=content).status_code == 201


def test_a_form_may_name_its_charset_and_a_search_may_have_no_body(api: Api) -> None:
    made = api.trust.create(patient())
    form = "application/x-www-form-urlencoded; charset=UTF-8"

    found = api.trust.send("POST", "/fhir/Patient/_search", CONDITION.encode(), content=form)
    every = api.trust.send("POST", "/fhir/Patient/_search")

    assert [one["id"] for one in matches(found)] == [made["id"]]
    assert [one["id"] for one in matches(every)] == [made["id"]]


@pytest.mark.parametrize("url", ["metadata", "Patient", "Patient/{id}", "Patient/{id}/_history"])
def test_head_has_the_heads_of_get(api: Api, url: str) -> None:
    url = url.format(**api.trust.create(patient()))

    got, asked = api.trust.get(url), api.trust.send("HEAD", f"/fhir/{url}")

    assert (asked.status_code, asked.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert asked.headers.get(name) == got.headers.get(name), name


def test_a_bundle_posted_to_a_type_is_pointed_to_the_base(api: Api) -> None:
    answer = api.trust.post("Bundle", bundle([]))

    assert answer.status_code == 404
    assert "POST [base]" in answer.text


def test_operations_may_be_called_with_a_quoted_dollar(api: Api) -> None:
    plain = api.trust.post("Communication/none/$acknowledge")
    quoted = api.trust.post("Communication/none/%24acknowledge")

    assert (plain.status_code, plain.data) == (quoted.status_code, quoted.data)


@pytest.mark.parametrize("url", ["metadata", "Patient", "Patient/{id}", "Patient/{id}/_history/1"])
def test_an_address_may_end_with_a_slash(api: Api, url: str) -> None:
    url = url.format(**api.trust.create(patient()))

    plain, ended = api.trust.get(url), api.trust.get(f"{url}/")

    assert (ended.status_code, ended.json) == (plain.status_code, plain.json)
    assert api.trust.post("Patient/", patient()).status_code == 201
    assert api.trust.post("/", bundle([])).status_code == 200


def test_parameters_that_are_no_list_of_objects_are_refused(api: Api) -> None:
    for url in (
        "Subscription/$status",
        "Subscription/1/$events",
        "Communication/1/$acknowledge",
        "Communication/$acknowledge",
        "Measure/$evaluate-measure",
        "Group/caseload-8HX03/$member-add",
    ):
        for given in ({"": None}, ["x"], [[]], "x", 3):
            answer = api.hospice.post(url, {"resourceType": "Parameters", "parameter": given})
            assert answer.status_code == 400, (url, given)
            assert issues(answer)


@pytest.mark.parametrize("plus", ["%2B", "+", " "])
def test_the_plus_of_an_offset_is_understood_though_it_arrives_as_a_blank(
    api: Api, plus: str
) -> None:
    made = api.trust.create(patient())
    since = f"2020-01-01T00:00:00{plus}01:00"

    found = api.trust.search(f"Patient?_lastUpdated=gt{since}")
    history = api.trust.get(f"Patient/{made['id']}/_history?_since={since}")

    assert [one["id"] for one in found] == [made["id"]]
    assert len(history.json["entry"]) == 1
    assert api.trust.get("Patient?birthdate=2020-01-01 01:00").status_code == 400
