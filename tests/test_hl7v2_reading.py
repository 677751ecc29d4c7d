"""Line ends, frames, batches and headers as senders really write them."""

from __future__ import annotations

import pytest
from hl7v2_fixtures import MSH, PID, body, names, read, refusal, value, values

from service.formats.hl7v2 import FORMAT
from service.formats.source import NULL, ExplicitNull

PV1 = "PV1|1|I|RJZ^WARD1" + "|" * 33 + "19"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n", "\r\n\r\n", "\n\r"])
def test_segments_are_parted_by_whatever_ends_them(end):
    message = read(PID, PV1, end=end)

    assert names(message) == ["MSH", "PID", "PV1"]
    assert value(message, "MSH-12") == "2.4"
    assert value(message, "PV1-36") == "19"


@pytest.mark.parametrize(
    "framed",
    [
        b"\x0b%s\x1c\r",
        b"\xef\xbb\xbf%s",
        b"\xef\xbb\xbf\x0b%s\x1c\r",
        b"\x0b\xef\xbb\xbf%s\x1c\r",
        b"\r\n \t%s\r\n\r\n",
        b"\0\0%s\0\0",
        b"%s\x1a",
        b"%s\x1c",
    ],
)
def test_frames_marks_and_padding_around_a_message_fall_away(framed):
    (message,) = FORMAT.read(framed % body(MSH, PID).rstrip(b"\r"))

    assert names(message) == ["MSH", "PID"]
    assert values(message, "PID-8") == ["F"]
    assert message.issues == ()


def test_a_line_that_begins_no_segment_continues_the_field_before_it():
    text = "OBX|1|TX|N||Seen in clinic.\n\nPain 7/10 | worse at night\nMRI\nNEXT week||||||F"
    message = read(PID, *text.split("\n"), PV1, end="\n")

    assert names(message) == ["MSH", "PID", "OBX", "PV1"]
    assert value(message, "OBX-5") == "Seen in clinic.\n\nPain 7/10 "
    assert value(message, "OBX-6") == " worse at night\nMRI\nNEXT week"
    assert [(i.severity, i.source) for i in message.issues] == [("warning", "line 5, OBX-5")]


def test_a_line_of_spaces_is_an_empty_line():
    message = read(PID, "  ", "OBX|1|TX|N||one", " \t", "two", "   ", end="\r\n")

    assert value(message, "PID-8") == "F"
    assert value(message, "OBX-5") == "one\n\ntwo"


def test_a_line_feed_inside_a_field_stays_where_segments_end_with_carriage_returns():
    message = read(PID, "OBX|1|TX|N||first\nPV1|second||||||F")

    assert names(message) == ["MSH", "PID", "OBX"]
    assert value(message, "OBX-5") == "first\nPV1"
    assert message.issues == ()


def test_mixed_line_ends_are_read_and_told():
    (message,) = FORMAT.read(f"{MSH}\n{PID}\r{PV1}\n".encode())

    assert names(message) == ["MSH", "PID", "PV1"]
    assert len(message.issues) == 1


def test_segments_that_no_grammar_knows_hide_nothing_behind_them():
    message = read("ZPI|1|x", PID, "ZZZ|odd^one", PV1, "Z99", "AL1|1|DA|^PENICILLIN")

    assert names(message)[:5] == ["MSH", "ZPI", "PID", "ZZZ", "PV1"]
    assert value(message, "AL1-3.2") == "PENICILLIN"
    assert value(message, "ZZZ-1.2") == "one"


def test_a_name_alone_is_a_segment_and_a_word_alone_is_text():
    message = read("PD1", "OBX|1|TX|N||Booked for", "MRI", "ZBE")

    assert names(message) == ["MSH", "PD1", "OBX", "ZBE"]
    assert value(message, "OBX-5") == "Booked for\nMRI"


def test_nul_characters_are_left_out_and_told():
    message = read("PID|1||X1\x00\x00||TESTPATIENT\x00^ADA")

    assert value(message, "PID-5.1") == "TESTPATIENT"
    assert [issue.severity for issue in message.issues] == ["warning"]


def test_unusual_separators_are_read_from_the_header():
    message = read(
        'PID$1$$A%B#C^D*E$$O^T^BRIEN | CO$$""',
        header="MSH$%*^#$PAS$RJZ$B$C$20250314$$ADT%A03$7$P$2.4",
    )

    assert values(message, "PID-3") == ["A", "E"]
    assert values(message, "PID-3.2.2") == ["C^D"]
    assert value(message, "PID-5") == "O#BRIEN | CO"
    assert values(message, "PID-7") == [NULL]
    assert (message.message_type, value(message, "MSH-1"), value(message, "MSH-2")) == (
        "ADT^A03",
        "$",
        "%*^#",
    )


def test_a_header_may_declare_fewer_separators():
    message = read("PID|1||A\\B&C^D~E", header="MSH|^~|PAS|RJZ|B|C|20250314||ADT^A03|7|P|2.4")

    assert values(message, "PID-3") == ["A\\B&C", "E"]
    assert values(message, "PID-3.2") == ["D"]


def test_a_segment_is_given_as_sent_before_and_after_it_is_read():
    message = read(PID)
    before = values(message, "MSH") + values(message, "PID")
    assert values(message, "MSH-9.1") + values(message, "PID-8") == ["ADT", "F"]

    assert before == values(message, "MSH") + values(message, "PID") == [MSH, PID]


def test_deleted_is_kept_apart_from_not_sent():
    message = read('PID|1||""^^^""||""||')

    assert isinstance(value(message, "PID-5"), ExplicitNull)
    assert isinstance(value(message, "PID-3.4"), ExplicitNull)
    assert values(message, "PID-7") == values(message, "PID-99") == values(message, "NK1-2") == []


def test_the_message_says_who_sent_what():
    message = read(PID)

    assert message.format == "hl7v2"
    assert message.message_id == "1001"
    assert message.message_type == "ADT^A03"
    assert message.claimed_sender == "RJZ"
    assert (message.version, message.processing_id) == ("2.4", "P")
    assert message.charset_guessed is False
    assert message.root is message


def test_the_control_id_is_msh_10_as_a_whole():
    message = read(header=MSH.replace("|1001|", "|A^1&2\\F\\3|"))

    assert message.message_id == "A^1&2|3"


def test_ampersands_between_spaces_are_text_and_told():
    message = read("DG1|1||R52^Pain & swelling & heat&x^L")

    assert values(message, "DG1-3.2") == ["Pain & swelling & heat"]
    assert values(message, "DG1-3.2.2") == ["x"]
    assert [(i.severity, i.source) for i in message.issues] == [("information", "DG1")]


def test_text_that_its_sender_did_not_escape_stays_whole():
    message = read(
        "OBX|1|TX|A^B||R&D ^ 5\\T\\6~line 2||||||F", "OBX|2|CE|A||1^two", "NTE|1|L|a&b^c"
    )

    assert values(message, "OBX-5") == ["R&D ^ 5&6", "line 2", "1"]
    assert values(message, "OBX-5.2") == ["two"]
    assert values(message, "NTE-3") == ["a&b^c"]


def test_several_messages_in_one_body_are_several_messages():
    second = MSH.replace("1001", "1002")
    messages = FORMAT.read(body(MSH, PID) + b"\x1c\r\x0b" + body(second, PV1))

    assert [(m.message_id, names(m)[1:]) for m in messages] == [
        ("1001", ["PID"]),
        ("1002", ["PV1"]),
    ]


def test_files_put_together_with_their_byte_order_marks_are_several_messages():
    messages = FORMAT.read(body("\ufeff" + MSH, PID, "\ufeff" + MSH, PID, end="\n"))

    assert [names(m) for m in messages] == [["MSH", "PID"], ["MSH", "PID"]]
    assert [m.issues for m in messages] == [(), ()]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_each_message_of_a_body_can_be_read_again_from_its_own_bytes(charset):
    declared = f"{MSH}||||||{'8859/1' if charset != 'utf-8' else ''}"
    content = body(declared, "NTE|1|L|£5", declared, "NTE|1|L|£6", charset=charset)
    again = [FORMAT.read(message.raw) for message in FORMAT.read(content)]

    assert [[value(m, "NTE-3") for m in messages] for messages in again] == [["£5"], ["£6"]]


def test_the_bytes_of_a_message_alone_are_the_body():
    content = b"\x0b" + body(MSH, PID) + b"\x1c\r"

    assert FORMAT.read(content)[0].raw == content


def test_the_envelope_of_a_batch_falls_away():
    batch = body("FHS|^~\\&|PAS", "BHS|^~\\&|PAS", MSH, PID, MSH, "BTS|2", "FTS|1")
    messages = FORMAT.read(batch)

    assert [names(m) for m in messages] == [["MSH", "PID"], ["MSH"]]
    assert [m.issues for m in messages] == [(), ()]


def test_a_batch_that_is_shorter_than_it_says_is_told():
    (message,) = FORMAT.read(body("BHS|^~\\&|PAS", MSH, PID, "BTS|2"))

    assert [issue.source for issue in message.issues] == ["BTS-1"]


def test_text_that_begins_with_msh_is_no_message():
    (message,) = FORMAT.read(body(MSH, "NTE|1|L|copied:", "MSH was sent", end="\n"))

    assert value(message, "NTE-3") == "copied:\nMSH was sent"


@pytest.mark.parametrize(
    ("content", "places", "words"),
    [
        (b"", ["line 1"], "no MSH"),
        (b"%PDF-1.7", ["line 1"], "no MSH"),
        (body(PID), ["line 1"], "no MSH"),
        (b"x" + body(MSH, PID), ["line 1"], "before MSH"),
        (body(PID, MSH), ["line 1"], "before MSH"),
        (b'"' + body(MSH), ["line 1"], "JSON"),
        (b'{"message": "' + body(MSH), ["line 1"], "JSON"),
        (body(MSH.replace("\\", "\\\\"), PID), ["MSH-2"], "JSON"),
        (body(f"{MSH} {PID}"), ["line 1"], "CR or LF"),
        (body(MSH.replace("&", "&amp;")), ["MSH-2"], "XML"),
        (b"MSH", ["MSH-2"], "MSH-1"),
        (b"MSH|", ["MSH-2"], "two to five"),
        (b"MSH|^^\\&|PAS", ["MSH-2"], "twice"),
        (b"MSH|^~|\\&|PAS|RJZ", ["MSH-9", "MSH-10"], "absent"),
        (b"MSH|^~\\A|PAS", ["MSH-2"], "letter"),
        (b"MSH^~\\&|PAS", ["MSH-2"], "two to five"),
        (body(MSH.replace("ADT^A03^ADT_A03", "")), ["MSH-9"], "absent"),
        (body(MSH.replace("1001", '""')), ["MSH-10"], "absent"),
        (body(MSH.replace("1001", "1" * 256)), ["MSH-10"], "too long"),
        (body(MSH[:40]), ["MSH-9", "MSH-10"], "absent"),
        (body(MSH, PID, "DSC|next"), ["DSC-1"], "another"),
        (body(MSH, MSH[:40], MSH.replace("1001", "")), [
            "message 2, MSH-9", "message 2, MSH-10", "message 3, MSH-10"], "absent"),
    ],
)  # fmt: skip
def test_what_is_certainly_wrong_is_refused_with_every_place(content, places, words):
    issues = refusal(content)

    assert [issue.source for issue in issues] == places
    assert words in issues[0].text
    assert not any("TESTPATIENT" in issue.text for issue in issues)


def test_an_absent_control_id_is_a_required_field_missing():
    (issue,) = refusal(body(MSH.replace("1001", "")))

    assert (issue.severity, issue.code) == ("fatal", "required")


@pytest.mark.parametrize(
    ("media_type", "content", "is_hl7"),
    [
        ("application/hl7-v2; charset=utf-8", b"", True),
        ("x-application/hl7-v2+er7", b"{}", True),
        ("application/hl7-v2+xml", b"<ADT_A03/>", False),
        ("text/plain", b"MSH|^~\\&|", True),
        ("", b"\x0b\xef\xbb\xbfMSH|", True),
        ("", "MSH|^~\\&|".encode("utf-16"), True),
        ("", "MSH|^~\\&|".encode("utf-16-be"), True),
        ("", b"BHS|^~\\&|", True),
        ("application/json", b'"MSH|^~\\\\&|', True),
        ("application/json", b'{"resourceType": "Bundle"}', False),
        ("text/plain", b"MSHA", False),
        ("", b"", False),
    ],
)
def test_the_format_is_told_by_media_type_or_by_its_first_bytes(media_type, content, is_hl7):
    assert FORMAT.matches(media_type, content) is is_hl7
