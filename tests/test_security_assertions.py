"""Who gets an access token by a signed assertion, who does not, and why."""

from __future__ import annotations

import hmac
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc.jwk import OctKey

from service.app import create_app
from tests.security_samples import (
    EC,
    FEED,
    RSA,
    STRANGER,
    TOKEN_URL,
    In,
    Signer,
    ask,
    bearer,
    encoded,
    opened,
    registered,
)

pytest_plugins = ["tests.security_fixtures"]


@pytest.mark.parametrize(
    "signer",
    [
        Signer(),
        Signer(key=RSA, alg="RS384"),
        Signer(key=RSA, alg="RS512"),
        Signer(claims={"aud": ["https://elsewhere.example", TOKEN_URL]}),
        Signer(claims={"exp": In(300)}),
        Signer(claims={"nbf": In(0)}),
        Signer(header={"typ": None}),
    ],
    ids=["ES384", "RS384", "RS512", "several audiences", "five minutes", "nbf", "no typ"],
)
def test_a_registered_client_gets_a_token_that_opens_its_feed(token_app, signer):
    answer = ask(token_app, signer.assertion())

    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    granted = answer.get_json()
    assert {k: granted[k] for k in ("token_type", "expires_in", "scope")} == {
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/*.rs",
    }
    assert token_app.get(FEED, headers=bearer(granted["access_token"])).status_code == 200


REFUSALS = {
    "nobody's id": (Signer(client_id="stranger"), "no such client"),
    "a disabled client": (Signer(client_id="gone"), "no such client"),
    "another's key": (Signer(key=STRANGER), "signature does not match"),
    "iss is not sub": (Signer(claims={"sub": "another"}), "iss and sub"),
    "no iss": (Signer(claims={"iss": None}), "iss and sub"),
    "HS256": (Signer(key=OctKey.generate_key(256, {"kid": "ec"}), alg="HS256"), "alg must be one"),
    "RS256": (Signer(key=RSA, alg="RS256"), "alg must be one of RS384, ES384, RS512"),
    "a kid that nobody registered": (Signer(header={"kid": "other"}), "kid names 0"),
    "the kid of a key of another type": (Signer(header={"kid": "rsa"}), "kid names 0"),
    "no kid": (Signer(header={"kid": None}), "kid"),
    "keys of its own choosing": (Signer(header={"jku": "https://evil.example/keys"}), "jku"),
    "the wrong audience": (Signer(claims={"aud": "https://elsewhere.example"}), TOKEN_URL),
    "no audience": (Signer(claims={"aud": None}), "aud must be"),
    "the FHIR address as audience": (Signer(claims={"aud": "http://localhost/fhir"}), "aud"),
    "expired": (Signer(claims={"exp": In(-60)}), "expired"),
    "valid for an hour": (Signer(claims={"exp": In(3600)}), "at most 300 seconds"),
    "valid for ever": (Signer(claims={"exp": 10**15}), "at most 300 seconds"),
    "no exp": (Signer(claims={"exp": None}), "exp must be"),
    "exp as text": (Signer(claims={"exp": "soon"}), "exp must be"),
    "not valid yet": (Signer(claims={"nbf": In(120)}), "not valid yet"),
    "no jti": (Signer(claims={"jti": None}), "jti"),
    "an empty jti": (Signer(claims={"jti": ""}), "jti"),
    "a jti that fills the database": (Signer(claims={"jti": "x" * 257}), "jti"),
}


@pytest.mark.parametrize(("signer", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_an_assertion_is_refused_with_the_reason(token_app, signer, reason):
    answer = ask(token_app, signer.assertion())

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    assert reason in answer.get_json()["error_description"]


@pytest.mark.parametrize("alg", ["none", "None", "", "ES384"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_an_unsigned_assertion_is_refused(token_app, alg, signature):
    claims = Signer().assertion().split(".")[1]
    header = encoded(json.dumps({"alg": alg, "kid": "ec"}).encode())

    answer = ask(token_app, f"{header}.{claims}.{signature}")

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "ES384"])
def test_a_public_key_is_never_taken_for_a_shared_secret(token_app, alg):
    claims = Signer().assertion().split(".")[1]
    signed = f"{encoded(json.dumps({'alg': alg, 'kid': 'ec'}).encode())}.{claims}"
    digest = "sha384" if alg.endswith("384") else "sha256"
    signature = hmac.digest(EC.as_pem(private=False), signed.encode(), digest)

    answer = ask(token_app, f"{signed}.{encoded(signature)}")

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("assertion", ["", "no.jwt", "a.b.c", "e30.e30.", "e30.W10.x", "é.é.é"])
def test_what_is_not_a_signed_jwt_is_refused(token_app, assertion):
    answer = ask(token_app, assertion)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_a_tampered_assertion_is_refused(token_app):
    header, _, signature = Signer().assertion().split(".")
    other_claims = Signer(claims={"iss": "gone", "sub": "gone"}).assertion().split(".")[1]

    assert ask(token_app, f"{header}.{other_claims}.{signature}").status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "jwt"}, "invalid_request"),
        ({"scope": "patient/*.read"}, "invalid_scope"),
        ({"scope": "system/Communication.sr"}, "invalid_scope"),
        ({"scope": "system/Communication.rs openid"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "system/Task.d"}, "invalid_scope"),
    ],
)
def test_a_token_request_is_refused_as_oauth_says(token_app, form, error):
    answer = ask(token_app, Signer().assertion(), **form)

    assert (answer.status_code, answer.get_json()["error"]) == (400, error)
    assert answer.get_json()["error_description"]


# --- once each


def test_an_assertion_is_good_once_whichever_worker_sees_it(token_app, token_database):
    assertion = Signer().assertion()
    with opened(database=token_database) as other:
        second = create_app(other).test_client()

        assert ask(token_app, assertion).status_code == 200
        replayed = [ask(token_app, assertion), ask(second, assertion)]

    for answer in replayed:
        assert answer.status_code == 401
        assert "used before" in answer.get_json()["error_description"]


def test_of_many_at_once_with_one_assertion_exactly_one_gets_a_token(token_relay):
    assertion, every = Signer().assertion(), create_app(token_relay)

    with ThreadPoolExecutor(16) as threads:
        codes = list(
            threads.map(lambda _: ask(every.test_client(), assertion).status_code, range(32))
        )

    assert sorted(codes) == [200] + [401] * 31


def test_the_same_jti_of_two_clients_is_two_assertions(token_app, token_relay):
    token_relay.store.clients.add(registered("other"))
    claims = {"jti": "the-same"}

    answers = [
        ask(token_app, Signer(client_id=one, claims=claims).assertion())
        for one in ("hospice", "other")
    ]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_refused_assertion_uses_up_no_jti(token_app):
    claims = {"jti": "tried-by-a-stranger"}

    assert ask(token_app, Signer(key=STRANGER, claims=claims).assertion()).status_code == 401
    assert ask(token_app, Signer(claims=claims).assertion()).status_code == 200
