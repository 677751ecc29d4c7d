"""The engine on the shipped mappings and the real readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import UnmappableMessage
from service.formats import FORMATS
from service.formats.source import SourceMessage
from service.mapping import Mapping, Trace
from service.mapping.examples import sender_of
from service.mapping.loading import load_folder

MAPPINGS = Path(__file__).resolve().parents[1] / "mappings"


@pytest.fixture(scope="module")
def examples() -> list[tuple[Mapping, SourceMessage]]:
    return [
        (loaded.mapping, source)
        for loaded in load_folder(MAPPINGS, FORMATS)
        if loaded.mapping
        for example in loaded.examples
        for source in example.sources
    ]


def outcome(mapping: Mapping, source: SourceMessage, trace: Trace | None = None) -> object:
    try:
        return mapping.apply(source, sender_of(mapping, source), trace)
    except UnmappableMessage as refused:
        return refused.issues


def test_tracing_changes_no_record(examples):
    assert len(examples) > 30
    for mapping, source in examples:
        assert outcome(mapping, source, Trace()) == outcome(mapping, source)


def test_every_traced_place_is_a_place_of_the_message_and_no_value_of_it_is_told(examples):
    for mapping, source in examples:
        trace = Trace()
        outcome(mapping, source, trace)
        assert all(entry.rule and entry.mapping == mapping.id for entry in trace.entries)
        assert trace.entries
        told = str(trace.as_dicts())
        family = [entry.value for entry in trace.entries if entry.target == "patient.family"]
        assert not [name for name in family if name in told]


def test_no_issue_quotes_a_value_that_names_the_patient(examples):
    telling = ("patient.family", "patient.nhs_number", "patient.name", "patient.addresses[0].lines")
    for mapping, source in examples:
        trace = Trace()
        made = outcome(mapping, source, trace)
        issues = str(made if isinstance(made, tuple) else made.issues)
        for entry in trace.entries:
            if entry.target in telling:
                values = entry.value if isinstance(entry.value, tuple) else (entry.value,)
                assert not [value for value in values if value in issues]


def test_two_applications_of_a_mapping_give_equal_records(examples):
    for mapping, source in examples:
        assert outcome(mapping, source) == outcome(mapping, source)
