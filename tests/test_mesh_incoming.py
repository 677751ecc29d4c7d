"""What comes to the relay's MESH mailbox: stored first, then acknowledged; kept if refused."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from mesh_client import MeshClient

from service.app import Relay
from service.bundled import bundled_folder
from service.cli.delivering import poller
from service.mesh.answers import read_answer
from service.mesh.configuration import MeshConfiguration
from tests.cli_runner import relay as command
from tests.mesh_beside import Sandbox
from tests.mesh_peer import PASSWORD, SHARED_KEY
from tests.mesh_relay import configured, eventually, running
from tests.relay_client import Team

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = pytest.mark.peer

EXAMPLES = bundled_folder("mappings") / "examples"
TRANSFER = (EXAMPLES / "base-itk3-discharge.xml").read_bytes()
REFERRAL = (EXAMPLES / "rwf-message-referral.json").read_bytes()


def polling(relay: Relay, mesh: MeshConfiguration) -> AbstractContextManager[None]:
    return running(poller(relay, mesh))


@pytest.fixture
def polled(meshed: Relay, tmp_path: Path, sandbox: Sandbox) -> Iterator[Relay]:
    """A relay that polls its mailbox."""
    with polling(meshed, configured(meshed, tmp_path, sandbox)):
        yield meshed


def emptied(sandbox: Sandbox) -> None:
    eventually(lambda: not sandbox.inbox("RELAY01"))


def letters(relay: Relay) -> list[Any]:
    return [relay.store.dead_letters.get(one.id) for one in relay.store.dead_letters.list()]


def committed(relay: Relay, ods: str) -> list[str]:
    """The Patients that an organisation sent."""
    return [one.id for one in relay.store.stream(ods, "Patient")]


def test_a_transfer_of_care_is_taken_in_and_its_recipients_have_it(polled: Relay, sandbox: Sandbox):
    sandbox.post("RVV0001", TRANSFER)

    emptied(sandbox)

    assert len(committed(polled, "RVV")) == 1
    [communication] = Team.of(polled, "8HX01").feed()
    assert communication["sender"]["identifier"]["value"] == "RVV"
    assert letters(polled) == []


@pytest.mark.parametrize("compress", [True, False])
def test_pieces_and_compression_make_no_difference(polled: Relay, sandbox: Sandbox, compress: bool):
    with MeshClient(sandbox.url, "RVV0001", PASSWORD, shared_key=SHARED_KEY.encode()) as mesh:
        mesh.send_message(
            "RELAY01",
            TRANSFER,
            max_chunk_size=len(TRANSFER) // 3,
            compress=compress,
            workflow_id="TOC_FHIR_EC_DISCH",
        )

    emptied(sandbox)

    assert len(committed(polled, "RVV")) == 1


def test_the_same_content_again_is_taken_in_once(polled: Relay, sandbox: Sandbox):
    for _ in range(3):
        sandbox.post("RVV0001", TRANSFER)

    emptied(sandbox)

    assert len(Team.of(polled, "8HX01").feed()) == 1


def test_a_message_from_a_mailbox_that_nobody_registered_is_kept_and_nobodys(
    polled: Relay, sandbox: Sandbox
):
    id_ = sandbox.post("STRANGE", TRANSFER)

    emptied(sandbox)

    [letter] = letters(polled)
    assert (letter.sender, letter.body) == ("", TRANSFER)
    assert "STRANGE is not registered" in letter.issues[0].text
    assert id_ in letter.issues[0].source
    assert Team.of(polled, "8HX01").feed() == []


def test_once_its_sender_is_known_such_a_message_is_replayed_as_his(
    polled: Relay, sandbox: Sandbox
):
    sandbox.post("STRANGE", TRANSFER)
    emptied(sandbox)
    [letter] = letters(polled)
    settings = {"database": polled.settings.database, "mappings": polled.settings.mappings}

    unsaid = command("replay", letter.id, **settings)
    said = command("replay", letter.id, "--from", "RVV", **settings)

    assert (unsaid.returncode, said.returncode) == (1, 0), said.stderr
    assert "--from ODS" in unsaid.stdout
    assert len(Team.of(polled, "8HX01").feed()) == 1
    assert len(committed(polled, "RVV")) == 1
    assert letters(polled) == []


def test_a_message_that_is_refused_is_kept_and_holds_nobody_up(polled: Relay, sandbox: Sandbox):
    sandbox.post("RVV0001", b"<Bundle xmlns='http://hl7.org/fhir'><type value='message'/></Bundle>")
    sandbox.post("RVV0001", gzip.compress(TRANSFER)[:200])
    sandbox.post("RVV0001", TRANSFER)

    emptied(sandbox)

    refused, damaged = letters(polled)
    assert refused.sender == "RVV"
    assert "damaged" in damaged.issues[0].text
    assert damaged.body.startswith(b"\x1f\x8b")
    assert len(Team.of(polled, "8HX01").feed()) == 1


def test_what_is_too_large_and_what_is_not_for_us_stays_with_mesh(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path
):
    foreign = sandbox.post("RVV0001", b"a,b,c", workflow="PAYROLL")
    large = sandbox.post("RVV0001", gzip.compress(b" " * (meshed.settings.max_body + 1)))
    sandbox.post("RVV0001", TRANSFER)

    with polling(meshed, configured(meshed, tmp_path, sandbox)):
        eventually(lambda: len(sandbox.inbox("RELAY01")) == 2)

    assert sandbox.inbox("RELAY01") == [foreign, large]
    assert len(Team.of(meshed, "8HX01").feed()) == 1


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [(TRANSFER, "ok", "20013"), (TRANSFER[:3000], "fatal-error", "20006")],
)
def test_an_itk_acknowledgement_that_was_asked_for_goes_back_to_the_senders_mailbox(
    polled: Relay, sandbox: Sandbox, body: bytes, code: str, detail: str
):
    sandbox.post("RVV0001", body)

    emptied(sandbox)

    [id_] = sandbox.inbox("RVV0001")
    with sandbox.mailbox("RVV0001") as box, box.incoming(id_) as answer:
        assert answer.workflow == "TOC_FHIR_IP_DISCH_ACK"
        assert answer.media_type == "application/fhir+xml"
        answered = read_answer(answer.read(10**6))
    assert (answered.code, answered.details[0]) == (code, detail)


def test_no_acknowledgement_goes_back_that_was_not_asked_for(polled: Relay, sandbox: Sandbox):
    asked = b'AckRequested">\n<valueBoolean value="true"/>'
    assert TRANSFER.count(asked) == 2
    sandbox.post("RVV0001", TRANSFER.replace(asked, asked.replace(b"true", b"false")))

    emptied(sandbox)

    assert sandbox.inbox("RVV0001") == []
    assert len(committed(polled, "RVV")) == 1


def test_the_answer_to_a_fhir_message_goes_back_to_the_senders_mailbox(
    polled: Relay, sandbox: Sandbox
):
    sandbox.post("RWF0001", REFERRAL, media_type="application/fhir+json")

    emptied(sandbox)

    [body] = sandbox.collect("RWF0001")
    assert read_answer(body).code == "ok"


def test_two_who_poll_at_once_take_each_message_once(
    meshed: Relay, sandbox: Sandbox, tmp_path: Path
):
    mesh = configured(meshed, tmp_path, sandbox)
    sandbox.post("RWF0001", REFERRAL, media_type="application/fhir+json")
    with polling(meshed, mesh), polling(meshed, mesh):
        sandbox.post("RVV0001", TRANSFER)
        emptied(sandbox)

    assert len(Team.of(meshed, "8HX01").feed()) >= 1
    assert len(sandbox.inbox("RWF0001")) == 1
    assert len(committed(meshed, "RVV")) == 1


def test_a_message_that_cannot_be_fetched_holds_nobody_up(polled: Relay, sandbox: Sandbox):
    broken = sandbox.post("RVV0001", TRANSFER)
    (sandbox.folder / "RELAY01" / "in" / broken / "1").unlink()
    sandbox.post("RWF0001", REFERRAL, media_type="application/fhir+json")

    eventually(lambda: committed(polled, "RWF"))

    assert broken in sandbox.inbox("RELAY01")


def test_nothing_is_lost_while_mesh_is_away(polled: Relay, sandbox: Sandbox):
    sandbox.post("RWF0001", REFERRAL, media_type="application/fhir+json")
    emptied(sandbox)
    sandbox.stop()
    sandbox.start()
    sandbox.post("RVV0001", TRANSFER)

    emptied(sandbox)

    assert len(committed(polled, "RVV")) == 1
