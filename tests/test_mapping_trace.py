"""Every value tells where it came from, and tracing changes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.formats import FORMATS as READERS
from service.mapping import Trace
from service.mapping.coverage import Scope, unread_leaves
from tests.mapping_fixtures import KIND, SENDER, Folder, apply, message

FIELDS = """\
kind: [{when: "dead = 'Y'", const: death}, {const: discharge}]
patient.nhs_number: {from: [nhs, id2], as: nhs_number}
patient.given: {from: given}
encounter.discharge_destination: {from: to, table: destination, set: {text: {from: words}}}
patient.identifiers:
  - {each: mrn, set: {value: {from: "."}, type: {const: MR}}}
  - {each: visit, set: {value: {from: number, as: [strip, upper]}}}
"""
TABLES = """\
tables:
  destination: {file: tables/d.csv, unmapped: flag}
"""
SENT = "dead=Y\nid2=9990123454\ngiven=A\ngiven=B\nto=H\nwords=w\nmrn=1\nmrn=2\n[visit]\nnumber= v "


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(path=tmp_path)
    folder.write("tables/d.csv", "# Source: a test\nsource,code\n19,home\nH,hospice\n")
    return folder


def test_every_value_tells_its_place_rule_converter_and_row(folder):
    mapping = folder.one(FIELDS, more=TABLES)
    trace = Trace()

    mapping.apply(message(SENT), SENDER, trace)

    by_target = {entry["target"]: entry for entry in trace.as_dicts(values=True)}
    assert by_target["kind"] == {
        "target": "kind", "value": "death", "when": "dead = 'Y'",
        "mapping": "rjz-test", "version": "1.2.3", "rule": "rjz-test.yaml:7",
    }  # fmt: skip
    assert by_target["patient.nhs_number"]["source"] == "id2[1]"
    assert by_target["patient.nhs_number"]["converters"] == ("nhs_number",)
    assert by_target["patient.given"]["source"] == "given[1], given[2]"
    destination = by_target["encounter.discharge_destination"]
    assert (destination["table"], destination["row"]) == ("destination", "tables/d.csv:4")
    assert destination["value"] == "code hospice, text w"
    assert by_target["encounter.discharge_destination.text"]["source"] == "words[1]"
    assert by_target["patient.identifiers[1].value"]["source"] == "mrn[2]"
    assert by_target["patient.identifiers[2].value"]["value"] == "V"
    assert by_target["patient.identifiers[2].value"]["rule"] == "rjz-test.yaml:13"


def test_values_are_shown_only_when_asked_for(folder):
    mapping = folder.one(FIELDS, more=TABLES)
    trace = Trace()
    mapping.apply(message(SENT), SENDER, trace)

    assert not [entry for entry in trace.as_dicts() if "value" in entry]
    assert trace.as_table()[0] == ("Target", "Value", "Source", "By", "Rule")
    assert ("patient.nhs_number", "9990123454", "id2[1]", "nhs_number", "rjz-test.yaml:8") in (
        trace.as_table()
    )
    assert "9990123454" not in str(trace.as_table(values=False))


@pytest.mark.parametrize("sent", [SENT, "to=?\nwords=w\nnhs=1", 'mrn=""\nto=19', "a=b"])
def test_tracing_changes_no_record(folder, sent):
    mapping = folder.one(FIELDS, more=TABLES)

    assert mapping.apply(message(sent), SENDER, Trace()) == apply(mapping, sent)


def test_a_rule_reads_all_of_a_place_and_a_condition_nothing_inside_it():
    reader = READERS["hl7v2"]
    (source,) = reader.read(b"MSH|^~\\&|A|RJZ|||20250314||ADT^A03|1|P|2.4\rPV1|1|I|W^B\r")
    segment, field = reader.compile_path("PV1"), reader.compile_path("PV1-3.2")

    def unread(scope: Scope) -> list[str]:
        return [leaf for leaf in unread_leaves(source, scope) if leaf.startswith("PV1")]

    assert unread(Scope(paths=[segment])) == []
    assert unread(Scope(asked=[segment, field])) == ["PV1-1", "PV1-2", "PV1-3.1"]


def test_a_place_is_read_if_any_rule_or_condition_would_read_it(folder):
    fields = (
        KIND
        + """
    encounter.ward: [{when: "exists guard", from: [a, b]}, {from: c, else: {from: d}}]
    requests: {each: r, where: "keep = 'y'", set: {notes: {from: n}}}
    """
    )
    more = 'issues: {odd: {when: "exists odd", text: odd}}\n'
    mapping = folder.one(fields, more=more)
    sent = "a=1\nb=1\nc=1\nd=1\nguard=1\nodd=1\ne=1\n[r]\nkeep=y\nn=1\nm=1\n[r]\nkeep=n\nn=2"

    assert mapping.unread(message(sent)) == ["id[1]", "e[1]", "r[1].m[1]", "r[2].n[1]"]
