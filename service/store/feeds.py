"""The feeds of recipients, as `Store` gives them: by number, by time, by patient; waited for."""

from __future__ import annotations

from collections.abc import Iterator

from service.store import feed
from service.store.database import Database
from service.store.records import Event, Head, Page
from service.store.wakeups import Wakeups


class Feeds:
    """Every recipient's; whoever reads behind a feed's floor is told Gone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakeups = Wakeups(database)

    def feed(self, recipient: str, after: int | None, count: int) -> Page:
        """Return up to `count` events with n > after, rising; None starts at the oldest kept.

        Raises Gone if events after `after` were removed by retention.
        """
        return feed.feed(self._database, recipient, after, count)

    def feed_back(self, recipient: str, before: int | None, count: int) -> Page:
        """Return up to `count` events with n < before, falling; None starts at the newest."""
        return feed.feed_back(self._database, recipient, before, count)

    def feed_scan(self, recipient: str, after: int, upto: int, batch: int = 200) -> Iterator[Event]:
        """Yield the events with after < n <= upto, for filters that no index serves."""
        return feed.feed_scan(self._database, recipient, after, upto, batch)

    def feed_since(
        self,
        recipient: str,
        since: int,
        after: int,
        count: int,
        *,
        descending: bool = False,
        begun: int = 0,
    ) -> Page:
        """Return events by (updated, n) beyond (since, after): lossless `_lastUpdated=gt`.

        `since` in microseconds. For everything later than an instant, after = 1 << 62. `begun` is
        Page.floor of the walk's first page. Raises Gone if later events were removed by retention.
        """
        return feed.feed_since(
            self._database,
            recipient,
            since,
            after,
            count=count,
            descending=descending,
            begun=begun,
        )

    def feed_of_patient(
        self,
        recipient: str,
        *,
        patient_id: str = "",
        nhs_number: str = "",
        after: int,
        count: int,
        begun: int = 0,
    ) -> Page:
        """Return the events with n > after of one patient, by Patient id or NHS number.

        Raises Gone as feed_since does.
        """
        return feed.feed_of_patient(
            self._database,
            recipient,
            patient_id=patient_id,
            nhs_number=nhs_number,
            after=after,
            count=count,
            begun=begun,
        )

    def count(self, recipient: str, after: int = 0) -> int:
        """Return how many events the feed has with n > after."""
        return feed.count(self._database, recipient, after)

    def head(self, recipient: str) -> Head:
        """Return how far the feed reaches; all zero for a recipient that never got anything."""
        return feed.head(self._database, recipient)

    def feeds(self) -> list[tuple[str, int]]:
        """Return every feed with its last event number, by recipient."""
        return feed.feeds(self._database)

    def wait(self, recipient: str, after: int, seconds: float) -> bool:
        """Sleep until the feed has an event with n > after; False when `seconds` went by first.

        Holds no database connection while it sleeps.
        """
        return self._wakeups.wait(recipient, after, seconds, lambda: self.head(recipient).n)

    def sleepers(self) -> int:
        """Return how many readers wait in this process."""
        return self._wakeups.sleepers()

    def end_waits(self) -> None:
        """Let every `wait`, now and later, return at once: the process is about to end."""
        self._wakeups.end()

    def forget(self, recipient: str, floor: int) -> None:
        """Remove a feed's events up to `floor`; readers behind it are told Gone from now on."""
        self._database.write(lambda tx: feed.forget(tx, recipient, floor))
