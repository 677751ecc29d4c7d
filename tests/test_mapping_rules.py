"""What each operator of a rule makes of what was sent, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.model import (
    Coded,
    Identifier,
    Organisation,
    Practitioner,
    Recipient,
    Telecom,
)
from tests.mapping_fixtures import KIND, Folder, apply, told


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def of(folder: Folder, fields: str, sent: str, more: str = "") -> object:
    return apply(folder.one(KIND + fields, more=more), sent)


def test_the_first_path_that_is_not_empty_gives_the_value(folder):
    fields = "encounter.ward: {from: [ward, unit, place]}"

    assert of(folder, fields, "unit=U\nplace=P").encounter.ward == "U"


def test_what_the_sender_deleted_stops_the_search_and_is_told(folder):
    transfer = of(folder, "encounter.ward: {from: [ward, unit], else: Z}", 'ward=""\nunit=U')

    assert transfer.encounter is None
    assert told(transfer) == [("information", "deleted", "encounter.ward", "ward[1]")]


def test_what_was_not_sent_lets_else_serve(folder):
    fields = "encounter.ward: {from: ward, else: {from: unit}}\nencounter.bed: {from: bed}"

    assert of(folder, fields, "unit=U").encounter.ward == "U"


def test_what_was_sent_wrong_is_told_and_never_replaced(folder):
    fields = "encounter.discharged_at: [{from: out, as: datetime}, {from: event, as: datetime}]"

    transfer = of(folder, fields, "out=20250230\nevent=20250228")

    assert transfer.encounter is None
    assert told(transfer) == [("warning", "value", "encounter.discharged_at", "out[1]")]
    assert "20250230" not in str(transfer.issues)


def test_several_equal_values_are_one_and_different_ones_are_none(folder):
    mapping = folder.one(KIND + "patient.prefix: {from: title, else: Z}")

    same, other = apply(mapping, "title=Dr\ntitle=Dr"), apply(mapping, "title=Dr\ntitle=Mr")

    assert same.patient.prefix == "Dr"
    assert not same.issues
    assert other.patient.prefix is None
    assert told(other) == [("warning", "multiple-matches", "patient.prefix", "title[1], title[2]")]


def test_a_list_of_texts_takes_all_values_and_skips_deleted_ones(folder):
    transfer = of(folder, "patient.given: {from: given}", 'given=A\ngiven=""\ngiven=B')

    assert transfer.patient.given == ("A", "B")


def test_a_list_of_rules_gives_a_single_target_the_first_that_yields(folder):
    fields = """
    encounter.klass:
      - {when: "class = 'I'", const: IMP}
      - {when: "class in ('E', 'A')", const: EMER}
      - {from: other}
    """
    mapping = folder.one(KIND + fields)

    assert apply(mapping, "class=I\nother=x").encounter.klass == "IMP"
    assert apply(mapping, "class=A\nother=x").encounter.klass == "EMER"
    assert apply(mapping, "class=?\nother=x").encounter.klass == "x"


def test_a_list_of_rules_gives_a_list_target_all_items_in_their_order(folder):
    fields = """
    patient.given: [{from: first}, {from: middle, split: " "}, {const: X}]
    diagnoses:
      - {each: problem, set: {text: {from: "."}, recorded_at: {from: /when, as: datetime}}}
      - {each: [none, diagnosis], set: {code: {from: code}, rank: {from: rank, as: integer}}}
    """
    transfer = of(
        folder,
        fields,
        """
        when=2025
        first=A
        middle=B  C
        problem=pain
        problem=cancer
        [diagnosis]
        code=C50
        rank=x
        """,
    )

    assert transfer.patient.given == ("A", "B", "C", "X")
    assert [(d.text, d.code, d.recorded_at) for d in transfer.diagnoses] == [
        ("pain", None, "2025"),
        ("cancer", None, "2025"),
        (None, "C50", None),
    ]
    assert told(transfer) == [("warning", "value", "diagnoses[2].rank", "diagnosis[1].rank[1]")]


def test_where_chooses_the_places_that_make_items(folder):
    fields = """
    recipients:
      each: person
      where: "role != 'RP'"
      set: {ods: {from: code, as: ods}, role: {const: action}}
    """
    sent = "[person]\nrole=RP\ncode=A1\n[person]\nrole=RT\ncode=b2\n[person]\ncode=C3"

    assert of(folder, fields, sent).recipients == (
        Recipient(ods="B2", role="action"),
        Recipient(ods="C3", role="action"),
    )


def test_a_constant_alone_makes_no_record(folder):
    fields = """
    recipients: {each: person, set: {name: {from: name}, role: {const: action}}}
    encounter.klass: {const: IMP, when: "exists ward"}
    encounter.ward: {from: ward}
    encounter.consultant.role: {from: role, else: consultant}
    """
    mapping = folder.one(KIND + fields)

    assert apply(mapping, "[person]\nage=3").recipients == ()
    assert apply(mapping, "x=1").encounter is None
    full = apply(mapping, "ward=W").encounter
    assert (full.klass, full.ward, full.consultant) == ("IMP", "W", None)


def test_lists_nest_and_issues_name_the_item_at_every_level(folder):
    fields = """
    requests:
      each: request
      set:
        service.text: {from: service}
        reasons: {each: reason, set: {text: {from: "."}}}
        performers: {set: {ods: {from: performer, as: ods}}}
        notes: {from: note, as: lines}
    """
    sent = """
    [request]
    service=A
    reason=r1
    reason=r2
    performer=!
    [request]
    service=B
    performer=?
    """

    transfer = of(folder, fields, sent)

    assert [r.reasons for r in transfer.requests] == [(Coded(text="r1"), Coded(text="r2")), ()]
    assert [target for _, _, target, _ in told(transfer)] == [
        "requests[0].performers[0].ods",
        "requests[1].performers[0].ods",
    ]


def test_an_item_without_what_it_cannot_be_without_is_left_out_and_told(folder):
    fields = "patient.identifiers: {each: number, set: {value: {from: value}, type: {from: kind}}}"

    transfer = of(folder, fields, "[number]\nkind=MR\n[number]\nvalue=1\n[number]\nx=y")

    assert transfer.patient.identifiers == (Identifier(value="1"),)
    assert told(transfer) == [("warning", "required", "patient.identifiers[0]", "")]


def test_each_on_a_single_record_takes_one_place_only(folder):
    fields = """
    encounter.consultant:
      each: doctor
      where: "kind = 'C'"
      set: {family: {from: name}, telecoms: {from: phone, as: telecom}}
    """
    mapping = folder.one(KIND + fields)

    one = apply(mapping, "[doctor]\nkind=R\nname=A\n[doctor]\nkind=C\nname=B\nphone=01234 5678")
    two = apply(mapping, "[doctor]\nkind=C\nname=A\n[doctor]\nkind=C\nname=B")

    assert one.encounter.consultant == Practitioner(
        family="B", telecoms=(Telecom(value="01234 5678", system="phone"),)
    )
    assert two.encounter is None
    assert told(two)[0][:3] == ("warning", "multiple-matches", "encounter.consultant")


@pytest.mark.parametrize(
    ("rule", "sent", "made"),
    [
        ("{from: a, split: {by: ',', take: 1}}", "a=Smith, Jo", "Smith"),
        ("{from: a, split: {by: ',', take: 2}}", "a=Smith, Jo", "Jo"),
        ("{from: a, split: {by: ',', take: -1}}", "a=Smith, Jo, Ann", "Ann"),
        ("{from: a, split: {by: ',', take: 3}}", "a=Smith, Jo", None),
        ("{from: a, split: {by: ',', take: 2}, else: Z}", "a=Smith", "Z"),
        ("{from: [a, b], join: ' '}", "a=x\nb=y\na=z", "x z y"),
        ("{from: [a, b], join: ''}", 'a=""\nb=y', "y"),
        ("{from: [a, b], join: ', '}", "c=1", None),
        ("{from: a, split: ';', join: '/'}", "a=1 ; 2;;3", "1/2/3"),
        ("{from: a, as: [strip, upper]}", "a= x y ", "X Y"),
        ("{from: a, as: {match: 'ods:([A-Z0-9]+)'}}", "a=urn:ods:RJZ;x", "RJZ"),
        ("{from: a, as: {match: 'ods:([A-Z0-9]+)'}, else: {from: b}}", "a=none\nb=2", "2"),
        ("{from: a, as: text}", "a=  x   y ", "x y"),
        ("{from: a}", "a= x   y", "x y"),  # a name is tidy whatever its rule says
    ],
)
def test_texts_are_parted_joined_and_converted(folder, rule, sent, made):
    transfer = of(folder, f"patient.name: {rule}", sent)

    assert transfer.patient.name == made


def test_joined_parts_are_decoded_together(folder):
    fields = "documents: {set: {content: {from: part, join: '', as: base64}}}"

    assert of(folder, fields, "part=SGVs\npart=bG8=").documents[0].content == b"Hello"


def test_single_records_may_be_grouped_or_dotted(folder):
    fields = """
    patient.gp_practice: {set: {ods: {from: code, as: ods}, name: {from: practice}}}
    encounter.site.name: {from: site}
    encounter.consultant: {when: "exists doctor", set: {family: {from: doctor}}}
    """
    transfer = of(folder, fields, "code=Y06601\npractice=P\nsite=S\ndoctor=D")

    assert transfer.patient.gp_practice == Organisation(ods="Y06601", name="P")
    assert transfer.encounter.site == Organisation(name="S")
    assert transfer.encounter.consultant.family == "D"
