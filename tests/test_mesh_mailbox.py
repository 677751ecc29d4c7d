"""A MESH mailbox as the sandbox has it: pieces, compression, refusals, what was sent already."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from mesh_client import MeshClient

from service.errors import TooLarge
from service.mailbox import Damaged, MeshFailure, MeshMailbox, MeshRefusal, MessageGone
from service.mailbox.incoming import inflated
from tests.mesh_beside import Sandbox
from tests.mesh_certificates import self_signed
from tests.mesh_peer import PASSWORD, SHARED_KEY

pytest_plugins = ["tests.mesh_fixtures"]
pytestmark = pytest.mark.peer

BODY = b"<Bundle xmlns='http://hl7.org/fhir'/>" * 5000
SENT = {"workflow": "TOC_FHIR_IP_DISCH", "media_type": "application/fhir+xml", "subject": ""}


def fetched(sandbox: Sandbox, message_id: str, limit: int = 10**7) -> bytes:
    with sandbox.mailbox("RELAY01") as box, box.incoming(message_id) as message:
        return message.read(limit)


def client(sandbox: Sandbox) -> MeshClient:
    return MeshClient(sandbox.url, "RJZ0001", PASSWORD, shared_key=SHARED_KEY.encode())


def test_a_message_arrives_as_it_was_sent_with_what_stands_on_its_envelope(sandbox: Sandbox):
    id_ = sandbox.post("RJZ0001", BODY, local_id="L-1")

    with sandbox.mailbox("RELAY01") as box:
        box.handshake()
        assert list(box.waiting()) == [id_]
        with box.incoming(id_) as message:
            assert message.read(10**7) == BODY
            assert (message.sender, message.workflow) == ("RJZ0001", "TOC_FHIR_IP_DISCH")
            assert (message.local_id, message.is_report) == ("L-1", False)
            assert message.media_type == "application/fhir+xml"
        box.acknowledge(id_)
        assert list(box.waiting()) == []


@pytest.mark.parametrize("compress", [True, False])
def test_pieces_are_joined(sandbox: Sandbox, compress: bool):
    with client(sandbox) as mesh:
        id_ = mesh.send_message(
            "RELAY01", BODY, max_chunk_size=50_000, compress=compress, workflow_id="TOC"
        )

    assert fetched(sandbox, id_) == BODY


def test_what_was_compressed_as_a_whole_and_split_afterwards_is_read(sandbox: Sandbox):
    packed = gzip.compress(BODY + bytes(range(256)) * 40)
    with client(sandbox) as mesh:
        id_ = mesh.send_message(
            "RELAY01", packed, max_chunk_size=1 + len(packed) // 3, workflow_id="TOC"
        )

    assert fetched(sandbox, id_).startswith(BODY)


def test_too_much_is_not_read_compressed_or_not(sandbox: Sandbox):
    small, large = gzip.compress(b" " * 10**7), b"x" * 100_000

    for body in (small, large):
        with pytest.raises(TooLarge):
            fetched(sandbox, sandbox.post("RJZ0001", body), 50_000)


@pytest.mark.parametrize("cut", [10, 100, -3])
def test_a_damaged_stream_is_no_message(cut: int):
    damaged = gzip.compress(BODY)[:cut]

    with pytest.raises(Damaged) as refused:
        inflated(damaged, 10**7)

    assert refused.value.raw == damaged


def test_more_messages_than_a_page_are_listed_oldest_first(sandbox: Sandbox):
    sent = [sandbox.post("RJZ0001", b"%d" % i) for i in range(103)]

    assert sandbox.inbox("RELAY01") == sent


def test_a_message_that_is_gone_is_told_apart_from_a_failure(sandbox: Sandbox):
    with pytest.raises(MessageGone):
        fetched(sandbox, "20261124000000_NONE")


def test_an_unknown_mailbox_is_a_refusal_and_a_wrong_password_is_not(sandbox: Sandbox):
    with sandbox.mailbox("RELAY01") as box, pytest.raises(MeshRefusal, match="Unregistered"):
        box.send("NOBODY1", BODY, local_id="1", **SENT)

    wrong = MeshMailbox(sandbox.access("RELAY01", password="wrong"))
    with pytest.raises(MeshFailure, match="password") as failure:
        wrong.send("HSP0003", BODY, local_id="1", **SENT)
    wrong.close()
    assert not isinstance(failure.value, MeshRefusal)


def test_secrets_are_in_no_text(sandbox: Sandbox):
    access = sandbox.access("RELAY01")

    assert PASSWORD not in repr(access)
    assert SHARED_KEY not in repr(access)


def test_what_was_sent_is_known_by_our_own_id(sandbox: Sandbox):
    with sandbox.mailbox("RELAY01") as box:
        assert box.sent_as("8HX03.1.0") is None
        id_ = box.send("HSP0003", BODY, local_id="8HX03.1.0", **SENT)
        assert box.sent_as("8HX03.1.0") == id_
        assert box.track(id_).status == "accepted"
        sandbox.collect("HSP0003")
        assert box.track(id_).status == "acknowledged"

        box.send("HSP0003", BODY, local_id="8HX03.1.0", **SENT)
        with pytest.raises(MeshRefusal, match="several"):
            box.sent_as("8HX03.1.0")


def test_a_mesh_that_is_not_there_is_a_failure_without_details(sandbox: Sandbox):
    sandbox.stop()

    with sandbox.mailbox("RELAY01") as box, pytest.raises(MeshFailure, match="no connection"):
        box.handshake()


def test_an_answer_that_was_lost_leaves_the_message_with_mesh(sandbox: Sandbox):
    with sandbox.mailbox("RELAY01") as box:
        sandbox.trap("POST", "/outbox$", "after")
        with pytest.raises(MeshFailure):
            box.send("HSP0003", BODY, local_id="8HX03.1.0", **SENT)

        assert [box.sent_as("8HX03.1.0")] == sandbox.inbox("HSP0003")


def test_tls_is_checked_against_the_certificate_authority_that_was_named(
    sandbox: Sandbox, tmp_path: Path
):
    certificate, key = self_signed(tmp_path)
    sandbox.stop()
    sandbox.tls = (certificate, key)
    sandbox.start()

    trusting = MeshMailbox(sandbox.access("RELAY01", ca=certificate))
    trusting.handshake()
    trusting.close()
    with sandbox.mailbox("RELAY01") as box, pytest.raises(MeshFailure, match="no connection"):
        box.handshake()
