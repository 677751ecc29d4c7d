"""What a client finds out by itself, and that nothing else is open to everybody."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from tests.security_samples import Signer, ask, opened

pytest_plugins = ["tests.security_fixtures"]

# Routes that are there for everybody; none says anything of a patient or of what was sent.
OPEN = {
    "/.well-known/smart-configuration",
    "/fhir/.well-known/smart-configuration",
    "/fhir/metadata",
    "/openapi.json",
    "/oauth2/token",
    "/health",
    "/ready",
}
EXAMPLES = {"kind": "Patient", "mapping": "base/hl7v2-adt"}  # of what a route's address names


@pytest.mark.parametrize("base", ["", "/fhir"])
def test_the_smart_configuration_names_the_token_endpoint_in_full(token_app, base):
    found = token_app.get(f"{base}/.well-known/smart-configuration")

    configuration = found.get_json()
    assert found.status_code == 200
    assert found.mimetype == "application/json"
    assert configuration["token_endpoint"] == "http://localhost/oauth2/token"
    assert configuration["grant_types_supported"] == ["client_credentials"]
    assert configuration["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert set(configuration["token_endpoint_auth_signing_alg_values_supported"]) == {
        "RS384", "ES384", "RS512",
    }  # fmt: skip
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(configuration["capabilities"])


def test_behind_a_proxy_the_public_address_is_the_audience(token_database, token_relay):
    with opened(database=token_database, public_url="https://relay.example/") as behind:
        app = create_app(behind).test_client()
        configuration = app.get("/.well-known/smart-configuration").get_json()
        own = ask(app, Signer(claims={"aud": configuration["token_endpoint"]}).assertion())
        by_host = ask(app, Signer().assertion())

    assert configuration["token_endpoint"] == "https://relay.example/oauth2/token"
    assert (own.status_code, by_host.status_code) == (200, 401)


def _status(client: FlaskClient, method: str, path: str) -> int:
    """The status of a request without a token; the query makes conditional ones complete."""
    return client.open(f"{path}?identifier=x", method=method).status_code


def test_every_route_but_the_open_ones_asks_for_a_token(token_relay):
    app = create_app(token_relay)
    client = app.test_client()
    answered = {}
    for rule in app.url_map.iter_rules():
        if rule.rule in OPEN or rule.endpoint == "static":
            continue
        path = app.url_map.bind("localhost").build(
            rule.endpoint,
            {name: EXAMPLES.get(name, "x") for name in rule.arguments},
            force_external=False,
        )
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answered[f"{method} {rule.rule}"] = _status(client, method, path)

    assert answered
    assert {route: code for route, code in answered.items() if code != 401} == {}
