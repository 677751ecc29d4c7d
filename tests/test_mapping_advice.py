"""What is odd about mapping files is told with its place and what to do, and the rest is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.mapping import Advice, check
from tests.cli_runner import relay
from tests.mapping_fixtures import FORMATS, KIND, Folder

WHOLE = """\
mapping: {id}
version: "1.2.3"
description: everything
source: {{format: json, {sender}timezone: Europe/London}}
"""
TOLD = KIND + "patient.gp_practice.ods: {from: practice, as: ods}\n"
SENT = "id=1\nfamily=A\npractice=G99901"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def advice(folder: Folder, fields: str, *, example: str = SENT, more: str = "") -> list[Advice]:
    """What is told of one mapping, hints and what nobody reads aside."""
    head = WHOLE.format(id="rjz-test", sender="sender: RJZ, ")
    folder.mapping(TOLD + fields, head=head, more=more, example=example)
    return accepted(folder)


def accepted(folder: Folder) -> list[Advice]:
    folder.accepted()
    report = check(folder.path, formats=FORMATS)
    assert report.faults == ()
    every = [*report.strays, *(each for one in report.mappings for each in one.advice)]
    return [each for each in every if each.kind != "unread"]


def told(found: list[Advice], level: str = "warning") -> list[tuple[str, int, str]]:
    return [(each.file, each.line, each.kind) for each in found if each.level == level]


def test_of_a_mapping_whose_examples_try_every_rule_nothing_is_told(folder):
    assert advice(folder, "") == []


def test_a_when_that_holds_in_no_example_is_told_where_it_stands(folder):
    found = advice(
        folder,
        """\
        encounter.ward:
          - {when: "bed = '1'", from: ward}
          - {when: "bed = '2'", from: ward}
          - {from: ward}
        """.replace("        ", ""),
        example=SENT + "\nbed=2\nward=W",
    )

    assert told(found) == [
        ("rjz-test.yaml", 10, "when-never-holds"),
        ("rjz-test.yaml", 12, "rule-without-example"),
    ]
    assert found[0].text == "encounter.ward: its `when` holds in no example"
    assert "add an example" in found[0].todo


def test_rules_inside_a_list_are_looked_at_too(folder):
    found = advice(
        folder,
        "recipients: {each: to, set: {name: {from: name}, ods: {from: code, as: ods}}}\n",
        example=SENT + "\n[to]\nname=N",
    )

    assert [(each.kind, each.text.partition(":")[0]) for each in found] == [
        ("rule-without-example", "recipients.ods")
    ]


def test_unused_tables_rows_names_and_issues_are_told(folder):
    found = advice(
        folder,
        "encounter.klass: {from: class, table: used}\n",
        example=SENT + "\nclass=I",
        more="""\
        names: {never: "a = 'b'"}
        tables:
          used:
            rows:
              I: IMP
              O: AMB
            unmapped: flag
          idle: {rows: {x: y}, unmapped: flag}
        issues: {odd: {when: "exists odd", text: odd}}
        """,
    )

    assert told(found) == [
        ("rjz-test.yaml", 5, "unused-name"),
        ("rjz-test.yaml", 12, "unused-table"),
        ("rjz-test.yaml", 13, "issue-without-example"),
    ]
    [row] = [each for each in found if each.level == "hint"]
    assert (row.kind, row.text) == ("unused-row", "no example uses O of the table used")


def test_a_value_without_which_all_is_refused_is_a_hint(folder):
    found = advice(
        folder,
        "encounter.ward: {from: ward, required: true}\n"
        "encounter.bed: {from: [bed, cot], required: true}\n",
        example=SENT + "\nward=1\nbed=2",
    )

    assert told(found) == []
    assert [each.text for each in found] == [
        "encounter.ward: without ward every message is refused"
    ]


def test_a_mapping_that_tells_nobody_or_says_nothing_of_itself_is_told(folder):
    folder.mapping(KIND, example="id=1\nfamily=A")

    assert {kind for _, _, kind in told(accepted(folder))} == {"no-recipients", "no-description"}


def test_what_no_example_of_a_base_tries_is_a_hint_and_the_examples_of_its_heirs_count(folder):
    base = WHOLE.format(id="base/any", sender="")
    ward = TOLD + "encounter.ward: {from: ward}\nencounter.bed: {from: bed}\n"
    folder.mapping(ward, mapping_id="base/any", head=base, example=SENT)
    heir = (
        'mapping: rjz-test\nversion: "1.0.0"\ndescription: d\nextends: base/any\n'
        "source: {sender: RJZ}\nexamples: [examples/rjz-test]\n"
    )
    folder.write("rjz-test.yaml", heir)
    folder.write("examples/rjz-test.txt", SENT + "\nbed=7")

    found = accepted(folder)

    assert told(found) == []
    assert [each.text for each in found if each.kind == "rule-without-example"] == [
        "encounter.ward: no example makes this rule give a value"
    ]


def test_files_that_no_mapping_names_are_told(folder):
    folder.write("examples/old.txt", SENT)
    folder.write("tables/old.csv", "# Source: a test\nsource,code\nA,1\n")

    assert told(advice(folder, "")) == [
        ("examples/old.txt", 1, "stray-example"),
        ("tables/old.csv", 1, "stray-table"),
    ]


def test_the_command_prints_warnings_counts_hints_and_gives_all_as_json(tmp_path):
    folder = shipped_copy(tmp_path)

    plain, hints = relay("check-mappings", folder), relay("check-mappings", folder, "--hints")
    as_json = json.loads(relay("check-mappings", folder, "--json").stdout)

    warnings = [each for each in as_json["advice"] if each["level"] == "warning"]
    assert (
        "rjz-adt.yaml:4:10: warning: RXY is not in directory.yaml: "
        "enter it there: recipients are shown its name"
    ) in plain.stdout
    assert all(
        f"{w['file']}:{w['line']}:{w['column']}: warning: " in plain.stdout for w in warnings
    )
    assert ": hint: " not in plain.stdout
    assert "hints on what no example tries; --hints shows them." in plain.stderr
    assert hints.stdout.count(": hint: ") == len(as_json["advice"]) - len(warnings) > 100
    assert {one["id"] for one in as_json["mappings"]} == {"base/hl7v2-adt", "rjz-adt"}
    assert as_json["faults"] == []


def test_an_example_of_which_nobody_would_be_told_is_named(tmp_path):
    folder = shipped_copy(tmp_path)
    message = folder / "examples" / "rjz-x.hl7"
    lines = message.read_bytes().split(b"\r")
    kept = [line for line in lines if not line.startswith((b"PD1", b"DG1", b"ROL"))]
    message.write_bytes(b"\r".join(kept).replace(b"TN2 9ZZ", b""))
    relay("check-mappings", folder, "--accept")

    checked = relay("check-mappings", folder)

    assert "examples/rjz-x is a discharge of which nobody is told" in checked.stdout


def test_as_json_faults_come_too_and_the_exit_code_says_so(tmp_path):
    folder = shipped_copy(tmp_path)
    file = folder / "rjz-adt.yaml"
    file.write_text(file.read_text() + "fields: {patient.familly: {from: PID-5.1}}\n")

    checked = relay("check-mappings", folder, "--json")

    assert checked.returncode == 1
    [fault] = json.loads(checked.stdout)["faults"]
    assert (fault["file"], fault["line"]) == ("rjz-adt.yaml", 6)


def shipped_copy(folder: Path) -> Path:
    """The base mapping for ADT, and a small one of a sender whom the directory does not know."""
    from service.bundled import bundled_folder

    shipped = bundled_folder("mappings")
    names = ["base/hl7v2-adt.yaml", "directory.yaml", "routing.yaml"]
    names += ["directory.schema.json", "routing.schema.json"]
    names += [f"tables/{path.name}" for path in (shipped / "tables").iterdir()]
    names += [f"examples/{path.name}" for path in (shipped / "examples").glob("base-a*")]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((shipped / name).read_bytes())
    message = (shipped / "examples" / "rjz-a03-home.hl7").read_bytes()
    (folder / "examples" / "rjz-x.hl7").write_bytes(message.replace(b"EPIC", b"PAS"))
    (folder / "rjz-adt.yaml").write_text(
        'mapping: rjz-adt\nversion: "1.0.0"\nextends: base/hl7v2-adt\nsource: {sender: RXY}\n'
        "examples: [examples/rjz-x]\n"
    )
    relay("check-mappings", folder, "--accept")
    return folder
