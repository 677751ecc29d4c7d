"""How searches compare: tokens, references, dates, texts, URIs, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.fhir.search_criteria import Context
from service.fhir.search_query import MAX_COUNT, parse
from service.fhir.search_text import alternatives, escape, folded, split_token, unescape
from tests.api_samples import NHS, ODS
from tests.search_samples import BASE, NOW, PERSON, TOLD, found, read

TOKENS = [
    (f"identifier={NHS}|9990001006", True),
    ("identifier=9990001006", True),
    (f"identifier={NHS}|", True),
    ("identifier=|9990001006", False),
    ("identifier=https://other|9990001006", False),
    ("identifier=9990001", False),
    ("identifier=1,9990001006", True),
    ("gender=female", True),
    ("gender=http://hl7.org/fhir/administrative-gender|female", True),
    ("gender=http://hl7.org/fhir/other|female", False),
    ("gender:not=male", True),
    ("gender:not=female", False),
    ("gender:not=male,female", False),
    ("gender:missing=false", True),
    ("gender:missing=true", False),
    ("language:missing=true", True),
    ("active=true", True),
    ("active=false", False),
    ("deceased=false", True),
    ("deceased=true", False),
    ("phone=01892 000000", True),
    ("phone=r@example.nhs.uk", False),
    ("email=r@example.nhs.uk", True),
    ("telecom=r@example.nhs.uk", True),
    ("_id=p1", True),
    ("_id=p2,p1", True),
    ("_tag=FA", True),
    ("_tag=https://example.nhs.uk/tags|FA", True),
    ("_tag=FI", False),
    ("_profile=https://example.nhs.uk/profile/a", True),
    ("_profile=https://example.nhs.uk/profile", False),
    ("_profile:below=https://example.nhs.uk/profile", True),
    ("_source=urn:uuid:1", True),
    ("_security:missing=true", True),
]
STRINGS = [
    ("family=o'shaugh", True),
    ("family=O'SHAUGHNESSY", True),
    ("family=angstrom", False),
    ("family:contains=angstrom", True),
    ("family:exact=O'Shaughnessy-Ångström", True),
    ("family:exact=o'shaughnessy-ångström", False),
    ("given=may", True),
    ("given=ma,ros", True),
    ("name=rosa", True),
    ("name=R O'S", True),
    ("address=tunbridge", True),
    ("address=1 high", True),
    ("address-postalcode=TN1", True),
    ("address-postalcode=TN2", False),
    ("address-city:missing=false", True),
    ("address-state:missing=true", True),
]


@pytest.mark.parametrize(("query", "expected"), [*TOKENS, *STRINGS])
def test_tokens_and_texts(query: str, expected: bool) -> None:
    assert found(PERSON, query) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("subject=Patient/p1", True),
        ("subject=p1", True),
        ("subject:Patient=p1", True),
        ("subject:Group=p1", False),
        ("patient=p1", True),
        ("patient=Patient/p1", True),
        ("patient=Group/p1", False),
        (f"subject={BASE}/Patient/p1", True),
        ("subject=http://other.example/fhir/Patient/p1", False),
        ("subject=p2,p1", True),
        ("encounter=Encounter/e1", True),
        ("based-on=ServiceRequest/s1", True),
        ("based-on=http://elsewhere.example/r/2", True),
        ("based-on=ServiceRequest/s1&based-on=http://elsewhere.example/r/2", True),
        ("based-on=ServiceRequest/s1&based-on=ServiceRequest/s2", False),
        ("part-of:missing=true", True),
        (f"recipient:identifier={ODS}|8HX03", True),
        (f"recipient:identifier={ODS}|8HX01", True),
        (f"recipient:identifier={ODS}|8HX99", False),
        ("recipient:identifier=8HX03", True),
        (f"recipient.identifier={ODS}|8HX03", True),
        ("patient.birthdate=1950-01-02", True),
        ("patient.birthdate=1951", False),
        ("subject.identifier=9990001006", True),
        ("subject:Patient.family=o'sh", True),
        ("patient.family=nobody", False),
        ("encounter.class=IMP", True),
        ("encounter.status=planned", False),
        ("category=notification", True),
        ("category:text=discharge", True),
        ("category:text=alarm", False),
        ("category:not=alert", True),
        ("status=in-progress", True),
        ("status=http://hl7.org/fhir/event-status|in-progress", True),
        ("status=completed", False),
        ("status=completed,in-progress", True),
        ("instantiates-uri=https://example.nhs.uk/protocols/pain/2", True),
        ("instantiates-uri:above=https://example.nhs.uk/protocols/pain/2/3", True),
    ],
)
def test_references_chains_and_codes(query: str, expected: bool) -> None:
    assert found(TOLD, query) is expected


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(texts, min_size=1, max_size=4))
def test_escaped_values_are_parted_only_where_they_were_joined(values: list[str]) -> None:
    joined = ",".join(map(escape, values))

    assert list(map(unescape, alternatives(joined))) == values


@given(texts, texts)
def test_a_token_is_parted_at_its_first_bar(system: str, code: str) -> None:
    assert split_token(f"{escape(system)}|{escape(code)}") == (system, code)


@given(texts)
def test_folding_is_stable_and_forgets_case(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ("banana=1", "not-supported", "http.banana"),
        ("9990001006=1", "not-supported", "http.(a name that is not repeated here)"),
        ("status:exact=x", "not-supported", "http.status:exact"),
        ("sent:not=2025", "not-supported", "http.sent:not"),
        ("subject:Device=1", "not-supported", "http.subject:Device"),
        ("category:in=http://x", "not-supported", "http.category:in"),
        ("status:missing=maybe", "value", "http.status:missing"),
        ("status=", "value", "http.status"),
        ("identifier=|", "value", "http.identifier"),
        ("patient.banana=1", "not-supported", "http.patient.banana"),
        (
            "patient.general-practitioner.name=1",
            "not-supported",
            "http.patient.general-practitioner.name",
        ),
        ("status.identifier=1", "not-supported", "http.status.identifier"),
        ("sent=after2025", "value", "http.sent"),
        ("status=" + "x," * 600, "value", "http.status"),
        ("_count=ten", "value", "http._count"),
        ("_count=-1", "value", "http._count"),
        ("_count=1&_count=2", "invalid", "http._count"),
        ("_sort=status", "not-supported", "http._sort"),
        ("_sort=banana", "not-supported", "http._sort"),
        ("_include=Communication:banana", "not-supported", "http._include"),
        ("_include=Task:focus", "not-supported", "http._include"),
        ("_include=*", "not-supported", "http._include"),
        ("_include:iterate=Communication:subject", "not-supported", "http._include:iterate"),
        ("_revinclude=Communication:sender", "not-supported", "http._revinclude"),
        ("_summary=short", "value", "http._summary"),
        ("_summary=text&_elements=status", "invalid", "http._summary"),
        ("_elements=banana", "value", "http._elements"),
        ("_total=many", "value", "http._total"),
        ("_has:Task:focus:status=x", "not-supported", "http._has:Task:focus:status"),
        ("_contained=true", "not-supported", "http._contained"),
        ("_query=x", "not-supported", "http._query"),
        ("_filter=x", "not-supported", "http._filter"),
    ],
)
def test_what_is_not_supported_is_refused(query: str, code: str, place: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read("Communication", query)

    assert [(issue.code, issue.target) for issue in refused.value.issues] == [(code, place)]


def test_all_faults_of_a_search_are_told_together() -> None:
    with pytest.raises(BadRequest) as refused:
        read("Communication", "banana=1&sent=x&_count=y&status:exact=z")

    assert len(refused.value.issues) == 4


def test_lenient_handling_leaves_nothing_aside_that_filters() -> None:
    context = Context(base=BASE, now=NOW)

    eased = parse("Communication", [("_contained", "true")], context, lenient=True)

    assert [issue.severity for issue in eased.warnings] == ["warning"]
    assert eased.used == ()
    with pytest.raises(BadRequest):
        parse("Communication", [("recipiant", "8HX03")], context, lenient=True)


def test_count_is_capped_and_nought_asks_for_the_total() -> None:
    assert read("Communication", "_count=100000").count == MAX_COUNT
    nought = read("Communication", "_count=0")
    assert (nought.summary, nought.total) == ("count", True)
