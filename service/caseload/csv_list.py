"""A caseload as CSV: one patient a line, every fault with its line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.caseload.member import Fault, FaultyMember, Member, read_member
from service.errors import Issue, UnreadableMessage

REQUIRED: Final = ("nhs_number", "birth_date")
COLUMNS: Final = (
    *REQUIRED,
    *("family", "given", "postcode", "start", "end", "kinds"),
    *("basis_code", "basis_text", "basis_system"),
)
# How spreadsheets of hospices head the same columns.
_ALSO: Final = {
    "nhs_no": "nhs_number",
    "date_of_birth": "birth_date",
    "dob": "birth_date",
    "surname": "family",
    "last_name": "family",
    "family_name": "family",
    "forename": "given",
    "first_name": "given",
    "given_name": "given",
    "post_code": "postcode",
    "start_date": "start",
    "end_date": "end",
    "basis": "basis_text",
}
MOST_LINES: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the file: a patient, or what is wrong with it."""

    number: int
    member: Member | None
    faults: tuple[Fault, ...] = ()

    def issues(self) -> Iterator[Issue]:
        """Yield its faults, each with line and column."""
        for fault in self.faults:
            where = f"line {self.number}, column {fault.field}"
            yield Issue(severity="error", code="value", text=fault.text, source=where)


def read_csv(body: bytes, today: str) -> list[Line]:
    """Return every line with a patient in it, faulty ones too.

    UTF-8, or else Windows-1252, as spreadsheets write it. Raises UnreadableMessage if it is no
    CSV file, or its first line does not name the columns.
    """
    rows = csv.reader(io.StringIO(_text(body), newline=""), strict=True)
    try:
        columns = _columns(next(rows, []))
        found = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as fault:
        raise _unreadable(f"{fault}", rows.line_num) from None
    if len(found) > MOST_LINES:
        raise UnreadableMessage(f"A list has at most {MOST_LINES} patients.")
    return list(_once(_line(number, row, columns, today) for number, row in found))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _columns(heading: Sequence[str]) -> list[str]:
    plain = ["_".join(name.strip().lower().replace("-", " ").split()) for name in heading]
    columns = [_ALSO.get(name, name) for name in plain]
    strange = [name for name, column in zip(heading, columns, strict=True) if column not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    faults = [
        *(f"there is no column {name!r}: it can be {', '.join(COLUMNS)}" for name in strange),
        *(f"the column {name} is needed" for name in missing),
        *(f"the column {name} is there twice" for name in twice),
    ]
    if faults:
        raise UnreadableMessage(
            "The first line must name the columns.",
            [Issue(severity="error", code="structure", text=f, source="line 1") for f in faults],
        )
    return columns


def _line(number: int, row: Sequence[str], columns: Sequence[str], today: str) -> Line:
    if len(row) != len(columns):
        text = f"there are {len(row)} cells under {len(columns)} headings"
        return Line(number=number, member=None, faults=(Fault(field="1", text=text),))
    try:
        member = read_member(dict(zip(columns, row, strict=True)), today)
    except FaultyMember as faulty:
        return Line(number=number, member=None, faults=faulty.faults)
    return Line(number=number, member=member)


def _once(lines: Iterator[Line]) -> Iterator[Line]:
    """Yield the lines; a patient who stands there twice is a fault."""
    seen: dict[str, int] = {}
    for line in lines:
        known = seen.setdefault(line.member.nhs_number, line.number) if line.member else line.number
        if known == line.number:
            yield line
        else:
            text = f"the same NHS number stands in line {known}"
            fault = Fault(field="nhs_number", text=text)
            yield Line(number=line.number, member=None, faults=(fault,))


def _unreadable(text: str, line: int) -> UnreadableMessage:
    issue = Issue(severity="error", code="structure", text=text, source=f"line {line}")
    return UnreadableMessage("This is no CSV file.", [issue])
