"""Examples are the gate: what fails does not serve, and what served before stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.mapping import MappingFaults, Mappings, check, transfer_as_json
from tests.mapping_fixtures import FORMATS, KIND, Folder, apply

WARD = KIND + "encounter.ward: {from: ward}\n"
SENT = "id=1\nfamily=F\nward=W\nother=o"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def test_a_record_is_written_with_its_filled_fields_in_their_order(folder):
    fields = """
    kind: {const: death}
    patient.nhs_number: {from: nhs, as: nhs_number}
    patient.given: {from: given}
    patient.deceased: {from: dead, as: boolean}
    documents: {set: {content: {from: text, as: utf8}}}
    """
    mapping = folder.one(fields)

    text = transfer_as_json(apply(mapping, "nhs=9990123454\ngiven=Zoë\ndead=N\ntext=hi"))

    assert json.loads(text) == {
        "kind": "death",
        "message": {"id": "M1", "sender": "RJZ"},
        "patient": {"nhs_number": "9990123454", "given": ["Zoë"], "deceased": False},
        "documents": [{"content": "aGk=", "status": "current"}],
    }
    assert "Zoë" in text
    assert text.endswith("}\n")


def test_an_example_that_fails_refuses_its_mapping_and_says_in_what(folder):
    folder.mapping(WARD, example=SENT)
    folder.accepted()
    folder.mapping(WARD.replace("from: ward", "from: other"), example=SENT)

    with pytest.raises(MappingFaults) as refused:
        folder.load()

    assert [str(fault) for fault in refused.value.faults] == [
        'rjz-test.yaml:9:12: examples/rjz-test: encounter.ward: expected "W", got "o"'
    ]


def test_an_example_without_its_expected_record_is_a_fault(folder):
    folder.mapping(WARD, example=SENT)

    with pytest.raises(MappingFaults, match=r"expected.json is missing: check-mappings --accept"):
        folder.load()


def test_accepting_writes_only_what_differs(folder):
    folder.mapping(WARD, example=SENT)
    mappings = folder.accepted()
    before = (folder.path / "examples/rjz-test.expected.json").read_text()

    assert mappings.accept_examples() == []
    folder.mapping(WARD.replace("from: ward", "from: other"), example=SENT)
    (written,) = mappings.accept_examples()

    assert written.name == "rjz-test.expected.json"
    assert json.loads(before)["encounter"] == {"ward": "W"}
    assert json.loads(written.read_text())["encounter"] == {"ward": "o"}


def test_an_example_may_be_refused_on_purpose(folder):
    folder.mapping(WARD.replace("from: ward", "from: none, required: true"), example=SENT)
    folder.accepted()

    expected = json.loads((folder.path / "examples/rjz-test.expected.json").read_text())

    assert [issue["target"] for issue in expected["refused"]] == ["encounter.ward"]


def test_an_example_of_several_messages_becomes_a_list(folder):
    folder.mapping(WARD, example="id=1\n--\nid=2\nward=W")
    folder.accepted()

    expected = json.loads((folder.path / "examples/rjz-test.expected.json").read_text())

    assert [record["message"]["id"] for record in expected] == ["1", "2"]


@pytest.mark.parametrize(
    ("example", "more", "said"),
    [
        ("id=1\nnonsense", "", "examples/rjz-test cannot be read: line 2: there is no ="),
        ("id=1\ntype=B", "", "the mapping's own `when` does not hold for it"),
        ("id=1\ntype=A", "examples/rjz-test.hl7", "there is 2 files of this name"),
    ],
)
def test_an_example_that_cannot_be_run_is_a_fault(folder, example, more, said):
    head = (
        'mapping: rjz-test\nversion: "1.0.0"\n'
        "source: {format: json, sender: RJZ, timezone: UTC, when: \"type != 'B'\"}\n"
    )
    folder.mapping(KIND, head=head, example=example)
    if more:
        folder.write(more, "id=1")

    assert [fault for fault in folder.faults() if said in fault], folder.faults()


def test_reloading_keeps_what_served_where_the_new_file_has_faults(folder):
    folder.mapping(WARD, example=SENT, mapping_id="rjz-one")
    folder.mapping(
        WARD, mapping_id="rj1-two", head='mapping: rj1-two\nversion: "1.0.0"\n'
        "source: {format: json, sender: RJ1, timezone: UTC}\n",
    )  # fmt: skip
    mappings = folder.accepted()
    old = mappings.by_id("rjz-one")
    folder.mapping(WARD.replace("ward}", "other}"), example=SENT, mapping_id="rjz-one")
    (folder.path / "rj1-two.yaml").unlink()

    faults = mappings.reload()

    assert [fault.file for fault in faults] == ["rjz-one.yaml"]
    assert mappings.by_id("rjz-one") is old
    assert [mapping.id for mapping in mappings] == ["rjz-one"]
    mappings.accept_examples()
    assert mappings.reload() == []
    assert apply(mappings.by_id("rjz-one"), SENT).encounter.ward == "o"


def test_good_mappings_may_serve_beside_faulty_ones(folder):
    folder.mapping(WARD, example=SENT)
    folder.accepted()
    folder.write("rjz-broken.yaml", "mapping: rjz-broken\n")

    mappings = Mappings.load(folder.path, formats=FORMATS, keep_good=True)

    assert [mapping.id for mapping in mappings] == ["rjz-test"]
    assert {fault.file for fault in mappings.reload()} == {"rjz-broken.yaml"}
    with pytest.raises(MappingFaults):
        folder.load()


def test_a_check_tells_faults_and_what_is_odd(folder):
    more = """\
    tables:
      used: {rows: {I: IMP}, unmapped: flag}
      spare: {rows: {x: y}, unmapped: flag}
    ignored: [type, {place: "*.secret[*]"}]
    """
    fields = (
        KIND
        + """
    encounter.klass: [{from: class, table: used}, {const: AMB}, {from: never}]
    encounter.ward:
      - {when: "exists a", const: A}
      - {when: "exists a", const: B}
      - {from: ward, else: {const: C}}
      - {from: bed}
    recipients: {each: to, where: "role = 'R'", set: {name: {from: name}}}
    """
    )
    sent = """\
    id=1
    type=T
    class=I
    never=n
    age=3
    [to]
    role=R
    name=N
    phone=1
    [to]
    role=X
    name=M
    secret=s
    """
    folder.mapping(fields, more=more, example=sent.replace("    ", ""))
    folder.accepted()
    folder.write("rjz-broken.yaml", "mapping: rjz-broken\n")

    report = check(folder.path, formats=FORMATS)

    broken, good = report.mappings
    assert [fault.text for fault in broken.faults] == [
        "a mapping file has the keys mapping, version, source, fields and examples"
    ]
    assert report.faults == broken.faults
    assert (good.id, good.version, good.rules) == ("rjz-test", "1.2.3", 12)
    told = [(each.line, each.text) for each in good.advice if each.kind == "unreachable"]
    assert told == [
        (12, "never reached: the rule in line 12 always gives a value"),
        (15, "never reached: line 14 has the same condition"),
        (17, "never reached: the rule in line 16 always gives a value"),
    ]
    assert [e.text for e in good.advice if e.kind == "unused-table"] == [
        "no rule uses the table spare"
    ]
    (example,) = good.examples
    assert example.passed
    assert example.unread == ("id[1]", "age[1]", "to[1].phone[1]", "to[2].name[1]")
    assert example.ignored == ("type[1]", "to[2].secret[1]")


def test_a_check_tells_which_examples_failed(folder):
    folder.mapping(WARD, example=SENT)
    folder.accepted()
    folder.mapping(WARD.replace("from: ward", "from: other"), example=SENT)

    (report,) = check(folder.path, formats=FORMATS).mappings

    assert [(example.name, example.passed) for example in report.examples] == [
        ("examples/rjz-test", False)
    ]
    assert len(report.faults) == 1
