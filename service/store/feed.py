"""A recipient's feed: one range scan a page, and how far the feed reaches in the same look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from service.errors import Gone
from service.model import Instant
from service.store.database import Database, Row, Transaction
from service.store.keys import search_key
from service.store.records import Event, Head, Page
from service.store.rows import NHS_NUMBER

# The last row is the counter: how far the feed reached in the same moment.
_PAGE = """
    SELECT * FROM (
        SELECT n, updated, communication_id, version, body FROM delivery
        WHERE recipient = :recipient AND {beyond} ORDER BY {order} LIMIT :count) page
    UNION ALL
    SELECT n, floor, '', -1, NULL FROM recipient WHERE ods = :recipient"""
PAGE = _PAGE.format(beyond="n > :after", order="n")
PAGE_BACK = _PAGE.format(beyond="n < :before", order="n DESC")
PAGE_SINCE = _PAGE.format(beyond="(updated, n) > (:since, :after)", order="updated, n")
PAGE_SINCE_BACK = _PAGE.format(
    beyond="(updated, n) < (:since, :after)", order="updated DESC, n DESC"
)
OF_PATIENT = """
    WITH found AS MATERIALIZED (
        SELECT id FROM search_index WHERE place = :place AND what = :what)
    SELECT d.n, d.updated, d.communication_id, d.version, d.body
    FROM found CROSS JOIN delivery d
    WHERE d.communication_id = found.id AND d.recipient = :recipient AND d.n > :after
    ORDER BY d.n LIMIT :count"""
FEEDS = "SELECT ods, n FROM recipient ORDER BY ods"
HEAD = "SELECT n, floor, updated FROM recipient WHERE ods = :recipient"
LAST = 1 << 62  # beyond every event number

FIRST = "feed-first"  # setting: how many numbers every new feed leaves out; see backup.py
_FIRST = "SELECT value FROM setting WHERE key = :key"
COUNT = "SELECT COUNT(*) FROM delivery WHERE recipient = :recipient AND n > :after"
KEPT_SINCE = "SELECT updated FROM feed_floor WHERE recipient = :recipient"
_RAISE = (
    "UPDATE recipient SET floor = :floor WHERE ods = :recipient AND floor < :floor",
    """
    INSERT INTO feed_floor (recipient, updated) VALUES (:recipient, :updated)
    ON CONFLICT (recipient) DO UPDATE SET updated = excluded.updated
    WHERE feed_floor.updated < excluded.updated""",
)
LATEST = """
    SELECT MAX(updated) FROM delivery WHERE recipient = :recipient AND n <= :floor"""
FORGET = "DELETE FROM delivery WHERE recipient = :recipient AND n <= :floor"


def _page(rows: list[Row]) -> Page:
    if not rows:
        return Page(events=(), head=0, floor=0)
    head, floor, *_ = rows.pop()
    return Page(events=tuple(map(Event._make, rows)), head=head, floor=floor)


def feed(database: Database, recipient: str, after: int | None, count: int) -> Page:
    """Return events with n > after. Raises Gone if some of them are no longer kept.

    What stands behind the floor for a hold's sake is no event of the feed any more.
    """
    params = {"recipient": recipient, "after": after or 0, "count": count}
    page = _page(database.select(PAGE, params))
    if after is not None and after < page.floor:
        raise _gone(page.floor)
    if after is None and page.floor:
        return _page(database.select(PAGE, {**params, "after": page.floor}))
    return page


def _gone(floor: int) -> Gone:
    return Gone(f"events up to {floor} are no longer kept")


def feed_back(database: Database, recipient: str, before: int | None, count: int) -> Page:
    """Return events with n < before, falling."""
    params = {"recipient": recipient, "before": LAST if before is None else before, "count": count}
    return _page(database.select(PAGE_BACK, params))


def feed_since(
    database: Database,
    recipient: str,
    since: int,
    after: int,
    *,
    count: int,
    descending: bool,
    begun: int = 0,
) -> Page:
    """Return events by (updated, n). Raises Gone if some later than `since` are no longer kept.

    `begun`: where the floor stood when the walk began; what went before that is not missed.
    """
    params = {"recipient": recipient, "since": since, "after": after, "count": count}
    page = _page(database.select(PAGE_SINCE_BACK if descending else PAGE_SINCE, params))
    if since and page.floor > begun and not descending:
        kept = database.select(KEPT_SINCE, {"recipient": recipient})
        if any(since < updated for (updated,) in kept):
            raise _gone(page.floor)
    return page


def feed_scan(
    database: Database, recipient: str, after: int, upto: int, batch: int
) -> Iterator[Event]:
    """Yield events with after < n <= upto, a batch a statement. Raises Gone as feed does."""
    while after < upto:
        events = feed(database, recipient, after, batch).events
        yield from (event for event in events if event.n <= upto)
        after = events[-1].n if len(events) == batch else upto


def feed_of_patient(
    database: Database,
    recipient: str,
    *,
    patient_id: str,
    nhs_number: str,
    after: int,
    count: int,
    begun: int = 0,
) -> Page:
    """Return the events of one patient. Raises Gone as feed_since does."""
    key = (
        ("patient", f"Patient/{patient_id}")
        if patient_id
        else ("patient.identifier", f"{NHS_NUMBER}|{nhs_number}")
    )
    params: dict[str, Any] = {"recipient": recipient, "after": after, "count": count}
    rows = database.select(OF_PATIENT, params | search_key("Communication", *key)._asdict())
    reached = head(database, recipient)
    if 0 < after < reached.floor and reached.floor > begun:
        raise _gone(reached.floor)
    return Page(events=tuple(map(Event._make, rows)), head=reached.n, floor=reached.floor)


def head(database: Database, recipient: str) -> Head:
    """Return how far the feed reaches."""
    for n, floor, updated in database.select(HEAD, {"recipient": recipient}):
        return Head(n=n, floor=floor, updated=Instant(updated))
    return Head()


def feeds(database: Database) -> list[tuple[str, int]]:
    """Return every feed with its last event number."""
    return [(ods, n) for ods, n in database.select(FEEDS, {})]


def count(database: Database, recipient: str, after: int = 0) -> int:
    """Return how many events the feed has with n > after."""
    after = max(after, head(database, recipient).floor)
    return int(database.select(COUNT, {"recipient": recipient, "after": after})[0][0])


def begin(tx: Transaction, recipients: Sequence[str]) -> None:
    """Begin these feeds, unless they are there."""
    first = first_number(tx)
    counters = [(ods, first, 0, 0) for ods in sorted(recipients)]
    tx.insert("recipient", counters, skip_known=True)


def first_number(tx: Transaction) -> int:
    """Return how many numbers a new feed leaves out: they may have been given out before."""
    found = tx.select(_FIRST, {"key": FIRST})()
    return int(found[0][0]) if found else 0


def forget(tx: Transaction, recipient: str, floor: int) -> None:
    """Remove the events up to `floor`, and say so to readers who are behind it."""
    key = {"recipient": recipient, "floor": floor}
    [(latest,)] = tx.select(LATEST, key)()
    raise_floor(tx, recipient, floor, latest or 0)
    tx.run(FORGET, key)


def raise_floor(tx: Transaction, recipient: str, floor: int, updated: int) -> None:
    """Say to readers that events up to `floor`, changed last at `updated`, are gone."""
    for sql in _RAISE:
        tx.run(sql, {"recipient": recipient, "floor": floor, "updated": updated})
