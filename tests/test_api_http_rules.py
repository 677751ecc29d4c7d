"""HTTP as FHIR R4 wants it: media types, versions, preferences, conditions, status codes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import structlog
from flask import Flask

from service.api.faults import answer_faults
from tests.api_samples import EVERYTHING, HOSPICE, NHS, ROSALIND, Api, issues, patient

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("", 200),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+json;fhirVersion=4.0.1", 200),
        ("application/fhir+json; fhirVersion=3.0", 406),
        ("application/fhir+xml", 200),
        ("text/html", 406),
        ("application/fhir+json;q=0", 406),
        ("application/fhir+xml, application/fhir+json;q=0.5", 200),
        ("text/html, */*;q=0.1", 200),
    ],
)
def test_accept_is_negotiated(api: Api, accept: str, status: int) -> None:
    answer = api.trust.get("Patient", Accept=accept)

    written = "xml" if accept.startswith("application/fhir+xml") else "json"
    assert answer.status_code == status
    assert answer.content_type == f"application/fhir+{written}; charset=utf-8"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("json", 200),
        ("application/json", 200),
        ("application/fhir%2Bjson", 200),
        ("application/fhir+json", 200),  # the plus arrives as a space
        ("xml", 200),
        ("application/fhir%2Bxml", 200),
        ("ttl", 406),
    ],
)
def test_format_goes_before_accept(api: Api, wanted: str, status: int) -> None:
    accept = "text/html" if status == 200 else "application/fhir+json"

    assert api.trust.get(f"Patient?_format={wanted}", Accept=accept).status_code == status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("application/fhir+json", 201),
        ("application/fhir+json; charset=utf-8", 201),
        ("application/json", 201),
        ("application/fhir+json; fhirVersion=4.0", 201),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+xml", 201),  # a body is read by what it is
        ("application/fhir+xml; fhirVersion=3.0", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_content_type_is_checked(api: Api, content: str, status: int) -> None:
    answer = api.trust.send("POST", "/fhir/Patient", patient(), content=content)

    assert answer.status_code == status


def test_read_after_create_gives_the_same_bytes_and_tags(api: Api) -> None:
    created = api.trust.post("Patient", patient())

    answer = api.trust.get(f"Patient/{created.json['id']}")

    assert answer.data == created.data
    assert answer.headers["ETag"] == created.headers["ETag"]
    assert answer.headers["Last-Modified"] == created.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"If_None_Match": 'W/"1"'}, 304),
        ({"If_None_Match": '"1"'}, 304),
        ({"If_None_Match": 'W/"7", W/"1"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": 'W/"2"'}, 200),
        ({"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304),
        ({"If_Modified_Since": "Thu, 01 Jan 2015 00:00:00 GMT"}, 200),
        ({"If_Modified_Since": "yesterday"}, 400),
        # the entity tag goes before the date
        ({"If_None_Match": 'W/"2"', "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    ],
)
def test_conditional_read(api: Api, header: dict[str, str], status: int) -> None:
    made = api.trust.create(patient())

    answer = api.trust.get(f"Patient/{made['id']}", **header)

    assert answer.status_code == status
    assert (answer.data == b"") == (status == 304)
    if status == 304:
        assert answer.headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("method", "url", "body", "status"),
    [
        ("PUT", "Patient/{id}", {"id": "another"}, 400),
        ("PUT", "Patient/{id}", {"resourceType": "Organization"}, 400),
        ("PUT", "Patient/{id}", {"gender": "banana"}, 422),
        ("PUT", "Patient/{id}", {"birthDate": "soon"}, 400),
        ("PUT", "Patient/{id}", {"birthPlace": "Kent"}, 400),
        ("PUT", "Patient/no-such-one", {"id": "no-such-one"}, 405),
        ("PATCH", "Patient/no-such-one", {}, 404),
        ("DELETE", "Patient/{id}", None, 405),
        ("DELETE", "Patient?identifier=x", None, 405),
        ("POST", "Patient/{id}", {}, 405),
        ("GET", "Patient/no-such-one", None, 404),
        ("GET", "Patient/{id}/_history/9", None, 404),
        ("GET", "Patient/{id}/_history/x", None, 404),
        ("GET", "Banana", None, 404),
        ("GET", "Account", None, 404),
        ("POST", "Binary", {}, 405),
        ("PUT", "Binary/1", {}, 405),
        ("GET", "Patient/{id}/unknown/deep/path", None, 404),
    ],
)
def test_refusals_have_their_status_and_an_outcome(
    api: Api, method: str, url: str, body: Any, status: int
) -> None:
    made = api.trust.create(patient())
    sent = None if body is None else {**made, **body}
    if method == "PATCH":
        answer = api.trust.patch(url.format(**made), [])
    else:
        answer = api.trust.send(method, f"/fhir/{url.format(**made)}", sent)

    assert answer.status_code == status
    assert issues(answer)
    assert ("Allow" in answer.headers) == (status == 405 and "no-such" not in url)


def test_request_ids_are_mirrored_or_made(api: Api) -> None:
    given = {"X_Request_Id": str(uuid.uuid4()), "X_Correlation_Id": "corr-1"}

    answer = api.trust.get("Patient", **given)
    refused = api.trust.get("Banana", **given)
    made = api.trust.get("Patient", X_Request_Id="with space")

    for one in (answer, refused):
        assert one.headers["X-Request-Id"] == given["X_Request_Id"]
        assert one.headers["X-Correlation-Id"] == "corr-1"
    assert uuid.UUID(made.headers["X-Request-Id"])


def test_head_answers_as_get_without_a_body(api: Api) -> None:
    made = api.trust.create(patient())

    answer = api.trust.send("HEAD", f"/fhir/Patient/{made['id']}")

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == 'W/"1"'


def test_without_a_token_there_is_nothing_but_the_capability_statement(api: Api) -> None:
    nobody = api.caller(HOSPICE)
    nobody.token = ""

    for method, url in [
        ("GET", "Patient"),
        ("POST", "Patient/_search"),
        ("GET", "Patient/1"),
        ("POST", "Patient"),
        ("POST", "Communication/1/$acknowledge"),
        ("GET", "Communication/1/_history"),
        ("GET", "Binary/1"),
    ]:
        answer = nobody.send(method, f"/fhir/{url}")
        assert answer.status_code == 401, url
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert issues(answer) == [("login", "")]
    assert nobody.post("", {}).status_code == 401
    assert nobody.get("metadata").status_code == 200


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ("system/Patient.r", {"read", "vread", "history"}),
        ("system/Patient.s", {"search"}),
        ("system/Patient.c", {"create"}),
        ("system/Patient.u", {"update", "patch"}),
        ("system/Organization.cruds", set()),
        ("system/Patient.cu", {"create", "update", "patch", "upsert"}),
    ],
)
def test_a_scope_covers_its_letters_only(api: Api, scopes: str, allowed: set[str]) -> None:
    made = api.trust.create(patient("9990000034"))
    narrow = api.caller("RJZ", scopes)
    url, operations = (
        f"Patient/{made['id']}",
        [{"op": "test", "path": "/gender", "value": "female"}],
    )

    answers = {
        "read": narrow.get(url),
        "vread": narrow.get(f"{url}/_history/1"),
        "history": narrow.get(f"{url}/_history"),
        "search": narrow.get("Patient"),
        "create": narrow.post("Patient", patient()),
        "update": narrow.put(url, {**made, "gender": "unknown"}),
        "patch": narrow.patch(url, operations[:0]),
        "upsert": narrow.put(f"Patient?identifier={NHS}|{ROSALIND}", patient()),
    }

    assert {name for name, one in answers.items() if one.status_code < 300} == allowed
    assert {one.status_code for one in answers.values() if one.status_code >= 300} <= {403}


def test_an_entry_without_its_scope_fails_the_transaction(api: Api) -> None:
    narrow = api.caller("RJZ", "system/Patient.c")
    posted = {"resource": patient(), "request": {"method": "POST", "url": "Patient"}}
    other = {
        "resource": {"resourceType": "Organization", "name": "X"},
        "request": {"method": "POST", "url": "Organization"},
    }

    answer = narrow.post(
        "", {"resourceType": "Bundle", "type": "transaction", "entry": [posted, other]}
    )

    assert answer.status_code == 403
    assert issues(answer) == [("forbidden", "Bundle.entry[1].request")]
    assert api.caller("RJZ", EVERYTHING).search("Patient") == []


def test_a_failure_of_ours_tells_nothing_of_a_patient() -> None:
    app = Flask("failing")
    answer_faults(app)

    @app.get("/fails")
    def fails() -> str:
        raise ValueError(f"no such patient: {ROSALIND}")

    with structlog.testing.capture_logs() as logged:
        answer = app.test_client().get("/fails", headers={"X-Request-Id": "req-7"})

    assert answer.status_code == 500
    assert issues(answer) == [("exception", "")]
    assert ROSALIND not in answer.text
    assert ROSALIND not in str(logged)
    assert logged[0]["request_id"] == "req-7"
    assert "in fails" in logged[0]["exception"]
