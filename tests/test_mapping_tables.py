"""Tables: what a row sets, what becomes of a value without one, and faults of table files."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import UnmappableMessage
from service.model import Coded, Recipient
from tests.mapping_fixtures import KIND, Folder, apply, told

SOURCE = "# Source: NHS Data Dictionary, 2025\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


DESTINATION = "encounter.discharge_destination: {from: to, table: destination}"


def file_table(folder: Folder, csv: str, unmapped: str = "flag", extra: str = "") -> str:
    folder.write("tables/t.csv", csv)
    return f"tables: {{destination: {{file: tables/t.csv, unmapped: {unmapped}{extra}}}}}\n"


def test_a_row_sets_several_attributes_and_the_system_of_the_table(folder):
    csv = (
        SOURCE
        + 'source,code,display,system\n\n19,19,"Usual place, home",\n# late\nH,88,Hospice,urn:x\n'
    )
    more = file_table(folder, csv, extra=", system: 'urn:nhs'")
    mapping = folder.one(KIND + DESTINATION, more=more)

    assert apply(mapping, "to= 19").encounter.discharge_destination == Coded(
        code="19", display="Usual place, home", system="urn:nhs"
    )
    assert apply(mapping, "to=H").encounter.discharge_destination == Coded(
        code="88", display="Hospice", system="urn:x"
    )


def test_a_byte_order_mark_does_not_hide_the_first_column(folder):
    more = file_table(folder, "\ufeff" + SOURCE + "source,code\r\n1,one\r\n")
    mapping = folder.one(KIND + DESTINATION, more=more)

    assert apply(mapping, "to=1").encounter.discharge_destination == Coded(code="one")


def test_flag_keeps_the_value_as_text_and_says_so(folder):
    more = file_table(folder, SOURCE + "source,code\n1,one\n")
    transfer = apply(folder.one(KIND + DESTINATION, more=more), "to=zz")

    assert transfer.encounter.discharge_destination == Coded(text="zz")
    (issue,) = transfer.issues
    assert (issue.severity, issue.code, issue.source) == ("warning", "code-invalid", "to[1]")
    assert "zz" not in issue.text


def test_flag_leaves_a_single_value_empty(folder):
    more = "tables: {gender: {rows: {M: male}, unmapped: flag}}\n"
    fields = "patient.gender: {from: sex, table: gender, else: unknown}"
    mapping = folder.one(KIND + fields, more=more)

    assert apply(mapping, "sex=M").patient.gender == "male"
    transfer = apply(mapping, "sex=W")
    assert transfer.patient.gender is None
    assert told(transfer) == [("warning", "code-invalid", "patient.gender", "sex[1]")]


def test_reject_refuses_the_message(folder):
    more = file_table(folder, SOURCE + "source,code\n1,one\n", unmapped="reject")
    mapping = folder.one(KIND + DESTINATION, more=more)

    with pytest.raises(UnmappableMessage) as refused:
        apply(mapping, "to=2")
    assert [(i.severity, i.code) for i in refused.value.issues] == [("error", "code-invalid")]


def test_a_default_is_taken_and_told(folder):
    more = "tables: {urgency: {rows: {A: asap}, unmapped: {value: routine}}}\n"
    fields = "requests: {set: {priority: {from: p, table: urgency}}}"
    transfer = apply(folder.one(KIND + fields, more=more), "p=U")

    assert transfer.requests[0].priority == "routine"
    assert told(transfer) == [("information", "code-invalid", "requests[0].priority", "p[1]")]


def test_a_set_beside_a_table_fills_what_the_row_leaves_empty(folder):
    fields = (
        "encounter.discharge_destination:"
        " {from: to, table: destination, set: {text: {from: words}, display: {from: words}}}"
    )
    more = file_table(folder, SOURCE + "source,code,display\n1,one,One\n2,two,\n")
    mapping = folder.one(KIND + fields, more=more)

    known, bare, unknown = (
        apply(mapping, sent).encounter.discharge_destination
        for sent in ("to=1\nwords=w", "to=2", "to=9\nwords=w")
    )
    assert known == Coded(code="one", display="One", text="w")
    assert bare == Coded(code="two")
    assert unknown == Coded(code="9", text="w", display="w")


def test_every_value_of_a_list_is_looked_up(folder):
    more = """\
    tables:
      who:
        rows: {a: {ods: RJZ, role: action}, b: {name: B}}
        unmapped: {value: {name: somebody}}
    """
    fields = "recipients: {from: to, table: who}"
    transfer = apply(folder.one(KIND + fields, more=more), "to=b\nto=x\nto=a")

    assert transfer.recipients == (
        Recipient(name="B"),
        Recipient(name="somebody"),
        Recipient(ods="RJZ", role="action"),
    )


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("source,code\n1,one\n", "tables/t.csv:1:1: the file begins with a line `# Source: …`"),
        (SOURCE, "tables/t.csv:1:1: the file has no header line"),
        (SOURCE + "src,code\n1,one\n", "tables/t.csv:2:1: there is no column source"),
        (SOURCE + "source\n1\n", "tables/t.csv:2:1: there is no column beside source"),
        (SOURCE + "source,code,code\n1,2,3\n", "tables/t.csv:2:1: every column needs a name"),
        (
            SOURCE + "source,code\n1,one,x\n",
            "tables/t.csv:3:1: the row has 3 cells and the header 2",
        ),
        (
            SOURCE + "source,code\n1,a\n\n1,b\n",
            "tables/t.csv:5:1: source 1 is here twice, first in line 3",
        ),
        (SOURCE + "source,code\n,a\n", "tables/t.csv:3:1: the row needs a source"),
        (SOURCE + "source,code\n1,\n", "tables/t.csv:3:1: the row needs a source"),
        (
            SOURCE + "source,colour\n1,red\n",
            "tables/t.csv:3:1: table destination: Coded has no attribute colour",
        ),
        (SOURCE + 'source,code\n1,"red\n', "tables/t.csv:3:1: not CSV: unexpected end of data"),
    ],
)
def test_faults_of_a_table_file_name_its_line(folder, csv, said):
    more = file_table(folder, csv)
    folder.mapping(KIND + DESTINATION, more=more)

    assert [fault for fault in folder.faults() if fault.startswith(said)], folder.faults()


@pytest.mark.parametrize(
    ("table", "rule", "said"),
    [
        ("{rows: {a: b}}", DESTINATION, "unmapped must be chosen"),
        ("{unmapped: flag}", DESTINATION, "a table has either a file or rows"),
        ("{file: tables/none.csv, unmapped: flag}", DESTINATION, "tables/none.csv cannot be read"),
        (
            "{file: tables/a/../../t.csv, unmapped: flag}",
            DESTINATION,
            "it must lie in the tables folder",
        ),
        ("{rows: {a: b}, unmapped: maybe}", DESTINATION, "unmapped is flag, reject or {value: …}"),
        ("{rows: {a: b}, unmapped: flag}", "kind: {from: k, table: destination}", "kind is one of"),
        (
            "{rows: {a: b}, unmapped: flag}",
            "encounter.site: {from: k, table: destination}",
            "Organisation has no attribute code",
        ),
        (
            "{rows: {a: {display: b}}, unmapped: flag}",
            "encounter.ward: {from: k, table: destination}",
            "ward needs a column value or code",
        ),
        (
            "{rows: {a: {display: b}}, unmapped: flag}",
            "encounter.reason: {from: k, table: other}",
            "no table other here; known: destination",
        ),
        (
            "{rows: {a: {display: b}}, unmapped: flag}",
            "encounter.reason: {from: k, as: integer, table: destination}",
            "a table looks up text",
        ),
    ],
)
def test_faults_of_a_table_are_found_when_it_is_loaded(folder, table, rule, said):
    head = KIND if not rule.startswith("kind") else "patient.family: {from: family}\n"
    folder.mapping(head + rule, more=f"tables: {{destination: {table}}}\n")

    assert [fault for fault in folder.faults() if said in fault], folder.faults()
