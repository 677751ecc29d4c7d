"""Mapping files: every fault with its line, bases and what is laid over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.mapping import MappingFaults, Mappings
from tests.mapping_fixtures import FORMATS, KIND, Folder

GOOD = """\
mapping: rjz-test
version: "1.0.0"
source: {format: json, sender: RJZ, timezone: Europe/London, when: "type = 'A'"}
tables:
  ward: {rows: {1: one}, unmapped: flag}
fields:
  kind: [{when: "x = '1'", const: death}, {const: discharge}]
  patient.family: {from: [family, name], as: strip}
  encounter.ward: {from: ward, table: ward}
  diagnoses: {each: dg, where: "exists code", set: {code: {from: code}}}
issues:
  odd: {when: "exists odd", text: odd}
examples: [examples/rjz-test]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def faults_of(folder: Folder, text: str) -> list[str]:
    folder.write("rjz-test.yaml", text)
    folder.write("examples/rjz-test.txt", "id=1\ntype=A")
    return folder.faults()


def test_a_good_file_loads(folder):
    assert faults_of(folder, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mapping: rjz-test", "mapping: rjz-other", "1:1: this file is the mapping rjz-test"),
        ('"1.0.0"', "1.0", "2:1: version is three numbers"),
        ("fields:", "felds:", "6:1: felds is not known here; known are: mapping, version"),
        ("format: json", "format: jsn", "3:10: format is one of hl7v2"),
        ("format: json", "format: csv", "3:10: there is no reader for csv, only for json"),
        ("sender: RJZ, ", "", "3:1: source.sender is missing"),
        ("sender: RJZ", "sender: R J Z", "3:24: source.sender: an ODS code"),
        (", timezone: Europe/London", "", "3:1: source.timezone is missing"),
        ("Europe/London", "Europe/Kent", "3:37: there is no time zone Europe/Kent"),
        ("Europe/London", "../../etc/passwd", "3:37: there is no time zone"),
        ("type = 'A'", "type = A'", "3:62: condition, character 9"),
        ("type = 'A'", "ty(pe = 'A'", "3:62: condition, character 1: a bracket"),
        ("sender: RJZ", "sender: RJZ, charset: utf-99", "3:37: there is no character set utf-99"),
        ("{1: one}", "{}", "5:10: "),
        (", unmapped: flag", "", "5:3: unmapped must be chosen"),
        ("kind:", "knd:", "7:3: knd: TransferOfCare has no field knd, only kind, message"),
        ("const: death", "const: dead", "7:28: kind: kind is one of admission,"),
        ("family:", "famly:", "8:3: patient.famly: Patient has no field famly"),
        (
            "patient.family",
            "patient.nhs_number",
            "8:3: patient.nhs_number: it is no text: say as: nhs_number",
        ),
        ("patient.family", "patient.birth_date", "say as: date"),
        ("patient.family", "encounter.site", "8:3: encounter.site: it is a record (Organisation)"),
        ("patient.family", "patient.family.x", "family has no fields of its own"),
        ("patient.family", "message.sender", "8:3: message.sender is the authenticated client"),
        ("patient.family", "issues", "8:3: issues are written under the key issues"),
        ("patient.family", "patient", "patient is set field by field"),
        ("patient.family", "encounter.ward.x", "8:3: encounter.ward.x: ward has no fields"),
        ("[family, name]", "fam ily", "8:20: path fam ily: it is a name"),
        ("[family, name]", "[family, na:me]", "8:35: path na:me: it is a name"),
        ("as: strip", "as: stripe", "8:42: 'stripe' is not one of"),
        ("as: strip", "as: {date: x, match: y}", "8:42: "),
        ("as: strip", "as: [date, strip]", "8:42: date must be the last converter"),
        ("as: strip", "as: lines", "it takes one value, and lines makes several"),
        ("as: strip", "as: integer", "8:3: patient.family: it is text, not int"),
        ("as: strip", "as: {match: '(a+)+'}", "8:42: as: pattern, character 5"),
        ("as: strip", "split: ' '", "takes one value: split it with take"),
        (
            "as: strip",
            "const: x",
            "8:3: a rule has exactly one of from, const, each or set; here: from and const",
        ),
        ("as: strip", 'where: "exists x"', "8:42: where cannot stand beside from"),
        ("as: strip", "required: maybe", "8:42: required is true or false"),
        ("{from: [family, name], as: strip}", "family", "8:3: a rule is a block such as"),
        ("{from: [family, name], as: strip}", "{as: strip}", "here: none of them"),
        (
            "{from: [family, name], as: strip}",
            "{set: {x: {from: y}}}",
            "patient.family has no fields to set",
        ),
        (
            "{from: [family, name], as: strip}",
            "null",
            "8:3: patient.family: the base has no such rule",
        ),
        ("table: ward", "table: wards", "9:32: no table wards here; known: ward"),
        ("encounter.ward: {", "diagnoses.code: {", "9:3: diagnoses.code goes into a list"),
        (
            "  encounter.ward:",
            "  patient.family:",
            "9:3: patient.family is here twice, first in line 8",
        ),
        (
            "code: {from: code}",
            "cod: {from: code}",
            "10:53: diagnoses: cod: Diagnosis has no field cod",
        ),
        (
            "code: {from: code}",
            "code: {const: x}",
            "diagnoses: nothing of it comes from the message",
        ),
        ("code: {from: code}", "code: null", "10:53: code: null removes nothing here"),
        (", set: {code: {from: code}}", "", "each needs a set"),
        ("exists code", "exists", "condition, character 7"),
        ("exists odd", "odd", "condition, character 4"),
        ("text: odd", "tekst: odd", "tekst is not known here"),
        ("[examples/rjz-test]", "[]", "examples lists at least one example"),
        ("[examples/rjz-test]", "[../x]", "an example is named by its path"),
        ("[examples/rjz-test]", "[examples/a/../../x]", "examples lie in the examples folder"),
        ("[examples/rjz-test]", "[examples/none]", "there is no file of this name"),
    ],
)
def test_a_fault_names_its_file_line_and_column(folder, old, new, said):
    assert old in GOOD
    faults = faults_of(folder, GOOD.replace(old, new, 1))

    assert [fault for fault in faults if said in fault], faults
    assert all(fault.startswith("rjz-test.yaml:") for fault in faults)


def test_all_faults_of_all_files_are_told_at_once(folder):
    folder.mapping(KIND + "patient.x: {from: a}\npatient.y: {from: 'a b'}", mapping_id="rjz-one")
    folder.mapping("kind: {const: x}\npatient.gender: {from: '-'}", mapping_id="rjz-two")
    folder.write("rjz-three.yaml", "mapping: [")

    lines = [fault.rsplit(":", 1)[0].split(": ")[0] for fault in folder.faults()]

    assert [line.rsplit(":", 1)[0] for line in lines] == [
        "rjz-one.yaml:7", "rjz-one.yaml:8", "rjz-three.yaml:2", "rjz-two.yaml:5", "rjz-two.yaml:6"
    ]  # fmt: skip


def test_other_files_of_the_folder_are_no_mappings(folder):
    folder.mapping(KIND)
    folder.write("directory.yaml", "organisations: []\n")
    folder.write("routing.yaml", "rules: []\n")

    assert [mapping.id for mapping in folder.accepted()] == ["rjz-test"]


def test_a_folder_without_mappings_is_a_fault(tmp_path):
    with pytest.raises(MappingFaults, match="there is no mapping file here"):
        Mappings.load(tmp_path, formats=FORMATS)


DAMAGE = st.lists(
    st.tuples(
        st.integers(0, len(GOOD)),
        st.integers(0, 12),
        st.text(alphabet="abx01 :{}[]'\",.-#&*!|>%@`\n\t?\u00e9\x00", max_size=6),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=DAMAGE)
def test_a_damaged_file_gives_faults_with_places_and_never_crashes(tmp_path, damage):
    text = GOOD
    for at, length, new in damage:
        text = text[:at] + new + text[at + length :]
    folder = Folder(path=tmp_path)

    faults = faults_of(folder, text)

    lines = text.count("\n") + 2
    assert all(1 <= int(fault.split(":")[1]) <= lines for fault in faults), faults


WORDS = st.sampled_from(
    ["from", "const", "each", "set", "as", "table", "join", "split", "when", "else", "where",
     "required", "flag", "kind", "patient.family", "encounter", "requests", "requests.notes", "x",
     "date", "nhs_number", "match", "true", "death", "", "a = 'b'", "exists"]
)  # fmt: skip
SHAPES = st.recursive(
    st.one_of(WORDS, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=14,
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fields=st.dictionaries(WORDS, SHAPES, min_size=1, max_size=4))
def test_any_shape_of_rules_gives_faults_or_a_mapping(tmp_path, fields):
    folder = Folder(path=tmp_path)
    head, _, _ = GOOD.partition("fields:")
    whole = f"{head}fields: {json.dumps(fields)}\nexamples: [examples/rjz-test]\n"

    faults = faults_of(folder, whole)

    assert faults or folder.load().by_id("rjz-test").rules > 0
