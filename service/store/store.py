"""`Store`: everything the service keeps, behind one object that threads may share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.errors import Issue
from service.model import Instant
from service.store.commit import AuditEntry, Check, Commit, Key, RawMessage, Receipt, Reference, Write
from service.store.records import START, Event, Head, Page, Position, Stored


class Store:
    """Opened by `open_store`; use it from any thread; `close()` it, or use it in a `with`.

    organisation, recipient, owner and sender are ODS codes. Nothing here answers for what an
    organisation may not see: it is as if it were not there.
    """

    # --- writing -----------------------------------------------------------------------------

    def commit(self, commit: Commit) -> Receipt:
        """Write one message and all that follows from it in one durable transaction.

        The same (sender, control_id) and digest again gives the first answer, repeated=True.
        Raises ConflictingMessage if the digest differs, Stale if a `prior` or a Check no longer
        holds (nothing is written: look up again and rebuild), Unavailable if the database is not
        there.
        """
        raise NotImplementedError

    def repeat(self, sender: str, control_id: str, digest: bytes) -> Receipt | None:
        """Return the receipt of a message already committed, None if it is new.

        Cheap; asked before mapping. Raises ConflictingMessage if the digest differs.
        """
        raise NotImplementedError

    def update(
        self, writes: Sequence[Write], *, checks: Sequence[Check] = (), audit: Sequence[AuditEntry] = ()
    ) -> Instant:
        """Write versions without a message (PUT, PATCH, POST, DELETE, $acknowledge).

        Returns the meta.lastUpdated given. A Communication of a feed keeps its number. Who may
        see a resource is unchanged; a new one (prior 0) is visible to its owner and `visible_to`.
        Raises Stale as commit does.
        """
        raise NotImplementedError

    def refuse(self, message: RawMessage, issues: Sequence[Issue]) -> str:
        """Keep a message that cannot be taken in; return its id as a dead letter.

        The same bytes refused again count as one more attempt of the first.
        """
        raise NotImplementedError

    # --- reading -----------------------------------------------------------------------------

    def find(self, owner: str, type: str, key: Key) -> list[tuple[str, int]]:
        """Return (id, version) of the owner's resources with this search key, by rising id."""
        raise NotImplementedError

    def find_many(
        self, owner: str, wanted: Sequence[tuple[str, Key]]
    ) -> list[list[tuple[str, int]]]:
        """Return what `find` gives for each (type, key), in one round trip."""
        raise NotImplementedError

    def read(self, organisation: str, type: str, id: str) -> Stored | None:
        """Return the current version; deleted ones too. None: not there, or not theirs to see.

        A Binary's id may be a message's: its body is the raw bytes.
        """
        raise NotImplementedError

    def read_many(
        self, organisation: str, references: Sequence[Reference]
    ) -> dict[Reference, Stored]:
        """Return the visible ones of these, in one round trip (for _include)."""
        raise NotImplementedError

    def vread(self, organisation: str, type: str, id: str, version: int) -> Stored | None:
        """Return one version, current or earlier."""
        raise NotImplementedError

    def history(
        self, organisation: str, type: str, id: str, *, count: int = 50, before: int | None = None
    ) -> list[Stored]:
        """Return versions, newest first, those below version `before`. Empty: not theirs to see."""
        raise NotImplementedError

    # --- a recipient's feed ------------------------------------------------------------------

    def feed(self, recipient: str, after: int | None, count: int) -> Page:
        """Return up to `count` events with n > after, rising; None starts at the oldest kept.

        Raises Gone if events after `after` were removed by retention.
        """
        raise NotImplementedError

    def feed_back(self, recipient: str, before: int | None, count: int) -> Page:
        """Return up to `count` events with n < before, falling; None starts at the newest."""
        raise NotImplementedError

    def feed_scan(self, recipient: str, after: int, upto: int, batch: int = 200) -> Iterator[Event]:
        """Yield the events with after < n <= upto, for filters that no index serves."""
        raise NotImplementedError

    def feed_since(self, recipient: str, since: int, after: int, count: int) -> Page:
        """Return events by (updated, n) beyond (since, after): lossless `_lastUpdated=gt`.

        `since` in microseconds. For everything later than an instant, after = 1 << 62.
        """
        raise NotImplementedError

    def feed_of_patient(
        self, recipient: str, *, patient_id: str = "", nhs_number: str = "", after: int, count: int
    ) -> Page:
        """Return the events with n > after of one patient, by Patient id or NHS number."""
        raise NotImplementedError

    def head(self, recipient: str) -> Head:
        """Return how far the feed reaches; all zero for a recipient that never got anything."""
        raise NotImplementedError

    def wait(self, recipient: str, after: int, seconds: float) -> bool:
        """Sleep until the feed has an event with n > after; False when `seconds` went by first.

        Holds no database connection while it sleeps.
        """
        raise NotImplementedError

    # --- other resources ---------------------------------------------------------------------

    def stream(
        self,
        organisation: str,
        type: str,
        position: Position = START,
        count: int = 50,
        *,
        key: Key | None = None,
        descending: bool = False,
    ) -> list[Stored]:
        """Return the visible, not deleted resources of a type beyond `position`.

        Ordered by (n, id), n being the delivery that brought it, 0 for the organisation's own.
        With `key`, only those found under it (choose a selective one). For Communication: those
        that this organisation sent, by id; with a key also those sent to it.
        A descending stream starts at END.
        """
        raise NotImplementedError

    def changed(
        self, organisation: str, type: str, since: int, after: str = "", count: int = 50
    ) -> list[Stored]:
        """Return visible resources by (updated, id) beyond (since, after), deleted ones too.

        `since` in microseconds. For Communication: those that this organisation sent.
        """
        raise NotImplementedError

    # --- audit and the rest ------------------------------------------------------------------

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Record reads; written within 100 ms by a thread of its own, at the latest on close."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is buffered and let go of every connection."""
        raise NotImplementedError
