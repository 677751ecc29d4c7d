"""How searches compare: tokens, references, dates, texts, URIs, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.fhir.search_criteria import Context
from service.fhir.search_dates import PREFIXES, Interval, compare, interval
from service.fhir.search_query import MAX_COUNT, Query, parse
from service.fhir.search_text import alternatives, escape, folded, split_token, unescape
from service.model import Instant
from tests.api_samples import NHS, ODS, Resource, communication, patient

BASE = "http://relay.example/fhir"
NOW = Instant.of(datetime(2025, 3, 20, 12, tzinfo=UTC))
PERSON = patient(
    id="p1",
    meta={
        "lastUpdated": "2025-03-14T17:20:05.500123Z",
        "profile": ["https://example.nhs.uk/profile/a"],
        "tag": [{"system": "https://example.nhs.uk/tags", "code": "FA"}],
        "source": "urn:uuid:1",
    },
    name=[{"family": "O'Shaughnessy-Ångström", "given": ["Rosalind", "May"], "text": "R O'S"}],
    telecom=[
        {"system": "phone", "value": "01892 000000"},
        {"system": "email", "value": "r@example.nhs.uk"},
    ],
    address=[{"line": ["1 High Street"], "city": "Tunbridge Wells", "postalCode": "TN1 1AA"}],
    generalPractitioner=[{"identifier": {"system": ODS, "value": "G81001"}}],
    active=True,
)
TOLD = communication(
    "Patient/p1",
    "8HX03",
    "8HX01",
    id="c1",
    sent="2025-03-14T16:30:00+00:00",
    received="2025-03-14",
    category=[
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/communication-category",
                    "code": "notification",
                    "display": "Notification",
                }
            ],
            "text": "Discharge notice",
        }
    ],
    basedOn=[{"reference": "ServiceRequest/s1"}, {"reference": "http://elsewhere.example/r/2"}],
    encounter={"reference": "Encounter/e1/_history/3"},
    instantiatesUri=["https://example.nhs.uk/protocols/pain/2"],
)
STAY = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "period": {"start": "2025-03-10T09:00:00Z", "end": "2025-03-14T16:15:00Z"},
}
OPEN = {**STAY, "period": {"start": "2025-03-10T09:00:00Z"}}
TIMED = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "occurrenceTiming": {"event": ["2025-04-01T10:00:00Z", "2025-04-15T10:00:00Z"]},
}
WORLD = {"Patient/p1": PERSON, "Encounter/e1": STAY}


def read(kind: str, query: str) -> Query:
    pairs = [part.partition("=") for part in query.split("&")]
    return parse(kind, [(name, value) for name, _, value in pairs], Context(base=BASE, now=NOW))


def found(resource: Resource, query: str) -> bool:
    criteria = read(resource["resourceType"], query).criteria
    return all(criterion.holds(resource, WORLD.get) for criterion in criteria)


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


@pytest.mark.parametrize(
    ("resource", "query", "expected"),
    [
        (TOLD, "sent=2025-03-14", True),
        (TOLD, "sent=2025-03", True),
        (TOLD, "sent=2025", True),
        (TOLD, "sent=2025-03-14T16:30", True),
        (TOLD, "sent=2025-03-14T16:31", False),
        (TOLD, "sent=2025-03-14T16:30:00Z", True),
        (TOLD, "sent=2025-03-14T17:30:00+01:00", True),
        (TOLD, "sent=ne2025-03-14", False),
        (TOLD, "sent=gt2025-03-14", False),
        (TOLD, "sent=ge2025-03-14", True),
        (TOLD, "sent=gt2025-03-13", True),
        (TOLD, "sent=lt2025-03-14", False),
        (TOLD, "sent=le2025-03-14", True),
        (TOLD, "sent=lt2025-03-15", True),
        (TOLD, "sent=sa2025-03-13", True),
        (TOLD, "sent=sa2025-03-14", False),
        (TOLD, "sent=eb2025-03-15", True),
        (TOLD, "sent=ap2025-03-14", True),
        (TOLD, "sent=ap2024-01-01", False),
        (TOLD, "sent=ge2025-03-14&sent=lt2025-03-15", True),
        # the resource's own precision is a day: it may be before or after noon
        (TOLD, "received=2025-03-14", True),
        (TOLD, "received=2025-03-14T12:00", False),
        (TOLD, "received=gt2025-03-14T12:00", True),
        (TOLD, "received=lt2025-03-14T12:00", True),
        (TOLD, "received=sa2025-03-14T12:00", False),
        (STAY, "date=2025-03", True),
        (STAY, "date=2025-03-12", False),
        (STAY, "date=ge2025-03-12&date=le2025-03-12", True),
        (STAY, "date=sa2025-03-09", True),
        (STAY, "date=eb2025-03-15", True),
        (OPEN, "date=gt2030-01-01", True),
        (OPEN, "date=eb2030-01-01", False),
        (OPEN, "date=2025", False),
        (TIMED, "occurrence=2025-04-15", True),
        (TIMED, "occurrence=2025-04-08", False),
        (PERSON, "birthdate=1950-01-02", True),
        (PERSON, "birthdate=lt1950-01-02", False),
        (PERSON, "birthdate=1950-01-01,1950-01-02", True),
        (PERSON, "_lastUpdated=gt2025-03-14T17:20:05.500122Z", True),
        (PERSON, "_lastUpdated=gt2025-03-14T17:20:05.500123Z", False),
        (PERSON, "_lastUpdated=ge2025-03-14T17:20:05.500123Z", True),
        (PERSON, "_lastUpdated=2025-03-14", True),
        (PERSON, "death-date:missing=true", True),
    ],
)
def test_dates_compare_as_intervals(resource: Resource, query: str, expected: bool) -> None:
    assert found(resource, query) is expected


def test_a_date_without_offset_is_a_day_of_the_united_kingdom() -> None:
    assert interval("2025-06-14") == interval_of("2025-06-13T23:00:00Z", "2025-06-14T23:00:00Z")
    assert interval("2025-01-14") == interval_of("2025-01-14T00:00:00Z", "2025-01-15T00:00:00Z")
    # the day on which the clocks go forward has 23 hours
    assert interval("2025-03-30") == interval_of("2025-03-30T00:00:00Z", "2025-03-30T23:00:00Z")


def interval_of(start: str, end: str) -> Interval:
    return Interval(
        Instant.of(datetime.fromisoformat(start)), Instant.of(datetime.fromisoformat(end))
    )


@pytest.mark.parametrize(
    "text",
    ["", "x", "20250314", "2025-13", "2025-02-30", "2025-03-14T25:00", "2025-03-14T10", "25-03-14"],
)
def test_what_is_no_date_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read("Communication", f"sent={text}")

    assert text == "" or all(text not in issue.text for issue in refused.value.issues)


moments = st.integers(-(2**31), 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
widths = st.integers(1, 10**12)


@given(low=moments, width=widths, other=moments, other_width=widths)
def test_prefixes_partition_and_imply_as_the_standard_says(
    low: datetime, width: int, other: datetime, other_width: int
) -> None:
    asked = Interval(Instant.of(low), Instant.of(low) + width)
    one = Interval(Instant.of(other), Instant.of(other) + other_width)
    holds = {prefix: compare(prefix, asked, NOW)(one) for prefix in PREFIXES}

    assert holds["eq"] != holds["ne"]
    assert holds["ge"] == (holds["gt"] or holds["eq"])
    assert holds["le"] == (holds["lt"] or holds["eq"])
    assert not holds["sa"] or holds["gt"]
    assert not holds["eb"] or holds["lt"]
    assert not (holds["sa"] and holds["eb"])
    assert holds["eq"] or holds["gt"] or holds["lt"]
    overlap = one.low < asked.high and one.high > asked.low
    assert overlap != (holds["sa"] or holds["eb"])
    assert holds["ap"] or not overlap


@given(moments)
def test_coarser_dates_contain_finer_ones(moment: datetime) -> None:
    local = moment.astimezone(ZoneInfo("Europe/London"))
    exact = interval(local.isoformat(timespec="microseconds"))

    for text in ("%Y-%m-%dT%H:%M%z", "%Y-%m-%d", "%Y-%m", "%Y"):
        written = local.strftime(text)
        coarse = interval(written[:-2] + ":" + written[-2:] if "T" in written else written)
        assert coarse.low <= exact.low
        assert exact.high <= coarse.high


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
