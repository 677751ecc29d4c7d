"""What could not be taken in: listed, shown, sent through again once the mapping is mended."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from service.app import Relay, compose
from service.errors import ServiceError
from service.model import OdsCode
from service.settings import Settings, bundled_folder
from service.store import migrate, open_store
from tests.cli_runner import relay

SHIPPED = bundled_folder("mappings")
DISCHARGE = (SHIPPED / "examples" / "rjz-a03-home.hl7").read_bytes()
RESULT = DISCHARGE.replace(b"ADT^A03^ADT_A03", b"ORU^R01")
RESULT_ID = b"KCH-20250314-0000417"
HL7V2 = "application/hl7-v2"


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    migrate(url)
    return url


def receive(relay_: Relay, body: bytes) -> None:
    with pytest.raises(ServiceError):
        relay_.pipeline.receive(OdsCode("RJZ"), HL7V2, body)


@pytest.fixture
def refused(database: str) -> list[str]:
    """The ids of two messages of a type that nobody mapped."""
    relay_ = compose(Settings(database=database))
    with relay_.store as store:
        receive(relay_, RESULT)
        receive(relay_, RESULT.replace(RESULT_ID, b"KCH-2"))
        receive(relay_, RESULT.replace(RESULT_ID, b"KCH-2"))
        return [letter.id for letter in store.dead_letters.list()]


MENDED = """mapping: rjz-results
version: "1.0.0"
extends: base/hl7v2-adt
source: {sender: RJZ, when: "MSH-9.1 = 'ORU'"}
fields:
  kind: {const: discharge}
examples: [examples/rjz-results]
"""


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    """The shipped mappings, and one more that takes this type for a discharge."""
    folder = tmp_path / "mappings"
    shutil.copytree(SHIPPED, folder)
    (folder / "rjz-results.yaml").write_text(MENDED)
    (folder / "examples" / "rjz-results.hl7").write_bytes(RESULT)
    accepted = relay("check-mappings", folder, "--accept")
    assert accepted.returncode == 0, accepted.stdout
    return folder


def rows(text: str) -> list[dict[str, str]]:
    heading, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_refused_messages_are_listed_without_anything_of_the_patient(database, refused):
    listed = relay("dead-letters", "--database", database)

    assert listed.returncode == 0
    found = rows(listed.stdout)
    assert [row["id"] for row in found] == refused
    assert [row["times"] for row in found] == ["1", "2"]
    assert {row["sender"] for row in found} == {"RJZ"}
    assert {row["media type"] for row in found} == {HL7V2}
    assert found[0]["first issue"]
    assert found[0]["last came"].endswith("Z")
    assert "TESTPATIENT" not in listed.stdout
    assert rows(relay("dead-letters", "--sender", "RJ1", "--database", database).stdout) == []


def test_one_is_shown_with_every_issue_and_its_bytes_only_when_asked(database, refused):
    shown = relay("dead-letters", "--database", database, "show", refused[1])
    raw = relay("dead-letters", "--database", database, "show", refused[1], "--raw")

    assert shown.stdout.startswith(f"{refused[1]} is refused\nfrom RJZ, {HL7V2}, ")
    assert "came 2 times" in shown.stdout
    with open_store(database) as store:
        letter = store.dead_letters.get(refused[1])
    assert letter.issues
    for issue in letter.issues:
        assert f"{issue.severity}: {issue.text}" in shown.stdout
    assert "TESTPATIENT" not in shown.stdout
    assert raw.stdout.encode() == RESULT.replace(RESULT_ID, b"KCH-2")


def test_replay_takes_in_what_the_mended_mapping_understands(database, refused, mended):
    before = relay("replay", refused[0], "--database", database)
    after = relay("replay", refused[0], "--database", database, "--mappings", mended)
    again = relay("replay", refused[0], "--database", database, "--mappings", mended)

    assert before.returncode == 1
    assert f"{refused[0]} is refused again:\n  " in before.stdout
    assert after.returncode == 0, after.stdout + after.stderr
    assert f"{refused[0]} is taken in; it goes to " in after.stdout
    assert "8HX03" in after.stdout
    assert again.returncode == 1
    assert "committed: nothing to replay" in again.stderr
    with open_store(database) as store:
        assert [letter.id for letter in store.dead_letters.list()] == [refused[1]]
        assert store.head("8HX03").n == 1


def test_replay_all_takes_each_by_itself(database, refused, mended):
    relay_ = compose(Settings(database=database))
    with relay_.store:
        receive(relay_, DISCHARGE.replace(b"ADT^A03^ADT_A03", b"ORM^O01"))

    replayed = relay("replay", "--all", "--database", database, "--mappings", mended)

    assert replayed.returncode == 1
    assert replayed.stdout.count(" is taken in; ") == 2
    assert replayed.stdout.count(" is refused again:") == 1
    assert replayed.stderr == "2 taken in, 1 refused again.\n"


def test_nothing_is_replayed_if_one_of_the_ids_is_wrong(database, refused, mended):
    replayed = relay(
        *("replay", refused[0], "no-such-id", "--database", database, "--mappings", mended)
    )

    assert (replayed.returncode, replayed.stdout) == (1, "")
    assert "there is no dead letter no-such-id" in replayed.stderr


def test_a_skipped_message_is_closed_with_who_and_why(database, refused):
    skipped = relay("skip", refused[0], "--reason", "A test of theirs", "--database", database)
    again = relay("skip", refused[0], "--reason", "again", "--database", database)
    shown = relay("dead-letters", "--database", database, "show", refused[0])

    assert skipped.stdout == f"{refused[0]} is skipped.\n"
    assert again.returncode == 1
    assert "is skipped: there is nothing to skip" in again.stderr
    assert [row["id"] for row in rows(relay("dead-letters", database=database).stdout)] == [
        refused[1]
    ]
    assert [
        row["id"] for row in rows(relay("dead-letters", "--skipped", database=database).stdout)
    ] == [refused[0]]
    assert shown.stdout.splitlines()[-1].endswith(": A test of theirs")


def test_a_reason_must_say_something(database, refused):
    empty = relay("skip", refused[0], "--reason", " ", "--database", database)

    assert empty.returncode == 2
    assert "say why" in empty.stderr


@pytest.mark.parametrize("command", [("dead-letters", "show"), ("replay",)])
def test_an_unknown_id_is_named(database, command):
    unknown = relay(*command, "no-such-id", database=database)

    assert unknown.returncode == 1
    assert "there is no dead letter no-such-id" in unknown.stderr


def test_an_empty_list_says_so_and_is_no_error(database):
    listed = relay("dead-letters", "--database", database)
    replayed = relay("replay", "--all", "--database", database)

    assert (listed.returncode, listed.stderr) == (0, "Nothing was refused.\n")
    assert (replayed.returncode, replayed.stderr) == (0, "0 taken in, 0 refused again.\n")
