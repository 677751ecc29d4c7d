"""A watched folder: what is taken, when, what becomes of it, and what a fault delays."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.app import Relay, take_in
from service.bundled import bundled_folder
from tests.hl7v2_letters import a03
from tests.inbox_drop import SETTLE, Drop
from tests.mllp_wire import quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with quick_relay(sqlite_url) as relay:
        yield relay


@pytest.fixture
def drop(tmp_path: Path, relay: Relay) -> Drop:
    return Drop.of(tmp_path / "inbox", partial(take_in, relay))


def test_a_file_is_taken_in_answered_and_put_away(drop: Drop, relay: Relay) -> None:
    drop.put("discharge.hl7", a03())

    assert drop.settled()

    assert drop.names("incoming") == drop.names("processing") == drop.names("failed") == []
    assert drop.names("done") == ["discharge.hl7", "discharge.hl7.answer.hl7"]
    assert b"MSA|AA|K0001" in drop.read("done", ".answer.hl7")
    assert drop.read("done", "discharge.hl7") == a03()
    (communication,) = Team.of(relay, "G99901").feed()
    assert communication["sender"]["identifier"]["value"] == "RJZ"


def test_each_sender_has_a_folder_and_other_folders_are_nobodys(drop: Drop, relay: Relay) -> None:
    referral = (EXAMPLES / "rj1-transaction-referral.json").read_bytes()
    drop.put("referral.json", referral, sender="RJ1")
    drop.put("discharge.hl7", a03(), sender="not an organisation")

    assert drop.settled()

    assert drop.names("done", "RJ1") == ["referral.json", "referral.json.answer.json"]
    assert Team.of(relay, "RJ1").get("/fhir/ServiceRequest").get_json()["entry"]
    assert (drop.root / "not an organisation" / "incoming" / "discharge.hl7").exists()


MANY = a03() + a03(control_id="K0002")
TAKEN = {
    "several messages": ("batch.hl7", MANY, [b"MSA|AA|K0001", b"MSA|AA|K0002"]),
    "a file without an extension": ("discharge", a03(), [b"MSA|AA|K0001"]),
    "MLLP frames": ("frames.dat", b"\x0b" + a03() + b"\x1c\r", [b"MSA|AA|K0001"]),
    "gzip": ("discharge.hl7.gz", gzip.compress(a03()), [b"MSA|AA|K0001"]),
    "capitals": ("DISCHARGE.HL7", a03(), [b"MSA|AA|K0001"]),
    "a name that is no UTF-8": (os.fsdecode(b"entlassen-\xfc.hl7"), a03(), [b"MSA|AA|K0001"]),
    "a long name": ("x" * 240 + ".hl7", a03(), [b"MSA|AA|K0001"]),
}


@pytest.mark.parametrize(("name", "content", "answers"), TAKEN.values(), ids=TAKEN)
def test_files_are_taken_as_they_come(
    drop: Drop, name: str, content: bytes, answers: list[bytes]
) -> None:
    drop.put(name, content)

    assert drop.settled()

    answer = drop.read("done", ".answer.hl7")
    assert [text in answer for text in answers] == [True] * len(answers)
    assert drop.names("failed") == []


REFUSED = {
    "an event that is not mapped": ("p03.hl7", a03(event="P03"), b"MSA|AR|K0001"),
    "no message": ("note.hl7", b"hello", b"MSA|AE|"),
    "one of two": ("two.hl7", a03() + a03(control_id="K2", event="P03"), b"MSA|AR|K2"),
    "no format that is known": ("note.bin", b"hello", b"not recognised"),
    "an empty file": ("empty.txt", b"", b"OperationOutcome"),
    "a broken gzip": ("broken.hl7.gz", gzip.compress(a03())[:200], b"not whole gzip"),
    "no gzip": ("plain.hl7.gz", a03(), b"not whole gzip"),
    "too large": ("large.hl7", a03(more=("x" * 20_000,)), b"larger than the 20000 bytes"),
    "too large once unpacked": (
        *("bomb.hl7.gz", gzip.compress(b"\0" * 10_000_000)),
        b"larger than the 20000 bytes",
    ),
}


@pytest.mark.parametrize(("name", "content", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_put_aside_with_the_reason(
    tmp_path: Path, relay: Relay, name: str, content: bytes, told: bytes
) -> None:
    drop = Drop.of(tmp_path / "inbox", partial(take_in, relay), limit=20_000)
    drop.put(name, content)

    with capture_logs() as logged:
        assert drop.settled()

    assert drop.names("done") == drop.names("processing") == []
    (kept, answer) = sorted((drop.root / "RJZ" / "failed").iterdir())
    assert kept.read_bytes() == content
    assert told in answer.read_bytes()
    *refused, line = logged  # a line for each message of the file that was refused, and one of it
    assert {one["event"] for one in refused} <= {"message refused"}
    assert (line["event"], line["organisation"]) == ("inbox file refused", "RJZ")
    assert kept.name.startswith(line["message_id"])
    assert name not in str(logged)


UNFINISHED = ("discharge.hl7.tmp", "discharge.part", ".discharge.hl7", "~discharge.hl7", "a.hl7~")


@pytest.mark.parametrize("name", UNFINISHED)
def test_a_name_that_says_unfinished_is_left_alone(drop: Drop, name: str) -> None:
    dropped = drop.put(name, a03())

    assert drop.settled()
    assert dropped.exists()

    dropped.rename(dropped.with_name("discharge.hl7"))
    assert drop.settled()
    assert drop.names("done")[0] == "discharge.hl7"


def test_a_file_that_still_grows_or_is_still_open_is_left_alone(drop: Drop) -> None:
    with drop.put("discharge.hl7", a03()[:200]).open("ab") as writer:
        drop.look()
        writer.write(a03()[200:300])
        writer.flush()
        drop.look(SETTLE)
        while_it_grew = drop.names("incoming")
        drop.look(100)
        while_it_was_open = drop.names("incoming")
        writer.write(a03()[300:])
    drop.settled()

    assert while_it_grew == while_it_was_open == ["discharge.hl7"]
    assert b"MSA|AA|K0001" in drop.read("done", ".answer.hl7")


def test_a_file_that_grows_from_time_to_time_must_rest_for_a_while(drop: Drop) -> None:
    dropped = drop.put("discharge.hl7", a03()[:200])
    drop.look()
    with dropped.open("ab") as writer:
        writer.write(a03()[200:])
    drop.look(SETTLE)
    drop.look(SETTLE - 1)
    before = drop.names("incoming")
    drop.look(1)

    assert before == ["discharge.hl7"]
    assert b"MSA|AA|K0001" in drop.read("done", ".answer.hl7")


def test_links_and_folders_are_left_alone(drop: Drop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hl7"
    secret.write_bytes(a03())
    (drop.root / "RJZ" / "incoming" / "link.hl7").symlink_to(secret)
    (drop.root / "RJZ" / "incoming" / "folder.hl7").mkdir()
    os.mkfifo(drop.root / "RJZ" / "incoming" / "pipe.hl7")

    assert drop.settled()

    assert len(drop.names("incoming")) == 3


def test_the_same_name_every_day_overwrites_nothing(drop: Drop, relay: Relay) -> None:
    for number in range(3):
        drop.put("discharge.hl7", a03(control_id=f"K{number}"))
        assert drop.settled()

    assert drop.names("done").count("discharge.hl7") == 3
    assert len(Team.of(relay, "G99901").feed()) == 3


def test_files_are_taken_in_the_order_in_which_they_were_written(drop: Drop) -> None:
    for number, name in enumerate(("c.hl7", "a.hl7", "b.hl7")):
        os.utime(drop.put(name, a03(control_id=f"K{number}")), (number, number))

    assert drop.settled()

    assert [n for n in drop.names("done") if n.endswith("7") and "answer" not in n] == [
        *("c.hl7", "a.hl7", "b.hl7")
    ]
