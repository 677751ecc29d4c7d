"""Acknowledgements: the answer in the sender's own dialect, without any value of the patient.

The general acknowledgement (ACK) answers every message, REF^I12 too: its RRI^I12 says what the
provider who was asked decided, and would repeat the patient; neither is the relay's to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.errors import Issue
from service.formats.hl7v2.header import Header, header_of
from service.formats.hl7v2.message import Hl7Message

_ACCEPT: Final = {"AA": "CA", "AE": "CE", "AR": "CR"}  # HL7 table 0008: application to accept
_ERRORS: Final = {  # FHIR issue-type to HL7 table 0357; whatever else is 207
    "structure": ("100", "Segment sequence error"),
    "required": ("101", "Required field missing"),
    "value": ("102", "Data type error"),
    "invalid": ("102", "Data type error"),
    "business-rule": ("102", "Data type error"),
    "invariant": ("102", "Data type error"),
    "too-long": ("102", "Data type error"),
    "code-invalid": ("103", "Table value not found"),
    "not-supported": ("200", "Unsupported message type"),
    "not-found": ("204", "Unknown key identifier"),
    "conflict": ("205", "Duplicate key identifier"),
    "duplicate": ("205", "Duplicate key identifier"),
    "lock-error": ("206", "Application record locked"),
}
_NOT_SUPPORTED: Final = {  # where the unsupported thing stands, to table 0357
    "MSH-11": ("202", "Unsupported processing id"),
    "MSH-12": ("203", "Unsupported version id"),
}
_INTERNAL: Final = ("207", "Application internal error")
_SEVERITIES: Final = {"fatal": "E", "error": "E", "warning": "W", "information": "I"}  # 0516
_PLACE: Final = re.compile(
    r"(?:.*, )?([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?"
    r"(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?)?"
)
_TYPE, _CONTROL_ID, _ACCEPT_WHEN, _APPLICATION_WHEN = 9, 10, 15, 16  # fields of MSH
_ACKNOWLEDGEMENTS: Final = frozenset({"ACK", "MCF"})  # message types that are answers already
_WITH_STRUCTURE: Final = (2, 3, 1)  # the version that gave MSH-9 its third component
_WITH_PLACES: Final = (2, 5)  # the version that gave ERR its second form


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What a sender expects to hear."""

    reply: str | None = None  # the code to answer with, in the same exchange
    later: str | None = None  # the code of an application acknowledgement, a new message


def acknowledgements_due(received: bytes | Hl7Message, code: str) -> Due:
    """Return which acknowledgements the outcome `code` (AA, AE, AR) calls for.

    In original mode (MSH-15 and MSH-16 empty) the answer is `code`. In enhanced mode MSH-15 asks
    for an accept acknowledgement, MSH-16 for an application acknowledgement in a message of its
    own: always (AL), never (NE, or empty), on errors (ER), on success (SU). An ACK is never
    acknowledged.
    """
    header = header_of(received)
    if header.component(_TYPE, 1) in _ACKNOWLEDGEMENTS:
        return Due()
    if not _is_enhanced(header):
        return Due(reply=code)
    accept = _ACCEPT[code] if _is_wanted(header.asks(_ACCEPT_WHEN), code) else None
    later = code if _is_wanted(header.asks(_APPLICATION_WHEN), code) else None
    return Due(reply=accept, later=later)


def acknowledge(
    received: bytes | Hl7Message,
    code: str,
    text: str = "",
    issues: Sequence[Issue] = (),
    *,
    now: datetime,
    control_id: str,
) -> bytes:
    """Return the ACK to `received`, as far as its MSH can be read.

    code: AA, AE, AR, CA, CE or CR; text: MSA-3; issues: one ERR each, as the sender's version
    writes it (before 2.5: one ERR that repeats, of errors alone); now: with its offset;
    control_id: MSH-10 of the answer. Text and issues must hold no value of the message.
    """
    header = header_of(received)
    segments = [
        _msh(header, code, now, control_id),
        ["MSA", code, header.raw(_CONTROL_ID), header.escaped(text)],
        *_err(header, issues),
    ]
    sign = header.separators.field
    answer = "".join(sign.join(fields).rstrip(sign) + "\r" for fields in segments)
    mark = "\ufeff" if header.codec.startswith("utf-16") else ""
    return (mark + answer).encode(header.codec, errors="replace")


def _is_enhanced(header: Header) -> bool:
    return bool(header.asks(_ACCEPT_WHEN) or header.asks(_APPLICATION_WHEN))


def _is_wanted(condition: str, code: str) -> bool:
    wanted = {"": False, "NE": False, "ER": code != "AA", "SU": code == "AA"}
    return wanted.get(condition, True)


def _msh(header: Header, code: str, now: datetime, control_id: str) -> list[str]:
    is_new_message = _is_enhanced(header) and code in _ACCEPT
    never = "NE" if is_new_message else ""
    sender = [header.raw(number) for number in (5, 6)]  # who received it answers
    receiver = [header.raw(number) for number in (3, 4)]
    return [
        "MSH",
        header.separators.encoding_characters,
        *sender,
        *receiver,
        header.escaped(now.strftime("%Y%m%d%H%M%S%z")),
        "",
        _message_type(header),
        header.escaped(control_id),
        header.processing() or "P",
        header.standard() or header.escaped("2.4"),
        *("", ""),
        *(never, never),
        "",
        header.charset(),
    ]


def _message_type(header: Header) -> str:
    event = header.component(_TYPE, 2)
    if not event:
        return "ACK"
    parts = ["ACK", event, "ACK"] if header.version() >= _WITH_STRUCTURE else ["ACK", event]
    return header.separators.component.join(parts)


def _err(header: Header, issues: Sequence[Issue]) -> list[list[str]]:
    if header.version() >= _WITH_PLACES:
        return [_error(header, issue) for issue in issues]
    errors = [_short_error(header, issue) for issue in issues if _SEVERITIES[issue.severity] == "E"]
    return [["ERR", header.separators.repetition.join(errors)]] if errors else []


def _error(header: Header, issue: Issue) -> list[str]:
    """ERR from 2.5 on: ERR-2 where, ERR-3 code, ERR-4 severity, ERR-7 field, ERR-8 text."""
    code, meaning = _error_code(issue)
    sign = header.separators.component
    where = sign.join(_location(issue.source)).rstrip(sign)
    diagnostic = issue.target or ("" if where else issue.source)
    return [
        *("ERR", "", where),
        sign.join([code, meaning, "HL70357"]),
        *(_SEVERITIES[issue.severity], "", ""),
        header.escaped(diagnostic),
        header.escaped(issue.text),
    ]


def _short_error(header: Header, issue: Issue) -> str:
    """ERR-1 before 2.5: segment, its number, field, and the code with the text beside it."""
    code, meaning = _error_code(issue)
    below = header.separators.subcomponent
    coded = [code, meaning, "HL70357", "", header.escaped(issue.text)]
    segment, number, field, *_ = _location(issue.source)
    return header.separators.component.join(
        [segment, number, field, below.join(coded) if below else code]
    )


def _error_code(issue: Issue) -> tuple[str, str]:
    if issue.code == "not-supported" and issue.source in _NOT_SUPPORTED:
        return _NOT_SUPPORTED[issue.source]
    return _ERRORS.get(issue.code, _INTERNAL)


def _location(source: str) -> list[str]:
    """Return segment, its number, field, repetition, component, subcomponent; "" where unknown."""
    match = _PLACE.fullmatch(source)
    if not match:
        return [""] * 6
    segment, number, field, repetition, component, subcomponent = match.groups("")
    repetition = repetition or ("1" if field else "")
    return [segment, number or "1", field, repetition, component, subcomponent]
