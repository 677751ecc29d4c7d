"""`check-mappings`: every fault with its line, and what is odd without being wrong."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from service.bundled import bundled_folder
from tests.cli_runner import RELAY, environment, relay

BASE = "base/hl7v2-adt.yaml"
EXAMPLE = "examples/small"
TRUST = f"""mapping: rjz-small
version: "1.0.0"
extends: base/hl7v2-adt
source: {{sender: RJZ}}
examples: [{EXAMPLE}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The base mapping for ADT alone, and one small mapping of a trust on it."""
    shipped, copy = bundled_folder("mappings"), tmp_path / "mappings"
    shutil.copytree(shipped, copy, ignore=shutil.ignore_patterns("*.yaml"))
    for name in (BASE, "directory.yaml", "routing.yaml"):
        (copy / name).write_bytes((shipped / name).read_bytes())
    (copy / "rjz-small.yaml").write_text(TRUST)
    sent = (copy / "examples" / "rjz-a03-home.hl7").read_bytes()
    (copy / f"{EXAMPLE}.hl7").write_bytes(sent.replace(b"EPIC", b"PAS"))
    relay("check-mappings", copy, "--accept")
    return copy


def spoil(path: Path, before: str, after: str) -> int:
    """Change a file, and return the line that was changed."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return text[: text.index(before)].count("\n") + 1


def test_the_shipped_mappings_are_good():
    checked = relay("check-mappings")

    assert checked.returncode == 0, checked.stdout
    heading, *rows = [line.split("\t") for line in checked.stdout.splitlines() if "\t" in line]
    assert heading == ["mapping", "version", "rules", "examples", ""]
    assert {row[-1] for row in rows} == {"good"}
    assert all(int(row[3]) >= 1 for row in rows)


def test_a_good_folder_is_listed_with_its_rules_and_examples(folder):
    checked = relay("check-mappings", folder)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    rows = {line.split("\t")[0]: line.split("\t") for line in checked.stdout.splitlines()}
    assert rows["rjz-small"][1] == "1.0.0"
    assert int(rows["rjz-small"][2]) > 100
    assert rows["rjz-small"][3:] == ["1", "good"]
    assert checked.stdout.endswith("2 mappings, every example as expected.\n")


def test_every_fault_is_named_with_its_file_and_line(folder):
    trust = folder / "rjz-small.yaml"
    trust.write_text(
        TRUST + "fields:\n  patient.familly: {from: PID-5.1}\n  encounter.wart: {from: PV1-3}\n"
    )

    checked = relay("check-mappings", folder)

    assert checked.returncode == 1
    assert "rjz-small.yaml:7:" in checked.stdout
    assert "rjz-small.yaml:8:" in checked.stdout
    assert "familly" in checked.stdout
    assert "faults in" in checked.stderr


def test_faults_of_directory_and_routing_are_found_too(folder):
    line = spoil(folder / "directory.yaml", "kind: hospice", "kind: hospise")

    checked = relay("check-mappings", folder)

    assert checked.returncode == 1
    assert f"directory.yaml:{line}:" in checked.stdout


def test_an_example_that_comes_out_otherwise_is_a_fault_that_accept_settles(folder):
    expected = folder / f"{EXAMPLE}.expected.json"
    spoil(expected, '"TESTPATIENT"', '"ANOTHER"')

    before = relay("check-mappings", folder)
    accepted = relay("check-mappings", folder, "--accept")
    after = relay("check-mappings", folder)

    assert before.returncode == 1
    assert f"{EXAMPLE}: patient.family: expected" in before.stdout
    assert f"wrote {expected}" in accepted.stdout
    assert (accepted.returncode, after.returncode) == (0, 0)
    assert "nothing was written" in relay("check-mappings", folder, "--accept").stdout


def test_what_no_rule_reads_is_listed_for_every_example(folder):
    message = folder / f"{EXAMPLE}.hl7"
    message.write_bytes(message.read_bytes().rstrip(b"\r\n") + b"\rZKC|1|a local flag\r")
    relay("check-mappings", folder, "--accept")

    checked = relay("check-mappings", folder)

    [unread] = [li for li in checked.stdout.splitlines() if li.startswith("rjz-small.yaml:5:")]
    assert unread.startswith(f"rjz-small.yaml:5:12: warning: in {EXAMPLE} no rule reads")
    assert "ZKC-2: add a rule, or name them under ignored" in unread
    assert "a local flag" not in checked.stdout
    assert checked.returncode == 0


def test_unused_tables_and_alternatives_without_a_turn_are_named(folder):
    (folder / "rjz-small.yaml").write_text(
        TRUST
        + "tables:\n  idle: {rows: {A: B}, unmapped: flag}\n"
        + "fields:\n  kind: [{const: discharge}, {const: death}]\n"
    )
    relay("check-mappings", folder, "--accept")

    checked = relay("check-mappings", folder)

    assert "rjz-small.yaml:7:3: warning: no rule uses the table idle" in checked.stdout
    assert "rjz-small.yaml:9:30: warning: never reached" in checked.stdout
    assert checked.returncode == 0


def test_a_folder_without_mappings_is_an_error(tmp_path):
    checked = relay("check-mappings", tmp_path)

    assert checked.returncode == 1
    assert f"there is no mapping file in {tmp_path}" in checked.stderr


def test_the_folder_may_come_from_the_environment(folder):
    checked = relay("check-mappings", mappings=folder)

    assert "rjz-small" in checked.stdout


def test_a_terminal_gets_a_drawn_table(folder):
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*RELAY, "check-mappings", str(folder)],
        stdout=end,
        stderr=end,
        env=environment() | {"TERM": "xterm", "COLUMNS": "120"},
    ):
        os.close(end)
        shown = b""
        try:
            while chunk := os.read(terminal, 4096):
                shown += chunk
        except OSError:  # Linux says so when the other end is closed
            text = shown.decode()

    assert "│ rjz-small" in text
    assert "\t" not in text
