"""CSV of any design: a header line, then a message a row; a path is the name of a column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import Issue
from service.formats.hl7v2.charset import codec_of, marked, windows_1252
from service.formats.letters.record import MAX_RECORDS, WHOLE, Record, check_size, refusal, whole
from service.formats.letters.words import plain
from service.formats.source import Path

MAX_COLUMNS: Final = 500
MAX_FAULTS: Final = 20  # told of one file
_TYPES: Final = frozenset({"text/csv", "application/csv", "text/tab-separated-values"})
_DELIMITERS: Final = ("\t", ";", ",", "|")
_EXCEL: Final = re.compile(r"(?i)sep=(.)\r?\n?")
_HEADER: Final = re.compile(r"header\(\s*'((?:[^']|'')+)'\s*\)")
_BEGINNING: Final = 64 * 1024  # bytes that are looked at
_LONGEST_NAME: Final = 60  # characters, where content alone tells that this is CSV
_FEWEST: Final = 3  # columns, where content alone tells


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its values by column, as columns are compared."""

    number: int  # of the line on which it begins, from 1
    header: Mapping[str, str]  # as compared: as written
    values: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decoded:
    content: bytes  # in a character set in which lines end as in ASCII
    text: str
    issues: tuple[Issue, ...] = ()
    guessed: bool = False


class CsvRows:
    """See `service.formats.source.Format`."""

    name = "csv"

    def matches(self, media_type: str, body: bytes) -> bool:
        """Whether the media type says so, or the first lines have the same columns."""
        if media_type.partition(";")[0].strip().lower() in _TYPES:
            return True
        try:
            text = _decoded(body[:_BEGINNING], None).text
        except ValueError:
            return False
        return "\0" not in text and _looks_like_rows(text)

    def read(self, body: bytes, charset: str | None = None) -> tuple[Record, ...]:
        """Return a message for each row. Raises UnreadableMessage with every line at fault."""
        check_size(body)
        decoded = _decoded(body, charset)
        rows = list(_lines(decoded))
        if not rows:
            raise refusal("there is no row below the header", "line 1")
        return tuple(
            Record(
                format="csv",
                root=row,
                raw=row.raw,
                all_leaves=_leaves,
                place=f"line {row.number}",
                issues=decoded.issues,
                charset_guessed=decoded.guessed,
            )
            for row in rows
        )

    def compile_path(self, text: str) -> Path:
        """Compile a column's name, or `header('…')`: whether there is one. Raises ValueError."""
        if text.strip() == WHOLE:
            return whole(text, lambda row: row.raw)
        asked = _HEADER.fullmatch(text.strip())
        if asked:
            return _of_header(text, plain(asked[1].replace("''", "'")))
        name = plain(text.strip().strip("'"))
        if not name:
            raise ValueError("the name of a column is empty")

        def values(row: Line) -> list[str]:
            found = row.values.get(name, "")
            return [found] if found.strip() else []

        return Path(
            text=text,
            values=values,
            nodes=lambda row: [row] if values(row) else [],
            places=lambda row: [_place(row, name)] if values(row) else [],
        )


def _of_header(text: str, name: str) -> Path:
    return Path(
        text=text,
        values=lambda row: [row.header[name]] if name in row.header else [],
        nodes=lambda row: (),
        places=lambda row: ["line 1"] if name in row.header else [],
    )


def _place(row: Line, name: str) -> str:
    return f"line {row.number}, column {row.header[name]}"


def _leaves(row: Line) -> Iterator[str]:
    for name, value in row.values.items():
        if value.strip():
            yield _place(row, name)


def _decoded(body: bytes, charset: str | None) -> _Decoded:
    content, certain = marked(body)
    if certain not in {None, "utf-8"}:
        text = _strictly(content, certain or "")
        return _Decoded(content=text.encode(), text=text)
    try:
        return _Decoded(content=content, text=content.decode())
    except UnicodeDecodeError:
        pass
    codec = codec_of(charset) or charset if charset else None
    if codec:
        return _Decoded(content=content, text=_strictly(content, codec))
    doubt = Issue(
        severity="warning",
        code="structure",
        text="the file does not say its character set, and is not UTF-8: WINDOWS-1252 was taken",
        source="line 1",
    )
    return _Decoded(content=content, text=windows_1252(content), issues=(doubt,), guessed=True)


def _strictly(content: bytes, codec: str) -> str:
    try:
        return windows_1252(content) if codec == "cp1252" else content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refusal(f"the bytes are not {codec.upper()}", f"line {line}") from None


def _lines(decoded: _Decoded) -> Iterator[Line]:
    """Yield the rows. Raises UnreadableMessage that names the lines at fault."""
    pieces = decoded.content.splitlines(keepends=True)
    stream = io.StringIO(decoded.text, newline="")
    start = _skip_to_header(stream)
    header_line = stream.readline()
    stream.seek(0)
    for _ in range(start):
        stream.readline()
    reader = csv.reader(stream, delimiter=_delimiter(decoded.text, header_line), strict=True)
    records = _records(reader, start)
    at, cells, end = next(records, (start + 1, [], start + 1))
    header = _header(cells, at)
    top = b"".join(pieces[:end])
    found = list(_rows(records, header, top, pieces))
    yield from found


def _skip_to_header(stream: io.StringIO) -> int:
    """Return how many lines stand before the header: empty ones, and Excel's `sep=;`."""
    skipped = 0
    while True:
        before = stream.tell()
        text = stream.readline()
        if not text or (text.strip() and not _EXCEL.fullmatch(text)):
            stream.seek(before)
            return skipped
        skipped += 1


def _delimiter(text: str, header: str) -> str:
    told = _EXCEL.match(text)
    if told:
        return told[1]
    unquoted = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=unquoted.count) if any(d in unquoted for d in _DELIMITERS) else ","


def _records(reader: Iterator[list[str]], start: int) -> Iterator[tuple[int, list[str], int]]:
    """Yield every record with the line on which it begins and the one on which it ends."""
    at = start + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refusal(f"not CSV: {_reason(error)}", f"line {at}") from None
        end = start + reader.line_num  # type: ignore[attr-defined]
        if any(cell.strip() for cell in cells):
            yield at, cells, end
        at = end + 1


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return "a value is longer than is read here"
    if "unexpected end" in text:
        return "a quotation mark is not closed"
    return "a quotation mark stands where none may"


def _header(cells: list[str], line: int) -> dict[str, str]:
    """Return the columns. Raises UnreadableMessage if names are missing or not clear."""
    named = [at for at, cell in enumerate(cells, 1) if cell.strip()]
    cells = cells[: named[-1]] if named else []
    if not cells or len(cells) > MAX_COLUMNS:
        raise refusal(f"the header has 1 to {MAX_COLUMNS} columns", f"line {line}")
    header = {plain(cell): " ".join(cell.split()) for cell in cells}
    if "" in header:
        raise refusal("a column has no name", f"line {line}")
    if len(header) != len(cells):
        raise refusal("two columns have the same name", f"line {line}")
    return header


def _rows(
    records: Iterator[tuple[int, list[str], int]],
    header: dict[str, str],
    top: bytes,
    pieces: list[bytes],
) -> Iterator[Line]:
    wrong: list[str] = []
    for count, (at, cells, end) in enumerate(records, 1):
        if count > MAX_RECORDS:
            raise refusal(f"a file has at most {MAX_RECORDS} rows", f"line {at}")
        surplus = [cell for cell in cells[len(header) :] if cell.strip()]
        if len(cells) < len(header) or surplus:
            wrong.append(f"line {at}: {len(cells)} values for {len(header)} columns")
        values = dict(zip(header, cells, strict=False))
        own = b"".join(pieces[at - 1 : end]).rstrip(b"\r\n")  # the last line may have no end
        yield Line(at, header, values, top + own)
    if wrong:
        more = len(wrong) - MAX_FAULTS
        shown = wrong[:MAX_FAULTS] + ([f"and {more} lines more"] if more > 0 else [])
        raise refusal("a row has more or fewer values than the header has columns", *shown)


def _looks_like_rows(text: str) -> bool:
    first, _, rest = text.lstrip("\r\n").partition("\n")
    second = rest.lstrip("\r\n").partition("\n")[0]
    delimiter = _delimiter("", first)
    try:
        header, *_ = csv.reader([first], delimiter=delimiter, strict=True)
        row, *_ = csv.reader([second], delimiter=delimiter)
    except (csv.Error, ValueError):
        return False
    names = {plain(name) for name in header}
    named = all(0 < len(name) <= _LONGEST_NAME for name in names)
    return named and len(names) == len(header) == len(row) and len(header) >= _FEWEST


FORMAT: Final = CsvRows()
