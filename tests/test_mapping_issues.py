"""What is missing, wrong or doubtful is told, all at once, and never with a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import UnmappableMessage
from service.mapping import steps
from service.mapping.run import STOP, Run
from service.model import Identifier
from tests.mapping_fixtures import KIND, SENDER, Folder, apply, message, told


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def test_a_wrong_nhs_number_is_kept_as_a_local_identifier_and_flagged(folder):
    fields = """
    patient.nhs_number: {from: nhs, as: nhs_number}
    patient.identifiers: {each: mrn, set: {value: {from: "."}}}
    """
    mapping = folder.one(KIND + fields)

    wrong, right = apply(mapping, "nhs=9990123450\nmrn=7"), apply(mapping, "nhs=999 012 3454")

    assert wrong.patient.nhs_number is None
    assert wrong.patient.identifiers == (
        Identifier(value="7"),
        Identifier(value="9990123450", type="NH"),
    )
    assert told(wrong) == [("warning", "value", "patient.nhs_number", "nhs[1]")]
    assert right.patient.nhs_number == "9990123454"
    assert right.patient.identifiers == ()


def test_the_doubt_of_a_converter_that_then_refuses_is_not_told_of_another_field():
    def hesitate(text: str, doubts: list[tuple[str, str]]) -> str:
        doubts.append(("warning", "hm"))
        raise ValueError("no")

    run = Run()

    made = steps.converted(hesitate, "a", lambda node: "place", keeps=False)("x", None, run)

    assert made is STOP
    assert [(issue.text, issue.target) for issue in run.issues] == [("no", "a")]
    assert not run.doubts


def test_only_the_patients_own_number_is_kept_when_it_is_wrong(folder):
    fields = "patient.merged_identifiers: {each: old, set: {value: {from: '.', as: nhs_number}}}"

    transfer = apply(folder.one(KIND + fields), "old=123")

    assert (transfer.patient.merged_identifiers, transfer.patient.identifiers) == ((), ())
    assert [target for _, _, target, _ in told(transfer)] == ["patient.merged_identifiers[0].value"]


def test_items_are_counted_anew_in_every_list(folder):
    fields = """
    recipients: [{each: to, set: {name: {from: "."}}}, {when: exists no, set: {name: {from: no}}}]
    documents: {each: doc, set: {title: {from: t}, created_at: {from: at, as: datetime}}}
    """

    transfer = apply(folder.one(KIND + fields), "to=A\nto=B\n[doc]\nt=x\nat=never")

    assert [target for _, _, target, _ in told(transfer)] == ["documents[0].created_at"]


def test_a_missing_required_value_refuses_the_message_with_everything_that_is_wrong(folder):
    fields = """
    patient.nhs_number: {from: nhs, as: nhs_number, required: true}
    patient.birth_date: {from: born, as: date}
    recipients: {each: to, set: {ods: {from: "."  , as: ods, required: true}}, required: true}
    """
    mapping = folder.one(KIND + fields, example="id=1\nnhs=9990123454\nto=A1")

    with pytest.raises(UnmappableMessage) as refused:
        apply(mapping, "nhs=123\nborn=yesterday")

    assert [(i.severity, i.code, i.target, i.source) for i in refused.value.issues] == [
        ("error", "required", "recipients", "to"),
        ("warning", "value", "patient.nhs_number", "nhs[1]"),
        ("error", "required", "patient.nhs_number", "nhs"),
        ("warning", "value", "patient.birth_date", "born[1]"),
    ]
    assert not {"123", "yesterday"} & set(str(refused.value.issues).split("'"))


def test_a_required_value_is_also_required_within_an_item(folder):
    fields = "recipients: {each: to, set: {ods: {from: code, required: true, as: ods}}}"
    mapping = folder.one(KIND + fields)

    with pytest.raises(UnmappableMessage) as refused:
        apply(mapping, "[to]\ncode=A1\n[to]\nname=x")

    assert [i.target for i in refused.value.issues] == ["recipients[1].ods"]


def test_a_flag_is_told_only_where_its_rule_gave_the_value(folder):
    fields = """
    encounter.discharged_at:
      - {from: out, as: datetime}
      - {from: event, as: datetime, flag: the time is that of the event}
    """
    mapping = folder.one(KIND + fields)

    assert not apply(mapping, "out=2025\nevent=2024").issues
    (issue,) = apply(mapping, "event=2024").issues
    assert (issue.text, issue.source) == ("the time is that of the event", "event[1]")


def test_doubts_of_the_file_itself_are_told_and_an_error_refuses(folder):
    more = """
    issues:
      died-and-not: {when: "dead = 'N' and method = '4'", text: contradiction, source: method}
      no-ward:
        {when: not exists ward, text: no ward, severity: error, code: incomplete, target: x}
    """
    mapping = folder.one(KIND, more=more, example="id=1\nward=W")

    assert told(apply(mapping, "dead=N\nmethod=4\nward=W")) == [
        ("warning", "business-rule", "", "method[1]")
    ]
    with pytest.raises(UnmappableMessage) as refused:
        apply(mapping, "dead=N\nmethod=4")
    assert [i.code for i in refused.value.issues] == ["business-rule", "incomplete"]


def test_the_message_knows_who_really_sent_it_and_says_when_it_claims_another(folder):
    mapping = folder.one(KIND)

    honest, other = apply(mapping, "id=7\nsender=rjz \ntype=T"), apply(mapping, "sender=RJ1")

    assert (honest.message.id, honest.message.event, honest.message.sender) == ("7", "T", SENDER)
    assert not honest.issues
    assert other.message.sender == SENDER
    assert other.message.claimed_sender == "RJ1"
    assert told(other) == [("warning", "security", "message.claimed_sender", "")]


def test_a_message_without_kind_or_id_is_refused(folder):
    mapping = folder.one(
        "kind: {from: kind}\npatient.family: {from: family}", example="id=1\nkind=death"
    )

    assert apply(mapping, "kind=referral").kind == "referral"
    with pytest.raises(UnmappableMessage) as refused:
        mapping.apply(message("id=\nkind=banana"), SENDER)
    assert [(i.code, i.target) for i in refused.value.issues] == [
        ("required", "message.id"),
        ("value", "kind"),
        ("required", "kind"),
    ]
