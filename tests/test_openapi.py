"""GET /openapi.json describes every route, and nothing else; what it says is so."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from service.api.openapi.told import DESCRIBED
from service.app import create_app
from service.fhir.search_parameters import parameters, types
from tests.api_claims import least
from tests.api_samples import Api, patient
from tests.claimed import keep
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures", "tests.claim_fixtures"]

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "2"))  # requests made for each operation
SCOPES = "system/*.cruds operator/*.cruds operator/Binary.r operator/Patient.r"
AS_DESCRIBED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
PLACES = {
    "mapping": "base/hl7v2-adt",
    "team": "8HX03",
    "channel": "mesh",
    "version": "1",
    "ods": "8HX03",
}
OTHERS = re.compile(rf"/({'|'.join(DESCRIBED)})(/[^$]*)?$")


@schemathesis.serializer("application/hl7-v2")
def as_text(_: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


@pytest.fixture(scope="module")
def described(claimed_api: Api) -> dict[str, Any]:
    answer = claimed_api.app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json)


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: PLACES.get(found[1], "Flag"), path)


def test_the_description_is_valid_openapi(described: dict[str, Any]) -> None:
    validate(described)

    assert described["openapi"].startswith("3.")


def test_every_route_is_described_and_every_description_is_of_a_route(
    claimed_api: Api, described: dict[str, Any]
) -> None:
    urls = claimed_api.app.url_map
    routes = {
        (rule.endpoint, method)
        for rule in urls.iter_rules()
        for method in METHODS & (rule.methods or set())
    }

    told = {
        (urls.bind("localhost").match(filled(path), method)[0], method)
        for path, method, _ in operations(described)
    }

    twice = {("fhir.batch", "POST")}  # /fhir/ and /fhir are the same
    assert told | twice == routes
    assert all(operation.get("summary") for _, _, operation in operations(described))
    assert all(operation["responses"] for _, _, operation in operations(described))


def test_the_headers_that_clients_go_by_are_described(described: dict[str, Any]) -> None:
    made = described["paths"]["/fhir/Patient"]["post"]["responses"]["201"]["headers"]
    answers = described["components"]["responses"]

    assert set(made) >= {"ETag", "Location", "Last-Modified", "X-Request-Id"}
    assert "Retry-After" in answers["503"]["headers"]
    assert "WWW-Authenticate" in answers["401"]["headers"]
    assert all("X-Request-Id" in one["headers"] for one in answers.values())


def test_what_asks_for_a_token_says_so(claimed_api: Api, described: dict[str, Any]) -> None:
    nobody = claimed_api.app.test_client()

    for path, method, operation in operations(described):
        answer = nobody.open(f"{filled(path)}?identifier=a|b", method=method)
        refused = answer.status_code == 401 and "WWW-Authenticate" in answer.headers
        assert refused == bool(operation["security"]), f"{method} {path}"
        if operation["security"]:
            assert "401" in operation["responses"]


def test_the_scope_that_is_named_is_enough(claimed_api: Api, described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        for scope in (one for asked in operation["security"] for one in asked["smart"]):
            http = Team.of(claimed_api.relay, "8HX03", scope)
            answer = http.http.open(
                f"{filled(path)}?identifier=a|b",
                method=method,
                headers={"Authorization": f"Bearer {http.token}"},
            )
            assert answer.status_code != 403, f"{method} {path}: {scope}"


def test_the_search_parameters_of_a_type_are_those_that_it_takes(
    described: dict[str, Any],
) -> None:
    for kind in ("Communication", "Patient", "Task"):
        named = described["paths"][f"/fhir/{kind}"]["get"]["parameters"]
        own = {one["name"] for one in named if "name" in one}
        assert own == set(parameters(kind))
    every = described["paths"]["/fhir/{kind}"]["get"]["parameters"]
    assert every[0]["schema"]["enum"] == list(types())


def test_a_description_that_is_known_is_not_sent_again(claimed_api: Api) -> None:
    client = claimed_api.app.test_client()
    tag = client.get("/openapi.json").headers["ETag"]

    again = client.get("/openapi.json", headers={"If-None-Match": tag})

    assert (again.status_code, again.data) == (304, b"")


def test_the_sample_transaction_is_the_one_of_the_examples(described: dict[str, Any]) -> None:
    sample = described["paths"]["/fhir"]["post"]["requestBody"]["content"]

    written = Path(__file__).parents[1] / "examples" / "referral.json"
    assert sample["application/fhir+json"]["example"] == json.loads(written.read_bytes())


def test_every_sample_body_is_taken(claimed_api: Api, described: dict[str, Any]) -> None:
    trust = claimed_api.trust
    made = trust.create(patient())

    for path, method, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        body = content.get("application/fhir+json", {}).get("example")
        if method == "POST" and body and body["resourceType"] not in ("Parameters", "Subscription"):
            url = filled(path.replace("{kind}", body["resourceType"]))
            answer = trust.send(method, url, body)
            assert answer.status_code in (200, 201, 422), f"{path}: {answer.text}"
    assert trust.patch(f"Patient/{made['id']}", sample_patch(described)).status_code == 200


def sample_patch(described: dict[str, Any]) -> Any:
    content = described["paths"]["/fhir/Patient/{id}"]["patch"]["requestBody"]["content"]
    return content["application/json-patch+json"]["example"]


def test_answers_are_as_described(claimed_api: Api) -> None:
    """Requests made from the description by schemathesis; half of them name what there is."""
    app = create_app(claimed_api.relay)
    there = {kind: keep(claimed_api, least(kind)) for kind in types() if kind != "Binary"}
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    for found in schema.get_all_operations():
        operation = found.ok()
        if not OTHERS.search(operation.path):  # the same code as for {kind}
            try_out(operation, claimed_api, there)


def try_out(operation: Any, api: Api, there: dict[str, str]) -> None:
    token = Team.of(api.relay, "RJZ", SCOPES).token
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    def tried(case: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        case.validate_response(case.call(headers=headers), checks=AS_DESCRIBED)
        if "id" in case.path_parameters:
            kind = case.path_parameters.get("kind") or operation.path.split("/")[2]
            case.path_parameters["id"] = there.get(kind, "none")
            case.validate_response(case.call(headers=headers), checks=AS_DESCRIBED)
        if sample := sample_body(operation, case.media_type):
            case.body = sample
            case.validate_response(case.call(headers=headers), checks=AS_DESCRIBED)

    tried()


def sample_body(operation: Any, media_type: str) -> Any:
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    return content.get(media_type, {}).get("example")
