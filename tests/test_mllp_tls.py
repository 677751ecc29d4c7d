"""MLLP over TLS: who may connect, and whose a certificate is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import Unauthenticated
from service.mllp import Certificates
from service.mllp.certificates import names_of
from service.model import OdsCode
from service.store import open_store
from tests.certificates import Authority
from tests.cli_runner import relay as command
from tests.hl7v2_letters import a03
from tests.mllp_wire import Wire, heard
from tests.security_samples import registered
from tests.serving import serving

ONE = b"\x0b" + a03() + b"\x1c\r"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'relay.db'}"


def register(database: str, client_id: str, ods: str, name: str, scope: str = "system/*.c") -> str:
    added = command(
        *("client", "add", "--database", database, "--id", client_id, "--organisation", ods),
        *("--name", "An engine", "--scope", scope, "--certificate-name", name),
    )
    return added.stderr


def senders(database: str) -> list[str]:
    """Who sent what the practice got."""
    with open_store(database) as store:
        bodies = [event.body for event in store.feed("G99901", None, 20).events]
    return [json.loads(body)["sender"]["identifier"]["value"] for body in bodies]


def refused(wire: Wire) -> bool:
    """Whether the listener does not talk to this client; TLS 1.3 tells it on the first read."""
    try:
        with wire.connected() as secured:
            secured.sendall(ONE)
            return heard(secured) == []
    except OSError:  # ssl.SSLError is one
        return True


def test_a_message_comes_over_tls_and_plain_text_is_not_heard(authority, database, tmp_path):
    own = authority.issue("relay", "localhost")
    tls = ("--mllp-cert", own.cert, "--mllp-key", own.key)

    with serving("--database", database, "--mllp", "0=RJZ", *tls) as served:
        wire = Wire(port=served.mllp_port(), stop=lambda: None, tls=authority.client())
        with wire.connected() as secured:
            secured.sendall(ONE)
            told, version = heard(secured), secured.version()
        plain = refused(replace(wire, tls=None))
        stranger = refused(replace(wire, tls=Authority(tmp_path, "another").client()))
        sent = command(
            *("send", "--mllp", f"localhost:{wire.port}", "--tls-ca", authority.file, "-"),
            stdin=a03(control_id="K0002"),
        )
        code = served.stop()

    assert (told, version) == ([("AA", "K0001")], "TLSv1.3")
    assert plain
    assert stranger
    assert "MSA|AA|K0002" in sent.stdout
    assert sent.returncode == 0
    assert code == 0
    assert "".join(served.errors).count("mllp TLS handshake failed") == 2


def test_a_client_certificate_says_who_sends(authority, database, tmp_path):
    own = authority.issue("relay", "localhost")
    kings = authority.client(authority.issue("engine", "engine.kings.example"))
    guys = authority.client(authority.issue("engine.guys.example"))  # no alternative name
    unknown = authority.client(authority.issue("engine", "nobody.example"))
    reader = authority.client(authority.issue("engine", "reader.example"))
    another = Authority(tmp_path, "another").issue("engine", "engine.kings.example")
    forged = authority.client(another)
    register(database, "kings", "RJZ", "engine.kings.example")
    register(database, "guys", "RJ1", "ENGINE.guys.example")
    register(database, "reader", "RN7", "reader.example", "system/*.rs")
    options = ("--mllp-cert", own.cert, "--mllp-key", own.key, "--mllp-client-ca", authority.file)

    with serving("--database", database, "--mllp", "0", *options) as served:
        wire = Wire(port=served.mllp_port(), stop=lambda: None)
        for client in (kings, guys):
            with replace(wire, tls=client).connected() as secured:
                secured.sendall(ONE)
                assert heard(secured) == [("AA", "K0001")]
        others = [
            refused(replace(wire, tls=client))
            for client in (authority.client(), forged, unknown, reader, None)
        ]
        served.stop()

    assert others == [True] * 5
    assert senders(database) == ["RJZ", "RJ1"]
    assert "no client is registered with a name of this certificate" in "".join(served.errors)


def test_a_port_for_one_sender_is_not_for_anothers_certificate(authority, database):
    own = authority.issue("relay", "localhost")
    guys = authority.client(authority.issue("engine", "engine.guys.example"))
    register(database, "guys", "RJ1", "engine.guys.example")
    options = ("--mllp-cert", own.cert, "--mllp-key", own.key, "--mllp-client-ca", authority.file)

    with serving("--database", database, "--mllp", "0=RJZ", *options) as served:
        wire = Wire(port=served.mllp_port(), stop=lambda: None, tls=guys)
        is_refused = refused(wire)
        served.stop()

    assert is_refused
    assert senders(database) == []


def test_a_certificate_name_is_one_clients_until_that_is_disabled(database):
    first = register(database, "one", "RJZ", "engine.example")
    second = register(database, "two", "RJ1", "engine.example")
    command("client", "disable", "one", "--database", database)
    third = register(database, "three", "RJ1", "engine.example")
    listed = command("client", "list", "--database", database).stdout

    assert first == ""
    assert "one is registered with this certificate name" in second
    assert third == ""
    assert listed.count("engine.example") == 2


def test_a_disabled_client_is_known_no_more_soon_after():
    now = [0.0]
    clients = [registered("kings", organisation="RJZ", scopes="system/*.c", jwks=NAMED)]
    register_ = Certificates(lambda: clients, clock=lambda: now[0])
    names = frozenset({"engine.example"})

    before = register_.sender(names, None)
    clients[0] = replace(clients[0], disabled=True)
    now[0] = 16

    assert before == "RJZ"
    with pytest.raises(Unauthenticated):
        register_.sender(names, None)


NAMED = '{"keys": [], "tls_client_auth_san_dns": "engine.example"}'


def test_names_of_two_organisations_on_one_certificate_are_nobodys():
    clients = [
        registered("one", organisation="RJZ", scopes="system/*.c", jwks=NAMED),
        registered(
            *("two",),
            organisation="RJ1",
            scopes="system/*.c",
            jwks=NAMED.replace("engine", "other"),
        ),
    ]
    register_ = Certificates(lambda: clients)

    with pytest.raises(Unauthenticated, match="several"):
        register_.sender(frozenset({"engine.example", "other.example"}), None)
    with pytest.raises(Unauthenticated, match="another organisation"):
        register_.sender(frozenset({"engine.example"}), OdsCode("RJ1"))


def test_the_common_name_counts_only_where_there_is_no_other():
    subject = ((("commonName", "one.example"),),)

    assert names_of({"subject": subject}) == {"one.example"}
    assert names_of({"subject": subject, "subjectAltName": (("DNS", "Two.example"),)}) == {
        "two.example"
    }


WRONG = {
    "a key without a certificate": (("--mllp-key", "{key}"), "go together"),
    "a client CA without a certificate": (("--mllp-client-ca", "{ca}"), "needs --mllp-cert"),
    "a file that is no certificate": (("--mllp-cert", "{key}", "--mllp-key", "{key}"), "files of"),
}


@pytest.mark.parametrize(("options", "said"), WRONG.values(), ids=WRONG)
def test_certificate_files_that_cannot_serve_are_refused_at_the_start(
    authority, database, options, said
):
    own = authority.issue("relay", "localhost")
    given = [o.format(key=own.key, ca=authority.file) for o in options]

    started = command("serve", "--port", 0, "--database", database, "--mllp", "0=RJZ", *given)

    assert started.returncode == 1
    assert said in started.stderr
    assert "Traceback" not in started.stderr
