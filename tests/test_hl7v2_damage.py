"""Messages as files, editors and logs leave them: read where only one thing can be meant; told."""

from __future__ import annotations

import json

import pytest
from hl7v2_fixtures import MSH, PID, body, names, values

from service.errors import UnreadableMessage
from service.formats.hl7v2 import FORMAT, Hl7Message

EVN = "EVN|A03|20250314170500"
PV1 = "PV1|1|I|RJZ^WARD^BED 3^RJZ01|21"
LINES = (MSH, EVN, PID, PV1)
WHOLE = body(*LINES)


def only(content: bytes) -> Hl7Message:
    assert FORMAT.matches("", content)
    (message,) = FORMAT.read(content)
    assert isinstance(message, Hl7Message)
    return message


def told(message: Hl7Message) -> str:
    return " | ".join(issue.text for issue in message.issues if issue.severity == "warning")


def wrapped(segment: str, width: int, end: str) -> str:
    return end.join(segment[at : at + width] for at in range(0, len(segment), width))


LITERAL = "line ends came written in signs"
DAMAGED = {
    "quoted as JSON": (json.dumps(WHOLE.decode()).encode(), "quoted, as in JSON"),
    "JSON without its quotation marks": (
        json.dumps(WHOLE.decode()).strip('"').encode(),
        "quoted, as in JSON",
    ),
    "line ends written \\r": (WHOLE.rstrip(b"\r").replace(b"\r", b"\\r"), LITERAL),
    "line ends written \\r\\n": (WHOLE.replace(b"\r", b"\\r\\n"), LITERAL),
    "line ends written <CR>": (WHOLE.replace(b"\r", b"<CR>"), LITERAL),
    "line ends written as a reference": (WHOLE.replace(b"\r", b"&#13;"), LITERAL),
    "\\r beside real line ends": (WHOLE.replace(b"\r", b"\\r\r\n"), LITERAL),
    "one carriage return missing": (
        WHOLE.replace(b"\rPV1|", b"PV1|"),
        "a segment began inside a line",
    ),
    "a blank in its place": (WHOLE.replace(b"\rEVN|", b" EVN|"), "a segment began inside a line"),
    "NULs between all": (WHOLE.replace(b"\r", b"\0\r\0"), "NUL characters"),
    "broken beside a separator": (
        WHOLE.replace(b"||TESTPATIENT", b"|\n|TESTPATIENT").replace(b"\r", b"\n"),
        "continues the field",
    ),
    "broken at 50 characters": (
        "\r\n".join(wrapped(line, 50, "\r\n") for line in LINES).encode(),
        "broken at one width",
    ),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=list(DAMAGED))
def test_what_can_mean_one_thing_is_read_as_that_and_told(content: bytes, words: str) -> None:
    message, whole = only(content), only(WHOLE)

    assert names(message) == names(whole)
    for path in ("PID-3", "PID-5.1", "PID-5.3", "PID-7", "EVN-2", "PV1-3.4", "PV1-4"):
        assert values(message, path) == values(whole, path), path
    assert words in told(message)


UNDAMAGED = {
    "as it should be": WHOLE,
    "a frame and its end left in": b"\x0b" + WHOLE + b"\x1c\r",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf" + WHOLE,
    "blank lines before it": b"\r\n\n  \r\n" + WHOLE,
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "words that end like a segment's name": body(
        MSH, EVN, PID, f"{PV1}^^^ACME^DEPID|XPV1|RAPID|x y"
    ),
    "a word like a segment in a text": body(*LINES, "NTE|1||see PV1|1| and PID|1| in the notes"),
    "escapes that look like line ends": body(*LINES, "OBX|1|FT|N||{\\E\\rtf1 a\\E\\row b}"),
}


@pytest.mark.parametrize("content", UNDAMAGED.values(), ids=list(UNDAMAGED))
def test_what_is_not_damaged_is_not_mended(content: bytes) -> None:
    message = only(content)

    assert [n for n in names(message) if n in ("MSH", "EVN", "PID", "PV1")] == names(only(WHOLE))
    assert told(message) == ""


REFUSED = {
    "all on one line": (WHOLE.replace(b"\r", b""), "not parted by CR or LF"),
    "escaped twice, with line ends": (WHOLE.replace(b"\\&", b"\\\\&"), "as in JSON"),
    "escaped as XML": (WHOLE.replace(b"\\&", b"\\&amp;"), "as XML"),
    "quoted and no JSON": (b'"' + WHOLE, "quoted"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=list(REFUSED))
def test_what_may_have_meant_two_things_is_refused_with_the_reason(
    content: bytes, words: str
) -> None:
    with pytest.raises(UnreadableMessage) as refused:
        FORMAT.read(content)

    assert words in " ".join(issue.text for issue in refused.value.issues)


def test_a_line_broken_in_the_middle_of_a_value_is_kept_as_it_stands_and_told() -> None:
    message = only(WHOLE.replace(b"TESTPATIENT", b"TESTPA\nTIENT").replace(b"\r", b"\n"))

    assert values(message, "PID-5.1") == ["TESTPA\nTIENT"]
    assert "continues the field" in told(message)


def test_a_word_that_ends_like_a_segments_name_is_no_segment_and_told() -> None:
    message = only(body(MSH, EVN, PID, "PV1|1|I|RAPID|1|x"))

    assert names(message) == names(only(WHOLE))
    assert "may begin inside a line" in told(message)


def test_every_break_in_a_value_is_told_with_its_line_and_its_field() -> None:
    content = WHOLE.replace(b"TESTPATIENT", b"TESTPA\nTIENT").replace(b"ADA^M", b"AD\nA^M")
    message = only(content.replace(b"BED 3", b"BED\n3").replace(b"\r", b"\n"))

    places = [issue.source for issue in message.issues if "continues" in issue.text]
    assert places == ["line 4, PID-5", "line 5, PID-5", "line 7, PV1-3"]


def test_a_message_broken_everywhere_is_told_in_few_words() -> None:
    content = WHOLE + b"".join(b"OBX|%d|TX|N||seen\rat home\r" % at for at in range(1, 60))
    told_of = [issue for issue in only(content).issues if issue.severity == "warning"]

    assert len(told_of) == 21
    assert told_of[-1].text == "so do 39 more lines"


def second(number: int) -> bytes:
    return WHOLE.replace(b"|1001|", f"|{number}|".encode())


FHS, BHS = b"FHS|^~\\&|PAS|RJZ\r", b"BHS|^~\\&|PAS|RJZ\r"
ONE, TWO, THREE = second(1), second(2), second(3)
BATCHES = {
    "right": (FHS + BHS + ONE + TWO + b"BTS|2\r" + BHS + THREE + b"BTS|1\rFTS|2\r", {}),
    "no numbers": (FHS + BHS + ONE + TWO + THREE + b"BTS\rFTS\r", {}),
    "the first is wrong": (
        FHS + BHS + ONE + TWO + b"BTS|5\r" + BHS + THREE + b"BTS|1\rFTS|2\r",
        {2: "BTS-1"},
    ),
    "the sum is right": (
        FHS + BHS + ONE + TWO + b"BTS|1\r" + BHS + THREE + b"BTS|2\rFTS|2\r",
        {2: "BTS-1", 3: "BTS-1"},
    ),
    "the file is wrong": (FHS + BHS + ONE + TWO + THREE + b"BTS|3\rFTS|9\r", {3: "FTS-1"}),
    "cut short": (FHS + BHS + ONE + TWO + THREE, {3: "BTS"}),
}


@pytest.mark.parametrize(("content", "doubted"), BATCHES.values(), ids=list(BATCHES))
def test_a_number_that_a_batch_announces_wrongly_is_told_with_its_last_message(
    content: bytes, doubted: dict[int, str]
) -> None:
    messages = FORMAT.read(content)

    assert [message.message_id for message in messages] == ["1", "2", "3"]
    found = {
        number: issue.source
        for number, message in enumerate(messages, 1)
        for issue in message.issues
        if "batch" in issue.text
    }
    assert found == doubted
