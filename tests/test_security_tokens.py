"""What an access token is worth: how far it reaches, how long, and what is none."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from service.app import create_app
from service.model import OdsCode
from service.security import Client, Scopes
from service.store import migrate
from tests.security_samples import FEED, Signer, ask, bearer, encoded, opened

pytest_plugins = ["tests.security_fixtures"]

GUESS = OctKey.import_key("a secret of some length")


def unverified(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


# --- how far a token reaches


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/*.rs", "system/*.rs"),
        ("system/*.cruds", "system/*.rs system/Communication.rus"),
        ("system/Communication.cruds", "system/Communication.rus"),
        ("system/Task.rs", "system/Task.rs"),
        ("system/*.read", "system/*.rs"),
        ("system/Communication.write", "system/Communication.u"),
        ("system/Communication.*", "system/Communication.rus"),
        ("system/Task.d system/Patient.r", "system/Patient.r"),
    ],
)
def test_scopes_are_narrowed_to_what_is_registered(token_app, asked, granted):
    answer = ask(token_app, Signer().assertion(), scope=asked)

    assert answer.get_json()["scope"] == granted


def test_a_token_does_not_reach_beyond_its_scope(token_app):
    token = ask(token_app, Signer().assertion(), scope="system/Task.rs").get_json()["access_token"]

    refused = token_app.get(FEED, headers=bearer(token))

    assert refused.status_code == 403
    assert refused.get_json()["issue"][0]["code"] == "forbidden"


letters = st.sets(st.sampled_from("cruds"), min_size=1).map(
    lambda some: "".join(letter for letter in "cruds" if letter in some)
)
scopes = st.lists(
    st.tuples(st.sampled_from(["*", "Task", "Patient", "Communication"]), letters), min_size=1
).map(lambda parts: " ".join(f"system/{resource}.{allowed}" for resource, allowed in parts))


@given(scopes, scopes, st.sampled_from(["Task", "Patient", "Binary"]), st.sampled_from("cruds"))
def test_narrowed_scopes_allow_exactly_what_both_allow(one, other, resource, letter):
    mine, theirs = Scopes.parse(one), Scopes.parse(other)

    both = mine & theirs

    assert both.may(resource, letter) == (
        mine.may(resource, letter) and theirs.may(resource, letter)
    )
    assert Scopes.parse(str(both)) == both


# --- what is no token


def changed(token: str, part: int) -> str:
    """Change one character in the middle of a part."""
    parts = token.split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    return ".".join(parts)


def with_claims(token: str, **claims: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{encoded(json.dumps(unverified(token) | claims).encode())}.{signature}"


@pytest.fixture(scope="module")
def token(token_app):
    return ask(token_app, Signer().assertion()).get_json()["access_token"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: changed(token, 0),
        lambda token: changed(token, 1),
        lambda token: changed(token, 2),
        lambda token: with_claims(token, org="RJZ"),
        lambda token: with_claims(token, scope="system/*.cruds"),
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: jwt.encode(
            {"alg": "HS256"}, unverified(token), OctKey.import_key("a guess of some length")
        ),
        lambda _: Signer().assertion(),
        lambda _: "",
        lambda _: "é",
    ],
    ids=[
        *("header", "claims", "signature", "organisation", "scope", "unsigned"),
        *("guessed secret", "an assertion", "nothing", "not ascii"),
    ],
)
def test_a_spoilt_token_opens_nothing(token_app, token, spoil):
    refused = token_app.get(
        FEED, headers={"Authorization": f"Bearer {spoil(token)}".encode().decode("latin-1")}
    )

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.get_json()["issue"][0]["code"] == "login"


def test_an_expired_token_opens_nothing(token_app, token_relay):
    client = Client(id="hospice", organisation=OdsCode("8HX03"), scopes=Scopes.parse("system/*.rs"))

    refused = token_app.get(
        FEED, headers=bearer(token_relay.tokens.issue(client, "past", lifetime=-1))
    )

    assert refused.status_code == 401
    assert "expired" in refused.get_json()["issue"][0]["diagnostics"]


def test_a_token_ends_while_a_worker_remembers_it(token_app, token_relay):
    client = Client(id="hospice", organisation=OdsCode("8HX03"), scopes=Scopes.parse("system/*.rs"))
    short = token_relay.tokens.issue(client, "short", lifetime=1)
    first = token_app.get(FEED, headers=bearer(short))
    time.sleep(1.1)

    assert first.status_code == 200
    assert token_app.get(FEED, headers=bearer(short)).status_code == 401


def test_a_token_of_one_worker_is_read_by_another(token, token_database):
    with opened(database=token_database) as other:
        assert create_app(other).test_client().get(FEED, headers=bearer(token)).status_code == 200


def test_a_token_of_another_deployment_opens_nothing(token, tmp_path):
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    migrate(elsewhere)
    with opened(database=elsewhere) as other:
        assert create_app(other).test_client().get(FEED, headers=bearer(token)).status_code == 401


@pytest.mark.parametrize("scheme", ["", "Basic aG9zcGljZTo=", "Bearer", "bearer "])
def test_without_a_token_the_answer_says_where_to_get_one(token_app, scheme):
    refused = token_app.get(FEED, headers={"Authorization": scheme} if scheme else {})

    assert refused.status_code == 401
    assert "/oauth2/token" in refused.get_json()["issue"][0]["diagnostics"]
