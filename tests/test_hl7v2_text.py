"""Character sets and escapes: what was meant is what is read."""

from __future__ import annotations

import pytest
from hl7v2_fixtures import MSH, PID, body, read, refusal, value

from service.formats.hl7v2 import FORMAT
from service.formats.hl7v2.charset import codec_of
from service.formats.hl7v2.separators import declared, escape, unescape
from service.formats.source import NULL

NOTE = "NTE|1|L|£5 “naïve” 10 µg"


def header(charset: str) -> str:
    return f"{MSH}||||||{charset}"


@pytest.mark.parametrize(
    ("declared_as", "sent_as"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("UNICODE", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UNICODE UTF-8~8859/1", "utf-8"),
        ("8859/1", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("WINDOWS-1252", "cp1252"),
        ("UNICODE UTF-16", "utf-8"),
        ("", "utf-8-sig"),
        ("8859/1", "utf-8-sig"),
        ("UNICODE", "utf-16"),
        ("UNICODE UTF-16", "utf-16-be"),
        ("", "utf-16-le"),
    ],
)
def test_the_declared_character_set_is_read(declared_as, sent_as):
    (message,) = FORMAT.read(body(header(declared_as), PID, NOTE, charset=sent_as))

    assert value(message, "NTE-3") == "£5 “naïve” 10 µg"
    assert message.charset_guessed is False
    assert message.issues == ()


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("ASCII", "ascii"),
        ("8859/1", "cp1252"),
        ("8859/2", "iso8859-2"),
        ("8859/9", "iso8859-9"),
        ("8859/15", "iso8859-15"),
        ("ISO IR87", "iso2022_jp"),
        ("GB 18030-2000", "gb18030"),
        ("BIG-5", "big5"),
        ("windows-1252", "cp1252"),
        ("utf_8", "utf-8"),
        ("unicode_escape", None),
        ("idna", None),
        ("zlib", None),
        ("", None),
    ],
)
def test_character_sets_are_known_by_the_names_that_are_in_use(name, codec):
    assert codec_of(name) == codec


def test_the_euro_sign_of_8859_15_is_one():
    (message,) = FORMAT.read(body(header("8859/15"), "NTE|1|L|€10", charset="iso8859-15"))

    assert value(message, "NTE-3") == "€10"


def test_bytes_that_shift_between_character_sets_are_not_taken_for_ascii():
    (message,) = FORMAT.read(body(header("ISO IR87"), "NTE|1|L|\u75db", charset="iso2022_jp"))

    assert value(message, "NTE-3") == "\u75db"


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_that_windows_leaves_open_do_not_stop_a_message(byte):
    content = body(header("8859/1"), "NTE|1|L|a") + b"\x93" + bytes([byte])
    (message,) = FORMAT.read(content.replace(b"a\r", b"a"))

    assert value(message, "NTE-3") == f"a“{chr(byte)}"


@pytest.mark.parametrize(
    ("declared_as", "sent_as", "given", "guessed", "severities"),
    [
        ("", "utf-8", None, True, ["information"]),
        ("", "cp1252", None, True, ["warning"]),
        ("", "cp1252", "windows-1252", False, []),
        ("", "utf-8", "UTF-8", False, []),
        ("", "utf-8", "windows-1252", True, ["warning"]),
        ("KLINGON", "utf-8", "8859/1", True, ["warning", "warning"]),
        ("", "cp1252", "UTF-8", True, ["warning", "warning"]),
        ("ASCII", "cp1252", None, True, ["warning", "warning"]),
        ("UNICODE", "cp1252", None, True, ["warning", "warning"]),
        ("UNICODE", "cp1252", "8859/1", False, ["warning"]),
        ("KLINGON", "utf-8", None, True, ["warning", "information"]),
    ],
)
def test_what_was_not_declared_is_guessed_and_told(
    declared_as, sent_as, given, guessed, severities
):
    (message,) = FORMAT.read(body(header(declared_as), NOTE, charset=sent_as), given)

    assert value(message, "NTE-3") == "£5 “naïve” 10 µg"
    assert message.charset_guessed is guessed
    assert [issue.severity for issue in message.issues] == severities


def test_a_declared_one_byte_set_is_believed_but_utf_8_in_it_is_told():
    (message,) = FORMAT.read(body(header("8859/1"), "NTE|1|L|caf\u00e9", charset="utf-8"))

    assert value(message, "NTE-3") == "caf\u00c3\u00a9"
    assert [issue.source for issue in message.issues] == ["MSH-18"]


def test_plain_ascii_leaves_nothing_to_guess():
    assert read(PID).charset_guessed is False
    assert read(PID).issues == ()


@pytest.mark.parametrize(
    "content",
    [
        body(header("UNICODE UTF-8"), "NTE|1|L|caf\u00e9")[:-2],
        body(MSH, PID, charset="utf-16")[:-3],
    ],
)
def test_a_message_cut_inside_a_character_is_refused(content):
    (issue,) = refusal(content)

    assert issue.source.startswith("byte ")


def test_each_message_of_a_body_has_its_own_character_set():
    content = body(header("8859/1"), NOTE, charset="cp1252") + body(header("UNICODE"), NOTE)

    assert [value(m, "NTE-3") for m in FORMAT.read(content)] == ["£5 “naïve” 10 µg"] * 2


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\E\F\E\ ", "\\F\\ "),  # undone once
        (r"\X41\\X0D0A\\XE9\ ", "A\r\né "),
        (r"\XC3A9\ ", "é "),
        (r"\X4\\X4G\ ", r"\X4\\X4G\ "),
        (r"\X00\x", "x"),
        (r"\H\bold\N\ ", "bold "),
        (r"one\.br\two\.BR\three", "one\ntwo\nthree"),
        (r"\.sp\a\.sp2\b\.sp+3\c", "\na\n\nb\n\n\nc"),
        (r"\.in+4\a\.ti-2\b\.ce\c\.fi\d\.nf\e\.sk3\f", "ab\ncde   f"),
        (r"\C2842\a\M2442\b\M244242\c", "abc"),
        (r"\Zlocal\ \Q\ \.xx\ ", r"\Zlocal\ \Q\ \.xx\ "),
        (r"C:\notes\T\new \ end", r"C:\notes&new \ end"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
        (r"\.sp999999\ ", "\n" * 20 + " "),
    ],
)
def test_escapes_are_undone_once_and_what_is_none_stays(sent, meant):
    assert value(read(f"NTE|1|L|{sent}"), "NTE-3") == meant
    assert value(read(f"PID|1||^^{sent}"), "PID-3.3") == meant


def test_hexadecimal_escapes_are_in_the_message_s_own_character_set():
    (message,) = FORMAT.read(body(header("8859/1"), r"NTE|1|L|\XA3\5 \X93\x\X94\ "))

    assert value(message, "NTE-3") == "£5 “x” "


def test_hexadecimal_bytes_that_are_no_utf_8_are_read_as_windows_writes_them():
    assert value(read(r"NTE|1|L|\X93\x\X94\ "), "NTE-3") == "“x” "


def test_an_escaped_pair_of_quotation_marks_is_text():
    assert value(read(r"NTE|1|L|\X2222\ "), "NTE-3") == '"" '
    assert value(read(r"PID|1||\X2222\ "), "PID-3") is not NULL


@pytest.mark.parametrize("signs", ["^~\\&", "^~\\&#", "%*@!", "^~\\"])
def test_what_is_escaped_is_read_back(signs):
    separators = declared("|", signs)
    text = "a|b^c~d\\e&f#g%h*i@j!k\nl"

    assert unescape(escape(text, separators), separators, "utf-8") == text
    assert not set("|\n" + signs.replace(separators.escape, "")) & set(escape(text, separators))
