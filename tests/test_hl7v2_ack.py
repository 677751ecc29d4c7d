"""Acknowledgements: the right one, in the sender's dialect, without a value of the patient."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hl7v2_fixtures import MSH, PID, body, read, refusal, value, values

from service.errors import Issue
from service.formats.hl7v2 import FORMAT, Due, Hl7Message, acknowledge, acknowledgements_due

NOW = datetime(2025, 3, 14, 17, 5, 7, tzinfo=UTC)
ISSUES = (
    Issue(
        severity="error",
        code="required",
        text="the surname | is absent",
        source="PID-5[2].1.3",
        target="patient.family",
    ),
    Issue(severity="fatal", code="code-invalid", text="not in the table", source="OBX[3]-5"),
    Issue(severity="warning", code="value", text="doubtful", source="line 7"),
)


def answer(
    received: bytes | Hl7Message, code: str = "AE", text: str = "", issues: tuple[Issue, ...] = ()
) -> list[str]:
    sent = acknowledge(received, code, text, issues, now=NOW, control_id="R-1")
    return sent.decode().removesuffix("\r").split("\r")


def header(version: str, *modes: str) -> str:
    return MSH.replace("|2.4", f"|{version}") + "|||" + "|".join(modes)


def test_an_acknowledgement_answers_the_sender_in_its_own_words():
    message = read(
        PID,
        header="MSH|^~\\&|PAS^1|RJZ&x|RELAY|RLY|20250314||ADT^A03^ADT_A03|A^1|T^i|2.4^GBR||||||8859/1",
    )

    assert answer(message, "AA", "kept") == [
        "MSH|^~\\&|RELAY|RLY|PAS^1|RJZ&x|20250314170507+0000||ACK^A03^ACK|R-1|T^i|2.4^GBR||||||8859/1",
        "MSA|AA|A^1|kept",
    ]


def test_an_acknowledgement_is_itself_a_message_that_can_be_read():
    (ack,) = FORMAT.read("\r".join(answer(read(PID), "AE", "a|b\r\nc", ISSUES)).encode())

    assert ack.message_type == "ACK^A03"
    assert value(ack, "MSA-2") == "1001"
    assert value(ack, "MSA-3") == "a|b\nc"


def test_the_time_has_its_offset():
    summer = datetime(2025, 7, 1, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    sent = acknowledge(read(PID), "AA", now=summer, control_id="1")

    assert b"|20250701090000+0100|" in sent


@pytest.mark.parametrize(
    ("version", "message_type", "answered"),
    [
        ("2.4", "ADT^A03^ADT_A03", "ACK^A03^ACK"),
        ("2.4", "REF^I12^REF_I12", "ACK^I12^ACK"),
        ("2.3.1", "ADT^A03", "ACK^A03^ACK"),
        ("2.3", "ADT^A03", "ACK^A03"),
        ("2.2", "ADT^A03", "ACK^A03"),
        ("odd", "ADT^A03", "ACK^A03^ACK"),
        ("2.4", "ORU", "ACK"),
    ],
)
def test_the_type_of_the_answer_names_the_event(version, message_type, answered):
    sent = MSH.replace("ADT^A03^ADT_A03", message_type).replace("|2.4", f"|{version}")

    assert answer(read(PID, header=sent))[0].split("|")[8] == answered


def test_before_2_5_one_err_repeats_for_every_error():
    assert answer(read(PID), "AE", "refused", ISSUES)[1:] == [
        "MSA|AE|1001|refused",
        "ERR|PID^1^5^101&Required field missing&HL70357&&the surname \\F\\ is absent"
        "~OBX^3^5^103&Table value not found&HL70357&&not in the table",
    ]


@pytest.mark.parametrize("version", ["2.5", "2.5.1", "2.8"])
def test_from_2_5_on_every_issue_has_its_err(version):
    assert answer(read(PID, header=header(version)), "AE", "", ISSUES)[1:] == [
        "MSA|AE|1001",
        "ERR||PID^1^5^2^1^3|101^Required field missing^HL70357|E|||patient.family"
        "|the surname \\F\\ is absent",
        "ERR||OBX^3^5^1|103^Table value not found^HL70357|E||||not in the table",
        "ERR|||102^Data type error^HL70357|W|||line 7|doubtful",
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("structure", "100"),
        ("required", "101"),
        ("value", "102"),
        ("invariant", "102"),
        ("code-invalid", "103"),
        ("not-supported", "200"),
        ("not-found", "204"),
        ("conflict", "205"),
        ("transient", "207"),
        ("exception", "207"),
    ],
)
def test_an_issue_type_has_its_code_in_table_0357(code, error):
    issue = Issue(severity="error", code=code, text="x")

    assert answer(read(PID, header=header("2.5")), "AE", "", (issue,))[2].split("|")[3][:3] == error


def test_an_absent_control_id_is_answered_with_101():
    raw = body(MSH.replace("1001", ""), PID)

    assert answer(raw, "AE", "", refusal(raw))[1:] == [
        "MSA|AE",
        "ERR|MSH^1^10^101&Required field missing&HL70357&&MSH-10 is absent",
    ]


def test_a_fault_in_a_later_message_of_a_body_keeps_its_place():
    raw = body(MSH, MSH.replace("1001", ""))

    assert answer(raw, "AE", "", refusal(raw))[2].startswith("ERR|MSH^1^10^101&")


@pytest.mark.parametrize(
    ("accept", "application", "outcome", "due"),
    [
        ("", "", "AA", Due(reply="AA")),
        ("", "", "AE", Due(reply="AE")),
        ("", "", "AR", Due(reply="AR")),
        ('""', '""', "AA", Due(reply="AA")),
        ("AL", "NE", "AA", Due(reply="CA")),
        ("AL", "NE", "AE", Due(reply="CE")),
        ("AL", "", "AR", Due(reply="CR")),
        ("AL", "AL", "AA", Due(reply="CA", later="AA")),
        ("al", "al", "AE", Due(reply="CE", later="AE")),
        ("ER", "NE", "AA", Due()),
        ("ER", "NE", "AE", Due(reply="CE")),
        ("SU", "ER", "AA", Due(reply="CA")),
        ("SU", "ER", "AR", Due(later="AR")),
        ("NE", "AL", "AA", Due(later="AA")),
        ("NE", "NE", "AE", Due()),
        ("", "AL", "AA", Due(later="AA")),
        ("AL", "ne", "AA", Due(reply="CA")),
        ("odd", "NE", "AA", Due(reply="CA")),
    ],
)
def test_the_sender_gets_the_acknowledgements_it_asked_for(accept, application, outcome, due):
    raw = body(header("2.4", accept, application), PID)

    assert acknowledgements_due(raw, outcome) == due
    assert acknowledgements_due(FORMAT.read(raw)[0], outcome) == due


def test_an_acknowledgement_is_never_acknowledged():
    ack = acknowledge(read(PID), "AA", now=NOW, control_id="1")

    assert acknowledgements_due(ack, "AA") == Due()


def test_an_accept_acknowledgement_asks_for_none_and_a_later_one_says_so():
    message = read(PID, header=header("2.4", "AL", "AL"))

    assert answer(message, "CA")[0].split("|")[14:] == []
    assert answer(message, "AA")[0].split("|")[14:] == ["NE", "NE"]


def test_the_answer_is_in_the_senders_separators_and_character_set():
    raw = body(
        "MSH$%*^#$PAS$RJZ$B$Zoë$20250314$$ADT%A03$7$P$2.5$$$$$$8859/1", "PID$1", charset="cp1252"
    )
    issue = Issue(severity="error", code="value", text="50% – é", source="PID-3")  # noqa: RUF001
    sent = acknowledge(FORMAT.read(raw)[0], "AE", "5$", [issue], now=NOW, control_id="1")

    assert sent.decode("cp1252").split("\r") == [
        "MSH$%*^#$B$Zoë$PAS$RJZ$20250314170507+0000$$ACK%A03%ACK$1$P$2.5$$$$$$8859/1",
        "MSA$AE$7$5^F^",
        "ERR$$PID%1%3%1$102%Data type error%HL70357$E$$$$50^S^ – é",  # noqa: RUF001
        "",
    ]


def test_a_text_that_the_senders_character_set_lacks_does_not_stop_the_answer():
    raw = body(f"{MSH}||||||ASCII", PID)

    assert b"|caf? ?5\r" in acknowledge(raw, "AE", "café £5", now=NOW, control_id="1")


def test_a_byte_order_mark_overrules_msh_18_in_the_answer_too():
    raw = body("\ufeff" + MSH.replace("PAS", "PÄS") + "||||||8859/1", PID)

    for received in (raw, FORMAT.read(raw)[0]):
        assert answer(received, "AA")[0].split("|")[4] == "PÄS"


@pytest.mark.parametrize("sign", ["+", "-", ".", ":", "/"])
def test_a_separator_that_stands_in_our_own_values_is_escaped(sign):
    raw = f"MSH{sign}^~\\&{sign * 7}ADT^A03{sign}7".encode()
    (ack,) = FORMAT.read(acknowledge(raw, "AE", now=NOW, control_id="a+b-c.d:e/f"))

    assert value(ack, "MSH-7") == "20250314170507+0000"
    assert ack.message_id == "a+b-c.d:e/f"
    assert ack.version == "2.4"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_sender_of_utf_16_is_answered_in_it(charset):
    raw = body(MSH, PID, charset=charset)
    for received in (raw, FORMAT.read(raw)[0]):
        sent = acknowledge(received, "AA", now=NOW, control_id="1")

        assert sent[:2] in {b"\xff\xfe", b"\xfe\xff"}
        assert [value(m, "MSA-2") for m in FORMAT.read(sent)] == ["1001"]


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", ["MSH|^~\\&|||||20250314170507+0000||ACK|R-1|P|2.4", "MSA|AR||no"]),
        (b"\xff\xfe\0", ["MSH|^~\\&|||||20250314170507+0000||ACK|R-1|P|2.4", "MSA|AR||no"]),
        (
            b"GET / HTTP/1.1",
            ["MSH|^~\\&|||||20250314170507+0000||ACK|R-1|P|2.4", "MSA|AR||no"],
        ),
        (b"MSH", ["MSH|^~\\&|||||20250314170507+0000||ACK|R-1|P|2.4", "MSA|AR||no"]),
        (
            body(MSH.replace("\\", "\\\\")),
            [
                "MSH|^~\\&|RELAY|RLY|PAS|RJZ|20250314170507+0000||ACK^A03^ACK|R-1|P|2.4",
                "MSA|AR|1001|no",
            ],
        ),
        (
            b'x"' + body(MSH[:40]),
            ["MSH|^~\\&|RELAY|RLY|PAS|RJZ|20250314170507+0000||ACK|R-1|P|2.4", "MSA|AR||no"],
        ),
        (
            b"MSH$$~$PAS$RJZ$B$C$2025$$ADT^A03$9$T$2.3",
            ["MSH$^~\\&$RJZ$B$~$PAS$20250314170507+0000$$ACK$R-1$9$2.4", "MSA$AR$ADT^A03$no"],
        ),
        (
            b"MSH|^~\\&|A|B|C|D|||ADT^A03|7\x1c\x0b8|P|2.4",
            ["MSH|^~\\&|C|D|A|B|20250314170507+0000||ACK^A03^ACK|R-1|P|2.4", "MSA|AR|7 8|no"],
        ),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_is_known(raw, lines):
    assert answer(raw, "AR", "no") == lines


def test_the_patient_is_not_in_the_answer():
    sent = answer(read(PID), "AE", "refused", ISSUES)

    assert not any(part in "".join(sent) for part in ("9990123454", "TESTPATIENT", "19520304"))
    assert values(read(PID), "PID-5.1") == ["TESTPATIENT"]


def test_what_damage_put_in_the_place_of_the_character_set_is_not_sent_back() -> None:
    header = "|".join([*MSH.split("|")[:10], "9990001251^^^NHS", *("2.4", "", "", "", "", "")])
    body = f"{header}|9990001251^^^NHS~XXT4401\r".encode()

    sent = acknowledge(body, "AE", now=NOW, control_id="1")

    assert b"9990001251" not in sent
    assert sent.split(b"|")[10] == b"P"
