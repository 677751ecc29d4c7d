"""Where a search finds its candidates: the store's scans, each going on from a place.

A search walks one or more sources in turn. A source gives rows in a fixed order; a row's place
is where the scan goes on after it, so a page never repeats and never skips, whatever is added
meanwhile. What a source already guarantees is in `covers`; everything else is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from service.api.binary import resource_bytes
from service.api.records import Records
from service.fhir.index import Key
from service.fhir.search_criteria import Criterion
from service.store import START, Event, Position, Store, Stored

Place = tuple[Any, ...]  # () is the beginning
AFTER_ALL: Final = 1 << 62  # beyond every event number of one instant


class Row(NamedTuple):
    """One candidate."""

    place: Place
    type: str
    id: str
    updated: int
    body: bytes  # JSON; b"" if it was deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One scan."""

    rows: Callable[[Place, int], list[Row]]
    covers: tuple[Criterion, ...] = ()  # conditions that every row meets
    order: str = ""  # what its rows are sorted by, as _sort says it
    open: bool = False  # a feed: more may come at its end, so there is always a next page
    total: Callable[[], int] | None = None  # how many rows there are, where that is cheap
    begin: Callable[[], Place] | None = None  # where an empty source goes on once more comes


def feed(store: Store, recipient: str, covers: tuple[Criterion, ...]) -> Source:
    """A recipient's Communications in the order of their event numbers."""

    def rows(place: Place, count: int) -> list[Row]:
        after = place[0] if place else None
        return [_event(event, (event.n,)) for event in store.feed(recipient, after, count).events]

    def total() -> int:
        return store.count(recipient)

    def begin() -> Place:
        return (store.head(recipient).floor,)

    return Source(rows=rows, covers=covers, open=True, total=total, begin=begin)


def feed_of_patient(
    store: Store, recipient: str, patient: dict[str, str], covers: tuple[Criterion, ...]
) -> Source:
    """A recipient's Communications about one patient: by patient_id or nhs_number.

    A place remembers where the feed's floor stood when the walk began.
    """

    def rows(place: Place, count: int) -> list[Row]:
        after, begun = (*place, 0)[:2] if place else (0, 0)
        page = store.feed_of_patient(
            recipient,
            patient_id=patient.get("patient_id", ""),
            nhs_number=patient.get("nhs_number", ""),
            after=after,
            count=count,
            begun=begun,
        )
        floor = begun if place else page.floor
        return [_event(event, (event.n, floor)) for event in page.events]

    return Source(rows=rows, covers=covers, open=True)


def feed_since(
    store: Store, recipient: str, since: int, covers: tuple[Criterion, ...], *, newest: bool = False
) -> Source:
    """A recipient's Communications by lastUpdated, later than `since` (microseconds).

    newest: the latest first, down to `since`.
    """

    def rows(place: Place, count: int) -> list[Row]:
        updated, n, *begun = place or ((AFTER_ALL if newest else since), AFTER_ALL)
        page = store.feed_since(
            recipient, updated, n, count, descending=newest, begun=begun[0] if begun else 0
        )
        floor = begun[0] if begun else page.floor
        listed = [_event(event, (event.updated, event.n, floor)) for event in page.events]
        return [row for row in listed if row.updated > since] if newest else listed

    return Source(rows=rows, covers=covers, open=not newest, order=_order(newest))


def stream(
    store: Store,
    organisation: str,
    kind: str,
    key: Key | None = None,
    *,
    open_: bool = False,
) -> Source:
    """Visible resources of a type, those under one key if there is one."""

    def rows(place: Place, count: int) -> list[Row]:
        position = Position(*place) if place else START
        found = store.stream(organisation, kind, position, count, key=key)
        return [_stored(stored, (stored.n, stored.id)) for stored in found]

    return Source(rows=rows, open=open_)


def sent(store: Store, organisation: str, key: Key | None = None) -> Source:
    """An organisation's own Communications: number 0, before all that is addressed to it."""
    whole = stream(store, organisation, "Communication", key)

    def rows(place: Place, count: int) -> list[Row]:
        return [row for row in whole.rows(place, count) if row.place[0] == 0]

    return Source(rows=rows)


def changed(
    store: Store, organisation: str, kind: str, since: int, *, newest: bool = False
) -> Source:
    """Visible resources of a type by lastUpdated, later than `since` (microseconds)."""

    def rows(place: Place, count: int) -> list[Row]:
        # "~" is after every id
        updated, id_ = place or ((AFTER_ALL, "") if newest else (since, "~"))
        found = store.changed(organisation, kind, updated, id_, count, descending=newest)
        return [_stored(stored, (stored.updated, stored.id)) for stored in found]

    def later(place: Place, count: int) -> list[Row]:
        return [row for row in rows(place, count) if row.updated > since]

    return Source(rows=later if newest else rows, order=_order(newest))


def named(
    records: Records, organisation: str, kind: str, ids: Sequence[str], criterion: Criterion
) -> Source:
    """The resources with these ids, as far as they are visible."""

    def rows(place: Place, count: int) -> list[Row]:
        start = place[0] if place else 0
        found = records.read_many(organisation, [(kind, id_) for id_ in ids])
        numbered = [(number, found.get((kind, id_))) for number, id_ in enumerate(ids, start=1)]
        listed = [
            _stored(stored, (number,))
            for number, stored in numbered
            if stored and not stored.deleted and number > start
        ]
        return listed[:count]

    return Source(rows=rows, covers=(criterion,))


def directory(records: Records) -> Source:
    """The organisations of the directory, by ODS code."""

    def rows(place: Place, count: int) -> list[Row]:
        after = place[0] if place else ""
        listed = [stored for ods, stored in records.directory.items() if ods > after]
        return [_stored(stored, (stored.id,)) for stored in listed[:count]]

    return Source(rows=rows)


def _order(newest: bool) -> str:
    return "-_lastUpdated" if newest else "_lastUpdated"


def _event(event: Event, place: Place) -> Row:
    return Row(place, "Communication", event.id, event.updated, event.body)


def _stored(stored: Stored, place: Place) -> Row:
    body = resource_bytes(stored) if stored.media_type else stored.body
    return Row(place, stored.type, stored.id, stored.updated, b"" if stored.deleted else body)
