"""The headers of BaRS calls: checked where they are sent, mirrored, and recorded."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from service.app import Relay
from service.bundled import bundled_folder
from tests.audit_trail import audited
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]

BODY = Path(bundled_folder("mappings"), "examples", "base-message-bars.json").read_bytes()
PATH = "/fhir/$process-message"
NHS_CODES = "https://fhir.nhs.uk/Codesystem/http-error-codes"


@pytest.fixture
def caller(relay: Relay) -> Team:
    """A hospital that refers by BaRS."""
    return Team.of(relay, "RX9")


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
HEADERS = {
    "X-Request-Id": "c1ab3fba-6bae-4ba4-b257-5a87c44d4a91",
    "X-Correlation-Id": "9562466f-c982-4bd5-bb0e-255e9f5e6689",
    "NHSD-Target-Identifier": encoded(
        {"system": "https://fhir.nhs.uk/Id/dos-service-id", "value": "1111111111"}
    ),
    "NHSD-End-User-Organisation": encoded(
        {"resourceType": "Organization", "identifier": [{"system": ODS, "value": "RX9"}]}
    ),
    "NHSD-Requesting-Software": encoded({"resourceType": "Device"}),
}


def test_a_bars_call_is_answered_with_its_ids_and_its_end_user_is_recorded(
    caller: Team, database_url: str
) -> None:
    answer = caller.http.post(
        PATH,
        data=BODY,
        content_type=FHIR,
        headers={**HEADERS, "Authorization": f"Bearer {caller.token}"},
    )

    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"] == HEADERS["X-Request-Id"]
    assert answer.headers["X-Correlation-Id"] == HEADERS["X-Correlation-Id"]
    assert audited(database_url, "on-behalf-of") == [("RX9-1", "RX9", "Organization", "RX9", "0")]


@pytest.mark.parametrize(
    ("wrong", "code", "named"),
    [
        ({"X-Request-Id": ""}, "invalid", "X-Request-Id"),
        ({"X-Correlation-Id": ""}, "invalid", "X-Correlation-Id"),
        ({"X-Request-Id": "12"}, "value", "X-Request-Id"),
        ({"NHSD-Target-Identifier": "%%"}, "structure", "NHSD-Target-Identifier"),
        ({"NHSD-Target-Identifier": encoded([])}, "structure", "NHSD-Target-Identifier"),
        ({"NHSD-Target-Identifier": encoded({"system": "x"})}, "value", "NHSD-Target-Identifier"),
        ({"NHSD-End-User-Organisation": "x"}, "structure", "NHSD-End-User-Organisation"),
        (
            {"NHSD-Requesting-Practitioner": encoded({"resourceType": "Patient"})},
            "value",
            "NHSD-Requesting-Practitioner",
        ),
    ],
)
def test_headers_of_a_bars_call_that_are_wrong_are_named(
    wrong: dict[str, str], code: str, named: str, caller: Team, relay: Relay
) -> None:
    headers = {**HEADERS, **wrong, "Authorization": f"Bearer {caller.token}"}
    answer = caller.http.post(
        PATH,
        data=BODY,
        content_type=FHIR,
        headers={name: value for name, value in headers.items() if value},
    )

    (issue,) = answer.get_json()["issue"]
    assert (answer.status_code, issue["code"]) == (400, code)
    assert named in issue["diagnostics"]
    assert issue["details"]["coding"] == [{"system": NHS_CODES, "code": "REC_BAD_REQUEST"}]
    assert Team.of(relay, "8PX01").feed() == []
