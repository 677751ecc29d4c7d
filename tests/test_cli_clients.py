"""Registering a client, listing, disabling, and what is said to one who gets it wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from service.store import open_store
from tests.cli_runner import relay

EC = ECKey.generate_key("P-384", {"kid": "one"})
RSA = RSAKey.generate_key(2048, {"kid": "two"})


def add(database: str, *changed: object, client_id: str = "hospice") -> tuple[object, ...]:
    """The arguments that register a client; later ones win."""
    return (
        *("client", "add", "--database", database, "--id", client_id, "--organisation", "8HX03"),
        *("--name", "A hospice", "--scope", "system/*.rs", *changed),
    )


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'relay.db'}"


def public(*keys: ECKey | RSAKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]})


def test_a_client_with_a_key_made_for_it_can_be_listed_and_gets_a_token(database, tmp_path):
    key_file = tmp_path / "hospice.json"

    added = relay(*add(database, "--generate-key", key_file))
    listed = relay("client", "list", "--database", database)
    token = relay("client", "token", "hospice", "--database", database)

    assert added.returncode == 0, added.stderr
    key = ECKey.import_key(json.loads(key_file.read_text()))
    assert key.is_private
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert f"kid {key.kid}" in added.stdout
    heading, row = (line.split("\t") for line in listed.stdout.splitlines())
    shown = dict(zip(heading, row, strict=True))
    assert shown.pop("since").endswith("Z")
    assert shown == {
        "id": "hospice",
        "organisation": "8HX03",
        "name": "A hospice",
        "scopes": "system/*.rs",
        "keys": key.kid,
        "state": "active",
    }
    assert token.stdout.count(".") == 2
    assert len(token.stdout.split()) == 1


@pytest.mark.parametrize(
    ("text", "kids"),
    [
        (public(EC), ["one"]),
        (public(EC, RSA), ["one", "two"]),
        (json.dumps(EC.as_dict(private=False)), ["one"]),
        (EC.as_pem(private=False).decode(), [EC.thumbprint()]),
        (RSA.as_pem(private=False).decode(), [RSA.thumbprint()]),
    ],
    ids=["a set", "a set of two", "one JWK", "an EC key as PEM", "an RSA key as PEM"],
)
def test_public_keys_are_read_as_developers_send_them(database, tmp_path, text, kids):
    path = tmp_path / "keys"
    path.write_text(text)

    added = relay(*add(database, "--jwks", path))

    assert added.returncode == 0, added.stderr
    with open_store(database) as store:
        registered = store.clients.get("hospice")
    keys = json.loads(registered.jwks)["keys"]
    assert [key["kid"] for key in keys] == kids
    assert all("d" not in key for key in keys)


def spoilt(key: ECKey, **changed: object) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) | changed]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "neither a JWK Set (JSON) nor a PEM key"),
        ("[]", "a JWK Set looks like"),
        ('{"keys": []}', "a JWK Set looks like"),
        ('{"keys": ["one"]}', "a JWK Set looks like"),
        (json.dumps({"keys": [EC.as_dict(private=True)]}), "this is a private key"),
        (EC.as_pem(private=True).decode(), "this is a private key"),
        (json.dumps(OctKey.generate_key(256, {"kid": "x"}).as_dict()), "this is a private key"),
        (spoilt(EC, kid=""), "has no kid"),
        (spoilt(EC, x="AA"), "key one cannot be read"),
        (public(EC, EC), "a kid of its own"),
        (public(ECKey.generate_key("P-256", {"kid": "three"})), "key three must be an EC key on"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no RSA or EC public key"),
    ],
    ids=range(12),  # the same in every process: the keys are new each time
)
def test_an_unusable_key_is_refused_before_anything_is_stored(database, tmp_path, text, said):
    path = tmp_path / "keys"
    path.write_text(text)

    refused = relay(*add(database, "--jwks", path))

    assert refused.returncode == 1
    assert said in refused.stderr
    assert "hospice" not in relay("client", "list", "--database", database).stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--organisation", "R J Z"), "an ODS code is 2 to 12 letters and digits"),
        (("--scope", "patient/*.read"), "'patient/*.read' is not a scope"),
        (("--scope", ""), "at least one scope"),
        (("--id", "with space"), "without spaces"),
        (("--jwks-url", "http://epr.example/keys"), "an https address is needed"),
        (("--jwks-url", "https://user:word@epr.example/keys"), "an https address is needed"),
        (("--jwks", "nowhere.json"), "does not exist"),
        ((), "give exactly one of --jwks, --jwks-url and --generate-key"),
        (
            ("--jwks-url", "https://epr.example/keys", "--generate-key", "key"),
            "give exactly one of",
        ),
        (("--database", "mysql://host/name"), "it begins with sqlite:/// or postgresql://"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_made(database, tmp_path, changed, said):
    refused = relay(*add(database, *changed), cwd=tmp_path)

    assert refused.returncode == 2
    assert said in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_given_once(database, tmp_path):
    relay(*add(database, "--generate-key", tmp_path / "first"))

    again = relay(*add(database, "--generate-key", tmp_path / "second"))

    assert again.returncode == 1
    assert "there is a client hospice already" in again.stderr
    assert not (tmp_path / "second").exists()


def test_a_key_never_overwrites_a_file(database, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")

    refused = relay(*add(database, "--generate-key", precious))

    assert refused.returncode == 1
    assert "is there already" in refused.stderr
    assert precious.read_text() == "mine"


def test_a_key_set_may_stay_where_its_client_publishes_it(database):
    added = relay(*add(database, "--jwks-url", "https://epr.example/keys"))

    assert added.returncode == 0, added.stderr
    assert "https://epr.example/keys" in relay("client", "list", "--database", database).stdout


def test_a_disabled_client_gets_no_token(database):
    relay(*add(database, "--jwks-url", "https://epr.example/keys"))

    disabled = relay("client", "disable", "hospice", "--database", database)
    refused = relay("client", "token", "hospice", "--database", database)

    assert "ends within five minutes" in disabled.stdout
    assert relay("client", "list", "--database", database).stdout.rstrip().endswith("disabled")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "hospice is disabled" in refused.stderr


def test_a_token_for_trying_out_is_narrowed_as_the_client_would_ask(database):
    relay(*add(database, "--jwks-url", "https://epr.example/keys"))

    too_much = relay("client", "token", "hospice", "--scope", "system/*.c", "--database", database)
    wrong = relay("client", "token", "hospice", "--scope", "all", "--database", database)

    assert too_much.returncode == 1
    assert "hospice is registered for system/*.rs only" in too_much.stderr
    assert wrong.returncode == 2
    assert "'all' is not a scope" in wrong.stderr


@pytest.mark.parametrize("command", ["disable", "token"])
def test_an_unknown_client_is_named(database, command):
    relay("migrate", "--database", database)

    refused = relay("client", command, "nobody", "--database", database)

    assert refused.returncode == 1
    assert "there is no client nobody" in refused.stderr


@pytest.mark.parametrize(
    "command", [("client", "list"), ("client", "token", "x"), ("dead-letters",)]
)
def test_a_database_that_is_not_there_is_not_made_by_looking(database, tmp_path, command):
    refused = relay(*command, "--database", database)

    assert refused.returncode == 1
    assert "discharge-relay migrate" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_list_says_how_to_begin(database):
    relay("migrate", "--database", database)

    listed = relay("client", "list", "--database", database)

    assert listed.returncode == 0
    assert "discharge-relay client add" in listed.stderr
