"""`convert`: one file to be read by a person, several as NDJSON, refusals in their places."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from service.bundled import bundled_folder
from service.fhir.validate import check_bundle
from tests.cli_runner import RELAY, environment, relay

EXAMPLES = bundled_folder("mappings") / "examples"
DISCHARGE = EXAMPLES / "rjz-a03-home.hl7"
REFERRAL = EXAMPLES / "rjz-i12-hospice.hl7"


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def unmapped(tmp_path: Path) -> Path:
    path = tmp_path / "unmapped.hl7"
    path.write_bytes(DISCHARGE.read_bytes().replace(b"ADT^A03^ADT_A03", b"ORU^R01"))
    return path


def test_a_discharge_becomes_a_collection_for_reading_that_conforms():
    converted = relay("convert", DISCHARGE)

    assert (converted.returncode, converted.stderr) == (0, "")
    bundle = json.loads(converted.stdout)
    assert converted.stdout.startswith('{\n  "resourceType": "Bundle"')
    assert bundle["type"] == "collection"
    assert unquote(bundle["meta"]["source"]) == str(DISCHARGE)
    [patient] = resources(bundle, "Patient")
    communications = resources(bundle, "Communication")
    recipients = {c["recipient"][0]["identifier"]["value"] for c in communications}
    assert {"8HX03", "G99901"} <= recipients
    assert len(recipients) == len(communications) == len(resources(bundle, "Task"))
    assert all(c["subject"]["reference"] == f"Patient/{patient['id']}" for c in communications)
    assert [issue for issue in check_bundle(bundle) if issue.severity in ("error", "fatal")] == []


def test_what_was_doubtful_is_the_last_entry():
    bundle = json.loads(relay("convert", EXAMPLES / "rjz-a03-doubtful.hl7").stdout)

    last = bundle["entry"][-1]["resource"]
    assert last["resourceType"] == "OperationOutcome"
    assert {issue["severity"] for issue in last["issue"]} >= {"warning"}


def test_a_file_from_stdin_is_recognised_by_its_content():
    converted = relay("convert", "-", stdin=DISCHARGE.read_bytes())

    assert converted.returncode == 0
    assert "meta" not in json.loads(converted.stdout)


def test_several_files_come_as_a_line_each_in_their_order():
    converted = relay("convert", REFERRAL, DISCHARGE)

    bundles = lines(converted.stdout)
    assert [unquote(b["meta"]["source"]) for b in bundles] == [str(REFERRAL), str(DISCHARGE)]
    assert converted.stderr == "2 of 2 files converted.\n"


def test_a_folder_is_every_file_in_it_by_name(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.hl7", "inner/c.hl7", "a.hl7", ".hidden.hl7", "a.expected.json"):
        (tmp_path / name).write_bytes(DISCHARGE.read_bytes())

    found = lines(relay("convert", tmp_path).stdout)

    sources = [Path(unquote(b["meta"]["source"])).relative_to(tmp_path) for b in found]
    assert [str(path) for path in sources] == ["a.hl7", "b.hl7", "inner/c.hl7"]


def test_an_empty_folder_is_nothing_to_do(tmp_path):
    converted = relay("convert", tmp_path)

    assert (converted.returncode, converted.stdout) == (0, "")
    assert converted.stderr == "0 of 0 files converted.\n"


def test_a_refused_file_becomes_an_outcome_in_its_place(unmapped):
    converted = relay("convert", DISCHARGE, unmapped, REFERRAL)

    assert converted.returncode == 1
    found = lines(converted.stdout)
    assert [one["resourceType"] for one in found] == ["Bundle", "OperationOutcome", "Bundle"]
    assert unquote(found[1]["meta"]["source"]) == str(unmapped)
    assert "2 of 3 files converted." in converted.stderr


def test_a_refusal_names_the_fault_and_quotes_no_value(unmapped):
    converted = relay("convert", unmapped)

    assert converted.returncode == 1
    outcome = json.loads(converted.stdout)
    assert outcome["issue"][0]["diagnostics"]
    assert "9990001006" not in converted.stdout + converted.stderr


@pytest.mark.parametrize("body", [b"", b"Dear colleague,", b"\x00" * 100, b"{}", b"<a/>"])
def test_what_is_no_message_is_refused(body):
    converted = relay("convert", "-", stdin=body)

    assert converted.returncode == 1
    assert json.loads(converted.stdout)["resourceType"] == "OperationOutcome"
    assert "Traceback" not in converted.stderr


def test_an_unknown_sender_is_served_by_the_base_mapping_which_an_issue_says(tmp_path):
    stranger = tmp_path / "stranger.hl7"
    stranger.write_bytes(DISCHARGE.read_bytes().replace(b"|RJZ|", b"|St Elsewhere|"))

    bundle = json.loads(relay("convert", stranger).stdout)

    said = [issue["diagnostics"] for issue in bundle["entry"][-1]["resource"]["issue"]]
    assert any("base mapping" in text for text in said)
    assert any("--sender" in text for text in said)


def test_the_mapping_and_the_sender_can_be_chosen():
    by_base = relay("convert", DISCHARGE, "--mapping", "base/hl7v2-adt-epic", "--sender", "RJ1")

    [communication, *_] = resources(json.loads(by_base.stdout), "Communication")
    assert communication["sender"]["identifier"]["value"] == "RJ1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mapping", "no-such-mapping"), "there is no mapping of this name"),
        (("--mapping", "base/fhir-r4-document"), ""),
    ],
)
def test_a_mapping_that_does_not_fit_is_said(arguments, said):
    converted = relay("convert", DISCHARGE, *arguments)

    assert converted.returncode == 1
    assert said in json.loads(converted.stdout)["issue"][0]["diagnostics"]


def test_explain_shows_on_stderr_where_every_value_came_from():
    converted = relay("convert", DISCHARGE, "--explain")

    heading, *rows = [line.split("\t") for line in converted.stderr.splitlines()]
    by_target = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    number = by_target["patient.nhs_number"]
    assert (number["Value"], number["By"]) == ("9990001006", "nhs_number")
    assert number["Source"].startswith("PID-3")
    assert ".yaml:" in number["Rule"]
    assert any("table" in row["By"] and ":" in row["By"] for row in by_target.values())
    assert json.loads(converted.stdout)["resourceType"] == "Bundle"


def test_explain_tells_of_a_refused_message_as_far_as_it_came(tmp_path):
    no_patient = b"\r".join(
        line for line in DISCHARGE.read_bytes().split(b"\r") if not line.startswith(b"PID")
    )

    converted = relay("convert", "-", "--explain", stdin=no_patient)

    assert json.loads(converted.stdout)["resourceType"] == "OperationOutcome"
    assert "encounter.ward\tLISTER WARD\tPV1-3" in converted.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'FILE...'"),
        (("nowhere.hl7",), "'nowhere.hl7' does not exist"),
        (("-", "--sender", "R J Z"), "an ODS code is"),
        (("-", "--mappings", "nowhere"), "'nowhere' does not exist"),
    ],
)
def test_a_wrong_argument_is_named(arguments, said):
    refused = relay("convert", *arguments)

    assert refused.returncode == 2
    assert said in refused.stderr


def test_with_a_terminal_a_bar_shows_how_far_it_is_and_stdout_stays_clean(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.hl7").write_bytes(DISCHARGE.read_bytes())
    terminal, end = pty.openpty()

    with subprocess.Popen(
        [*RELAY, "convert", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=end,
        env=environment() | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(end)
        out = process.stdout.read()
        shown = b""
        while chunk := _read(terminal):
            shown += chunk

    assert b"Converting" in shown
    assert len(lines(out.decode())) == 30


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed
        return b""
