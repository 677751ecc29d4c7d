"""Reading FHIR JSON: strict where other readers guess, and never quoting what it read."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import orjson
import pytest
from fhir_r4_fixtures import MESSAGE
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ServiceError, TooLarge, UnreadableMessage
from service.formats.fhir_r4 import FORMAT, as_written, parse

SECRET = "Testpatient"

REFUSED = [
    ('{"a":1,\n "a":2}', "the same key stands twice", "line 2, column 2"),
    ('{"a":{"b":1,"b":1}}', "the same key stands twice", "line 1, column 13"),
    ('{"a":[{"x":"a"},{"x":"a","x":"a"}]}', "the same key stands twice", "line 1, column 26"),
    ('{"a":1,"\\u0061":2}', "the same key stands twice", "line 1, column 8"),
    ('{"a":"\\"b\\":1","b":1,"b":2}', "the same key stands twice", "line 1, column 22"),
    ('{"a":NaN}', "NaN and Infinity", "line 1, column 6"),
    ('{"a":[1,-Infinity]}', "NaN and Infinity", "line 1, column 9"),
    ('{"a":1e99999999999999999999}', "more digits than can be kept", ""),
    ('{"a":' + "9" * 5000 + "}", "more digits than can be kept", ""),
    ('{"a":99999999999999999999}', "more digits than can be kept", ""),
    ('{"a":"\\ud800"}', "half of a surrogate pair", "line 1, column 7"),
    ('{"a":"\\ud83d\\ude00","b":"\\udc00"}', "half of a surrogate pair", "line 1, column 26"),
    ('{"a":"x\\u0000"}', "U+0000", "line 1, column 8"),
    ('{"a":01}', "Expecting ',' delimiter", "line 1, column 7"),
    ('{"a":1,}', "", "line 1, column"),
    ('{"a":"' + SECRET + '\n"}', "Invalid control character", "line 1, column 18"),
    ('{"a":"' + SECRET, "Unterminated string", "line 1, column 6"),
    ('{"a":1} x', "Extra data", "line 1, column 9"),
    ("{'a':1}", "double quotes", "line 1, column 2"),
    ("[1]", "a FHIR resource is a JSON object", "line 1, column 1"),
    ("", "Expecting value", "line 1, column 1"),
    ("{" + '"a":{' * 300 + "}" * 301, "254 levels", "line 1, column 1271"),
    ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "254 levels", "line 1, column 259"),
]


@pytest.mark.parametrize(("body", "reason", "place"), REFUSED, ids=[r[0][:24] for r in REFUSED])
def test_doubtful_json_is_refused_with_its_place(body: str, reason: str, place: str) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        parse(body.encode())

    (issue,) = refusal.value.issues
    assert reason in issue.text
    assert place in issue.source
    assert issue.source.startswith("line ")
    assert SECRET not in str(refusal.value)


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    with pytest.raises(UnreadableMessage, match=r"UTF-8.*line 2, column 6"):
        parse('{"a":1,\n"é":"'.encode() + "é".encode("latin-1") + b'"}')


def test_the_deepest_json_that_is_allowed_is_read() -> None:
    objects = '{"resourceType":"Basic"' + ',"text":{"x":0' * 253 + "}" * 254
    arrays = '{"resourceType":"Patient"' + ',"extension":[{"url":"x"' * 126 + "}]" * 126 + "}"

    (found,) = FORMAT.read(objects.encode())
    assert len(list(found.leaves())) == 253
    (found,) = FORMAT.read(arrays.encode())
    assert len(list(found.leaves())) == 126
    with pytest.raises(UnreadableMessage, match="254 levels"):
        FORMAT.read(objects.replace('"x":0', '"x":{}').encode())


def test_a_byte_order_mark_is_read_and_told() -> None:
    parsed = parse(b'\xef\xbb\xbf{"resourceType":"Patient"}')

    assert parsed.resource == {"resourceType": "Patient"}
    assert [issue.severity for issue in parsed.issues] == ["information"]
    assert FORMAT.matches("application/fhir+json", b'\xef\xbb\xbf{"resourceType":"Patient"}')


def test_decimals_keep_their_digits_in_and_out() -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":1.10}}'

    resource = parse(body).resource

    assert resource["valueQuantity"]["value"] == Decimal("1.10")
    assert orjson.dumps(resource, default=as_written) == body


def test_a_message_beyond_the_limit_is_refused_at_once() -> None:
    spaces = b" " * 100_000_000
    start = time.perf_counter()

    with pytest.raises(TooLarge):
        FORMAT.read(spaces)

    assert not FORMAT.matches("application/fhir+json", spaces)
    assert time.perf_counter() - start < 1  # second


@pytest.mark.parametrize(
    "body",
    [
        b" " * 20_000_000,
        b'{"a":"' + b"x" * 20_000_000,
        b'{"a":[' + b"1," * 5_000_000,
        b'{"a":' + b"[" * 10_000_000,
        b'{"a":"' + b'\\"' * 10_000_000,
    ],
    ids=["spaces", "text", "array", "brackets", "quotes"],
)
def test_large_nonsense_is_refused_within_seconds(body: bytes) -> None:
    start = time.perf_counter()

    with pytest.raises(UnreadableMessage):
        parse(body)

    assert time.perf_counter() - start < 5  # seconds; a slow machine included


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('aé"\\:\n\U0001f600', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\:', max_size=2), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON), indent=st.booleans())
def test_what_is_json_is_read_as_it_is(value: dict[str, Any], indent: bool) -> None:
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0)

    assert parse(body).resource == value


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(st.sampled_from(["a", "b"]), JSON, min_size=1), data=st.data())
def test_a_key_that_stands_twice_is_found_wherever_it_is(
    value: dict[str, Any], data: st.DataObject
) -> None:
    name = orjson.dumps(data.draw(st.sampled_from(sorted(value)))).decode()
    written = orjson.dumps(value).decode()

    with pytest.raises(UnreadableMessage, match="the same key stands twice"):
        parse(f'{{"z":[{written[:-1]},{name}:null}}]}}'.encode())


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=60), at=st.integers(0, 200), cut=st.integers(0, 60))
def test_damaged_messages_are_refused_or_read_but_never_crash(
    body: bytes, at: int, cut: int
) -> None:
    whole = orjson.dumps(MESSAGE, default=as_written)
    damaged = whole[:at] + body + whole[at + cut :]
    told: tuple[object, ...] = ()
    try:
        told = tuple(place for one in FORMAT.read(damaged) for place in (*one.leaves(), one.root))
    except ServiceError as refusal:
        told = refusal.issues

    assert told
