"""Keys that a client publishes: fetched where an operator said, kept as long as it allows."""

from __future__ import annotations

import time

import pytest
import requests
import responses
from joserfc.jwk import ECKey

from service.app import create_app
from service.security.published_keys import KeysUnavailable, PublishedKeys
from tests.security_samples import EC, Signer, ask, registered

pytest_plugins = ["tests.security_fixtures"]

URL = "https://epr.example/jwks.json"
KEYS = {"keys": [EC.as_dict(private=False)]}


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def internet():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fetch(clock) -> PublishedKeys:
    return PublishedKeys(requests.Session(), clock)


@pytest.mark.parametrize(
    "kept",
    [
        ("max-age=600", 599, 1),
        ("max-age=600", 601, 2),
        ("public, max-age=86400", 3599, 1),
        ("public, max-age=86400", 3601, 2),
        ("no-store", 0, 2),
        ("", 0, 2),
    ],
)
def test_keys_are_kept_as_long_as_their_server_allows_and_an_hour_at_most(
    internet, fetch, clock, kept
):
    cache_control, after, calls = kept
    internet.get(URL, json=KEYS, headers={"Cache-Control": cache_control})

    first = fetch(URL)
    clock.now += after
    second = fetch(URL)

    assert first == second == KEYS
    assert len(internet.calls) == calls


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "json": KEYS},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/keys"}},
        {"status": 200, "body": "<html>"},
        {"status": 200, "json": ["keys"]},
        {"status": 200, "body": b"{" + b" " * 65536 + b"}"},
        {"body": requests.ConnectionError()},
        {"body": requests.Timeout()},
    ],
    ids=["error", "redirect", "no JSON", "no set", "too large", "no connection", "too slow"],
)
def test_what_is_no_key_set_is_refused_and_not_remembered(internet, fetch, answer):
    internet.get(URL, **answer)
    internet.get("https://elsewhere.example/keys", json=KEYS)

    with pytest.raises(KeysUnavailable):
        fetch(URL)
    internet.replace("GET", URL, json=KEYS)

    assert fetch(URL) == KEYS


def test_a_client_that_publishes_its_keys_gets_a_token(token_relay, internet):
    token_relay.store.clients.add(registered("published", jwks="", jwks_url=URL))
    internet.get(URL, json=KEYS)
    app = create_app(token_relay).test_client()

    granted = ask(app, Signer(client_id="published", header={"jku": URL}).assertion())
    elsewhere = Signer(client_id="published", header={"jku": "https://evil.example/keys"})
    refused = ask(app, elsewhere.assertion())

    assert granted.status_code == 200, granted.text
    assert refused.status_code == 401
    assert [call.request.url for call in internet.calls] == [URL]


def test_a_client_whose_keys_do_not_answer_is_told_so(token_relay, internet):
    token_relay.store.clients.add(registered("silent", jwks="", jwks_url=URL))
    internet.get(URL, body=requests.Timeout())

    refused = ask(create_app(token_relay).test_client(), Signer(client_id="silent").assertion())

    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")
    assert "does not answer" in refused.get_json()["error_description"]


def test_a_rotated_key_is_taken_with_the_next_fetch(token_relay, internet):
    fresh = ECKey.generate_key("P-384", {"kid": "fresh"})
    token_relay.store.clients.add(registered("rotating", jwks="", jwks_url=URL))
    app = create_app(token_relay).test_client()
    internet.get(URL, json=KEYS)
    before = ask(app, Signer(client_id="rotating", key=fresh).assertion())
    internet.replace("GET", URL, json={"keys": [fresh.as_dict(private=False)]})

    after = ask(app, Signer(client_id="rotating", key=fresh).assertion())
    old = ask(app, Signer(client_id="rotating").assertion())

    assert [before.status_code, after.status_code, old.status_code] == [401, 200, 401]
