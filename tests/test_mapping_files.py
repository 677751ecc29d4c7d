"""Mapping files: every fault with its line, bases and what is laid over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import yamlfile
from service.mapping import MappingFaults, Mappings
from tests.mapping_fixtures import FORMATS, KIND, Folder, apply

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


def test_scalars_stay_as_they_are_written():
    document = yamlfile.parse("a: 01\nb: NO\nc: 22:30\nd: 1e3\ne: ~\nf: 'null'\ng:\n", "x.yaml")

    assert document.value == {
        "a": "01", "b": "NO", "c": "22:30", "d": "1e3", "e": None, "f": "null", "g": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: a is here twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", "x.yaml:1:11: b is here twice"),
        ("a: *b\n", "x.yaml:1:4: anchors and aliases are not used"),
        ("a: &b 1\n", "x.yaml:1:4: anchors and aliases are not used"),
        ("a: !!int 1\n", "x.yaml:1:4: tags are not used"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document"),
        ("a: [1\n", "x.yaml:2:1: not YAML"),
        ("a: 'b\n", "x.yaml:2:1: not YAML"),
        ("? {a: b}\n: c\n", "x.yaml:1:3: not YAML: a key must be text"),
        ("a: " + "[" * 60, "x.yaml:1:43: not YAML: nested too deeply"),
        ("a: \x01\n", "x.yaml:1:1: not YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_a_fault_at_its_place(text, said):
    faults = [str(fault) for fault in yamlfile.parse(text, "x.yaml").faults]

    assert [fault for fault in faults if fault.startswith(said)], faults


def test_a_file_that_is_not_utf8_or_not_there_is_a_fault(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")

    assert "byte 3 is not UTF-8" in str(yamlfile.read(tmp_path / "a.yaml", "a.yaml").faults[0])
    assert "No such file" in str(yamlfile.read(tmp_path / "b.yaml", "b.yaml").faults[0])


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
        ("const: death", "const: dead", "7:28: kind: kind is one of discharge,"),
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
        "rjz-one.yaml:7", "rjz-one.yaml:8", "rjz-three.yaml:1", "rjz-two.yaml:5", "rjz-two.yaml:6"
    ]  # fmt: skip


def test_a_file_is_laid_over_its_base_field_by_field(folder):
    folder.mapping(
        """
        kind: {const: discharge}
        patient.family: {from: family}
        patient.prefix: {from: title}
        patient.gp: {set: {id: {from: gp}, family: {from: gpname}}}
        encounter.reason: {from: reason, table: reasons}
        requests:
          each: request
          set:
            priority: {from: priority}
            service.text: {from: service}
            performers: {each: to, set: {name: {from: "."}}}
        """,
        mapping_id="base/json",
        more="""\
        tables:
          reasons: {rows: {a: base a}, unmapped: flag}
        issues: {no-family: {when: not exists family, text: no family}}
        ignored: [type]
        """,
    )
    folder.mapping(
        """
        patient.prefix: null
        patient.gp.family: {from: doctor}
        encounter.reason.text: {from: reason}
        requests.priority: null
        requests.service: {set: {code: {from: service}}}
        requests.performers.ods: {from: "/ods", as: ods}
        """,
        head="""\
mapping: rjz-test
version: "2.0.0"
extends: base/json
source: {sender: RJZ}
tables: {reasons: null}
""",
    )
    mappings = folder.accepted()
    sent = """
        family=F
        title=T
        gp=G1
        gpname=N
        doctor=D
        reason=a
        ods=x9
        [request]
        priority=high
        service=pain
        to=clinic
        []
        """

    base, own = (apply(mappings.by_id(name), sent) for name in ("base/json", "rjz-test"))

    assert (base.patient.prefix, own.patient.prefix) == ("T", None)
    assert (base.patient.gp.id, base.patient.gp.family) == ("G1", "N")
    assert (own.patient.gp.id, own.patient.gp.family) == ("G1", "D")
    assert (base.encounter.reason.code, own.encounter.reason.code) == ("base a", None)
    assert own.encounter.reason.text == "a"
    assert (base.requests[0].priority, own.requests[0].priority) == ("high", None)
    assert (own.requests[0].service.code, own.requests[0].service.text) == ("pain", "pain")
    assert [(p.name, p.ods) for p in own.requests[0].performers] == [("clinic", "X9")]
    assert mappings.by_id("rjz-test").version == "2.0.0"
    assert mappings.by_id("rjz-test").senders == ("RJZ",)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("patient.prefix: null", "patient.prefix: the base has no such rule to remove"),
        ("diagnoses.code: {from: x}", "the base has no set for diagnoses"),
        ("documents.id: {from: x}", "the base has several sets for documents"),
        ("patient.family: {from: a}\npatient.family.x: {from: b}", "has no fields of its own"),
        ("patient.gp: {set: {id: {from: a}}}\npatient.gp.id: {from: b}", "is set here and in line"),
        (
            "requests: {each: r, set: {performers.ods: {from: a}}}",
            "goes into a list: write its own set",
        ),
    ],
)
def test_what_cannot_be_laid_over_a_base_is_a_fault(folder, own, said):
    more = "documents: [{each: d, set: {id: {from: a}}}, {each: e, set: {id: {from: b}}}]"
    folder.mapping(KIND + more, mapping_id="base/json")
    head = 'mapping: rjz-test\nversion: "1.0.0"\nextends: base/json\nsource: {sender: RJZ}\n'
    folder.mapping(own, head=head)

    assert [fault for fault in folder.faults() if said in fault], folder.faults()


def test_going_round_in_circles_and_missing_bases_are_faults(folder):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "none"), ("e", "d")):
        head = f'mapping: {name}\nversion: "1.0.0"\nextends: {base}\nsource: {{sender: RJZ}}\n'
        folder.mapping(KIND, mapping_id=name, head=head)

    said = "\n".join(folder.faults())

    assert "c.yaml:3:1: extends goes round in a circle: a → b → c → a" in said
    assert "d.yaml:3:1: there is no mapping none" in said
    assert "e.yaml:3:1: d has faults" in said


def test_the_base_of_another_format_is_a_fault(folder):
    folder.mapping(KIND, mapping_id="base/json")
    head = (
        'mapping: rjz-test\nversion: "1.0.0"\nextends: base/json\n'
        "source: {format: csv, sender: RJZ}\n"
    )
    folder.mapping(KIND, head=head)

    assert [fault for fault in folder.faults() if "is of another format" in fault]


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
