"""Whatever a message holds, a mapping makes a record of it or says why not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import UnmappableMessage
from service.mapping import Mapping
from service.model import TransferOfCare
from tests.mapping_fixtures import KIND, Folder, apply

LINES = st.lists(
    st.one_of(
        st.builds(
            "{}={}".format,
            st.sampled_from(["a", "b", "id", "type", "sender", "code", "x", "given"]),
            st.one_of(
                st.text(max_size=12).filter(lambda text: len(f"{text}.".splitlines()) == 1),
                st.sampled_from(['""', "", "20251026013000", "9990123454", "RJZ", "SGk=", "1"]),
            ),
        ),
        st.sampled_from(["[r]", "[]", "[p]"]),
    ),
    max_size=14,
)
ANYTHING = """
    patient.nhs_number: {from: [a, b], as: nhs_number}
    patient.birth_date: {from: b, as: date, flag: guessed}
    patient.given: [{from: given, split: " "}, {from: [a, b], join: "-"}]
    patient.telecoms: {from: x, as: telecom}
    encounter.discharged_at: [{from: a, as: datetime}, {from: x, as: datetime, required: true}]
    encounter.consultant: {each: p, where: "exists a", set: {family: {from: a}, role: {const: r}}}
    encounter.reason: {from: x, table: t, set: {text: {from: b}}}
    requests:
      - each: r
        set:
          service.text: {from: a}
          reasons: {each: b, set: {text: {from: "."}}}
          priority: {from: code, table: u, else: routine}
      - {set: {notes: {from: /x, as: lines}}}
    recipients: {from: code, table: who}
    documents: {set: {content: {from: x, join: "", as: base64}}}
"""
ANY_TABLES = """\
tables:
  t: {rows: {"1": {code: "1"}}, unmapped: flag}
  u: {rows: {"1": urgent}, unmapped: reject}
  who: {rows: {"1": {ods: RJ1}}, unmapped: {value: {name: N}}}
"""


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    return Folder(path=tmp_path_factory.mktemp("mappings")).one(KIND + ANYTHING, more=ANY_TABLES)


@settings(max_examples=500, deadline=None)
@given(lines=LINES)
def test_any_message_becomes_a_record_or_is_refused_for_a_reason(mapping, lines):
    made: object = None
    try:
        made = apply(mapping, "\n".join(lines))
    except UnmappableMessage as refused:
        made = refused

    assert all(issue.text and issue.severity for issue in made.issues)
    assert isinstance(made, TransferOfCare) or "error" in {i.severity for i in made.issues}
