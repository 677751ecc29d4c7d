"""The file that describes the mailbox: every fault with its line, no secret in it or in a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.bundled import bundled_folder
from service.delivery.directory import Directory
from service.mesh.configuration import PASSWORD, SHARED_KEY, MeshConfiguration, MeshFaults
from tests.cli_runner import relay
from tests.mesh_relay import mappings_with_mesh

DIRECTORY = Directory.load(bundled_folder("mappings"))
SECRETS = {PASSWORD: "a-password", SHARED_KEY: "a-key"}
WRITTEN = {"url": "https://msg.example", "mailbox": "X26HC001"}


def load(folder: Path, directory: Directory = DIRECTORY, **written: object) -> MeshConfiguration:
    path = folder / "mesh.yaml"
    path.write_text(json.dumps(WRITTEN | written))
    return MeshConfiguration.load(path, SECRETS, directory)


def faults(folder: Path, text: str, environment: dict[str, str] = SECRETS) -> list[str]:
    path = folder / "mesh.yaml"
    path.write_text(text)
    with pytest.raises(MeshFaults) as caught:
        MeshConfiguration.load(path, environment, DIRECTORY)
    return [str(fault) for fault in caught.value.faults]


def test_two_lines_and_two_secrets_are_enough(tmp_path: Path):
    mesh = load(tmp_path)

    assert (mesh.access.url, mesh.access.mailbox) == ("https://msg.example", "X26HC001")
    assert (mesh.access.password, mesh.access.shared_key) == ("a-password", b"a-key")
    assert (mesh.poll, mesh.access.timeout) == (300, 60)
    assert "a-password" not in repr(mesh)
    assert "a-key" not in repr(mesh)


@pytest.mark.parametrize(
    ("workflow", "is_message", "is_answer"),
    [
        ("TOC_FHIR_IP_DISCH", True, False),
        ("TOC_FHIR_EC_DISCH_ACK", False, True),
        ("DISCHARGE_RELAY_ACK", False, True),
        ("PAYROLL", False, False),
        ("", False, False),
    ],
)
def test_a_workflow_says_what_a_message_is(
    tmp_path: Path, workflow: str, is_message: bool, is_answer: bool
):
    mesh = load(tmp_path)

    assert (mesh.is_message(workflow), mesh.is_answer(workflow)) == (is_message, is_answer)


def test_other_workflows_can_be_named(tmp_path: Path):
    mesh = load(tmp_path, take_in=["LOCAL_*"], acknowledgements=["LOCAL_REPLY"])

    assert mesh.is_message("LOCAL_DISCHARGE")
    assert mesh.is_answer("LOCAL_REPLY")
    assert not mesh.is_message("LOCAL_REPLY")
    assert not mesh.is_message("TOC_FHIR_IP_DISCH")


def test_the_environment_wins_over_the_file(tmp_path: Path):
    path = tmp_path / "mesh.yaml"
    path.write_text(json.dumps(WRITTEN))
    other = {"DISCHARGE_RELAY_MESH_URL": "https://b.example", "DISCHARGE_RELAY_MESH_MAILBOX": "B01"}

    access = MeshConfiguration.load(path, SECRETS | other, DIRECTORY).access

    assert (access.url, access.mailbox) == ("https://b.example", "B01")


def test_whose_a_mailbox_is_stands_in_the_file_or_in_the_directory(tmp_path: Path):
    directory = Directory.load(mappings_with_mesh(tmp_path, "8HX03"))

    mesh = load(tmp_path, directory, senders=[{"mailbox": "RJZ0001", "ods": "RJZ"}])

    assert mesh.senders == {"HSP0003": "8HX03", "RJZ0001": "RJZ"}
    with pytest.raises(MeshFaults, match="the mailbox HSP0003 is that of 8HX03"):
        load(tmp_path, directory, senders=[{"mailbox": "HSP0003", "ods": "RJZ"}])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "mesh.yaml:1:1"),
        ("url: https://a.example\n", "'mailbox' is a required property"),
        ("url: a.example\nmailbox: X26\n", "mesh.yaml:1:1: url is an address without a path"),
        ("url: https://a.example\nmailbox: X26\npassword: p\n", "3:1: password is not known here"),
        ("url: https://a.example\nmailbox: X26\nca: ca.pem\n", "there is no file ca.pem"),
        ("url: https://a.example\nmailbox: X26\npoll: 0\n", "a number of seconds from 1 to"),
        ("url: https://a.example\nmailbox: X26\nkey: k\n", "'certificate' is a dependency of"),
        (
            "url: https://a.example\nmailbox: X26\nsenders:\n"
            "  - {mailbox: A01, ods: RJZ}\n  - {mailbox: A01, ods: RVV}\n",
            "mesh.yaml:5:6: the mailbox A01 is that of RJZ",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, fault: str):
    assert fault in "\n".join(faults(tmp_path, text))


def test_missing_secrets_are_named(tmp_path: Path):
    told = faults(tmp_path, json.dumps(WRITTEN), {PASSWORD: "", "OTHER": "x"})

    assert [line.partition(" ")[0] for line in told] == [PASSWORD, SHARED_KEY]


@pytest.mark.parametrize("command", ["serve", "deliver"])
def test_a_command_ends_with_the_faults_in_words(tmp_path: Path, command: str):
    path = tmp_path / "mesh.yaml"
    path.write_text("url: https://a.example\nmailbox: X26\nsecret: p\n")

    refused = relay(command, "--mesh", path, "--database", f"sqlite:///{tmp_path}/r.db")

    assert refused.returncode == 1
    assert "mesh.yaml:3:1: secret is not known here" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_directory_that_names_mesh_needs_a_mailbox_of_its_own(tmp_path: Path):
    folder = mappings_with_mesh(tmp_path, "8HX03", "8HX01")
    path = folder / "directory.yaml"
    text = path.read_text("utf-8").replace("HSP0001", "HSP0003")
    head, entry, rest = text.partition("  - ods: 8HX02\n")
    path.write_text(head + entry + rest.replace("[feed, inbox]", "[mesh]", 1), "utf-8")

    told = relay("check-mappings", folder)

    assert "the mailbox HSP0003 is that of" in told.stdout
    assert "8HX02 is to be reached by mesh: say its mesh mailbox and workflow" in told.stdout
