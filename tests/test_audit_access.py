"""Who got access and who did not, and what operators do, is written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.app import Relay, compose
from service.errors import ServiceError
from service.model import OdsCode
from service.settings import Settings
from service.store import migrate
from tests.audit_trail import audited
from tests.cli_runner import relay
from tests.security_samples import Signer, ask

pytest_plugins = ["tests.security_fixtures"]


def test_a_token_that_is_issued_is_recorded_with_its_scopes(
    token_app: FlaskClient, token_database: str
) -> None:
    ask(token_app, Signer().assertion())

    client, organisation, kind, scopes, outcome = audited(token_database, "token")[-1]
    assert (client, organisation, kind, outcome) == ("hospice", "8HX03", "Client", "0")
    assert scopes.startswith("system/")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"assertion": "a.b.c"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "patient/*.rs"}, "invalid_scope"),
    ],
)
def test_a_token_that_is_refused_is_recorded_without_a_claimed_name(
    changed: dict[str, str], error: str, token_app: FlaskClient, token_database: str
) -> None:
    before = len(audited(token_database, "token", count=0))

    ask(token_app, changed.get("assertion") or Signer().assertion(), **_but_assertion(changed))

    found = audited(token_database, "token", count=before + 1)
    assert found[-1] == ("", "", "Client", error, "8")


def _but_assertion(changed: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in changed.items() if name != "assertion"}


@pytest.fixture
def audited_database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    return url


def test_what_an_operator_does_to_a_client_is_recorded(
    audited_database: str, tmp_path: Path
) -> None:
    url = ("--database", audited_database)
    named = ("--id", "hospice", "--organisation", "8HX03", "--name", "A hospice")
    key = ("--generate-key", tmp_path / "key.json")
    relay("client", "add", *url, *named, "--scope", "system/*.rs", *key)
    relay("client", "token", "hospice", *url)
    relay("client", "disable", "hospice", *url)

    for action in ("client-add", "client-token", "client-disable"):
        ((who, *entry),) = audited(audited_database, action)
        assert who.startswith("operator:")
        assert entry == ["8HX03", "Client", "hospice", "0"]


def test_what_an_operator_does_to_a_refused_message_is_recorded(audited_database: str) -> None:
    composed: Relay = compose(Settings(database=audited_database))
    with composed.store as store:
        with pytest.raises(ServiceError):
            composed.pipeline.receive(OdsCode("RJZ"), "text/plain", b"MSH|nothing")
        (letter,) = store.dead_letters.list()
    url = ("--database", audited_database)
    relay("replay", letter.id, *url)
    relay("skip", letter.id, "--reason", "nothing in it", *url)

    ((who, *replayed),) = audited(audited_database, "replay")
    ((_, *skipped),) = audited(audited_database, "skip")
    assert who.startswith("operator:")
    assert replayed == ["RJZ", "Message", letter.id, "4"]
    assert skipped == ["RJZ", "Message", letter.id, "0"]
