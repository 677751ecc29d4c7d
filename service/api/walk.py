"""Walking the sources of a search, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.api.sources import Place, Row, Source
from service.errors import BadRequest, Issue
from service.fhir.search_criteria import Criterion, Resolve
from service.fhir.search_dates import FOREVER, intervals
from service.fhir.search_parameters import Resource, parameters
from service.fhir.search_query import Query, Sort
from service.fhir.search_text import folded
from service.fhir.search_values import codes

BATCH: Final = 200  # rows read at once while comparing
SCAN_LIMIT: Final = 5_000  # rows compared for one page; the next page goes on from there
SORT_LIMIT: Final = 10_000  # rows that can be sorted by something else than lastUpdated


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One page."""

    rows: list[Row]
    source: int  # where the next page goes on
    place: Place
    more: bool  # whether there is, or may be, more


def walk(
    found: Sequence[Source],
    start: int,
    place: Place,
    count: int,
    wanted: Callable[[int, Row], bool] | None,
) -> Found:
    """Return up to `count` rows from a place on. `wanted` None: every row is a match."""
    if found[start].open and wanted is None and start == len(found) - 1:
        rows = found[start].rows(place, count)
        end = rows[-1].place if rows else place or _begin(found[start])
        return Found(rows=rows, source=start, place=end, more=True)
    return _walk(found, start, place, count, wanted)


def _walk(
    found: Sequence[Source],
    start: int,
    place: Place,
    count: int,
    wanted: Callable[[int, Row], bool] | None,
) -> Found:
    rows: list[Row] = []
    at, here = start, place
    for scanned, (number, row) in enumerate(scan(found, start, place, count + 1)):
        if scanned >= SCAN_LIMIT:
            return Found(rows=rows, source=at, place=here, more=True)
        if wanted is None or wanted(number, row):
            if len(rows) == count:
                return Found(rows=rows, source=at, place=here, more=True)
            rows.append(row)
        at, here = number, row.place
    last = len(found) - 1
    end = (here if at == last else ()) or _begin(found[last])
    return Found(rows=rows, source=last, place=end, more=found[last].open)


def _begin(source: Source) -> Place:
    """Return where a source without a row goes on: behind what was removed from it so far."""
    return source.begin() if source.begin else ()


def scan(
    found: Sequence[Source], start: int = 0, place: Place = (), first: int = BATCH
) -> Iterator[tuple[int, Row]]:
    """Yield every row from a place on, with the number of its source; deleted ones not."""
    for number in range(start, len(found)):
        here, size = (place if number == start else ()), first
        while True:
            batch = found[number].rows(here, size)
            yield from ((number, row) for row in batch if row.body)
            if len(batch) < size:
                break
            here, size = batch[-1].place, BATCH


def comparison(
    residuals: Sequence[tuple[Criterion, ...]], resolve: Resolve
) -> Callable[[int, Row], bool] | None:
    """Return what compares a row of a source; None if no source leaves anything to compare."""
    if not any(residuals):
        return None

    def wanted(number: int, row: Row) -> bool:
        criteria = residuals[number]
        if not criteria:
            return True
        resource = read(row)
        return all(criterion.holds(resource, resolve) for criterion in criteria)

    return wanted


def read(row: Row) -> Resource:
    """Return the row's resource."""
    resource: Resource = orjson.loads(row.body)
    return resource


def in_order(
    found: Sequence[Source], query: Query, wanted: Callable[[int, Row], bool] | None
) -> list[Row]:
    """Return all matches sorted as asked. Raises BadRequest if there is too much to sort."""
    rows: list[tuple[list[Any], Row]] = []
    for scanned, (number, row) in enumerate(scan(found)):
        if scanned >= SORT_LIMIT:
            raise BadRequest("Too much to sort.", [_too_much()])
        if wanted is None or wanted(number, row):
            rows.append((_sort_key(read(row), query.sort), row))
    for position in reversed(range(len(query.sort))):
        descending = query.sort[position].descending
        rows.sort(key=lambda one, at=position: one[0][at], reverse=descending)  # type: ignore[misc]
    return [row for _, row in rows]


def sorted_page(rows: Sequence[Row], place: Place, count: int) -> Found:
    """Return the page of sorted rows that follows the one which ended with `place`'s row."""
    start = 0
    if place:
        offset, last = place
        start = next((at for at, row in enumerate(rows, start=1) if row.id == last), offset)
    page = list(rows[start : start + count])
    end = start + len(page)
    return Found(
        rows=page,
        source=0,
        place=(end, page[-1].id) if page else place,
        more=end < len(rows),
    )


def is_sorted(found: Sequence[Source], query: Query) -> bool:
    """Whether the sources give the order that was asked for by themselves."""
    if not query.sort:
        return True
    asked = ",".join("-" * sort.descending + sort.name for sort in query.sort)
    return len(found) == 1 and found[0].order == asked


def _too_much() -> Issue:
    text = f"Over {SORT_LIMIT} would be sorted: narrow the search, or sort by _lastUpdated."
    return Issue(severity="error", code="too-costly", text=text, target="http._sort")


def _sort_key(resource: Resource, sorts: Sequence[Sort]) -> list[Any]:
    return [_value(resource, sort) for sort in sorts]


def _value(resource: Resource, sort: Sort) -> Any:
    """Return what to order by; what is absent comes last either way."""
    parameter = parameters(resource["resourceType"])[sort.name]
    values = parameter.values(resource)
    if parameter.kind == "date":
        found = [one for value in values for one in intervals(value)]
        if sort.descending:
            return max((one.high for one in found), default=-FOREVER)
        return min((one.low for one in found), default=FOREVER)
    texts = [folded(code) for value in values for code in _texts(value)]
    missing = not texts
    return (missing != sort.descending, min(texts, default=""))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        names = ("family", "text", "city", "name")
        yield from (value[name] for name in names if isinstance(value.get(name), str))
    else:
        yield from (code for _, code in codes(value))
