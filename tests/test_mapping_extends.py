"""A file laid over its base changes what it names and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mapping_fixtures import KIND, Folder, apply


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def test_a_file_is_laid_over_its_base_field_by_field(folder):
    folder.mapping(
        """
        kind: {const: discharge}
        patient.family: {from: family}
        patient.prefix: {from: title}
        patient.gp: {set: {id: {from: gp}, family: {from: gpname}}}
        encounter.consultant.id: {from: consultant}
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
        encounter.consultant: {each: chief, set: {family: {from: "."}}}
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
        consultant=C1
        chief=Chief
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
    assert (base.encounter.consultant.id, own.encounter.consultant.id) == ("C1", None)
    assert own.encounter.consultant.family == "Chief"
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
        ("patient.gp: {each: a, set: {id: {from: a}}}\npatient.gp.id: {from: b}", "is set here"),
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
