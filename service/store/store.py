"""`Store`: everything the service keeps, behind one object that threads may share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from service.errors import Issue
from service.model import Instant
from service.store import finding, letters, reading, streams
from service.store.audit import AuditTrail
from service.store.caseloads import Caseloads
from service.store.channels import Channels
from service.store.clients import Clients
from service.store.commit import (
    AuditEntry,
    Check,
    Commit,
    Key,
    RawMessage,
    Receipt,
    Reference,
    Write,
)
from service.store.database import Database
from service.store.deadlines import Deadlines
from service.store.evaluation import Evaluations
from service.store.feeds import Feeds
from service.store.leases import Leases
from service.store.records import START, Position, Stored
from service.store.retention import Holds, Retention
from service.store.settings import StoredSettings
from service.store.subscriptions import Subscriptions
from service.store.writing import Writer


class Store(Feeds):
    """Opened by `open_store`; use it from any thread; `close()` it, or use it in a `with`.

    organisation, recipient, owner and sender are ODS codes. Nothing here answers for what an
    organisation may not see: it is as if it were not there.
    """

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        super().__init__(database)
        self._writer = Writer(database, clock)
        self._audit = AuditTrail(database)
        self.caseloads = Caseloads(database, clock, self._tell)
        self.clients = Clients(database, clock)
        self.leases = Leases(database, clock)
        self.channels = Channels(database, clock)
        self.deadlines = Deadlines(database)
        self.evaluations = Evaluations(database)
        self.dead_letters = letters.DeadLetters(database, clock)
        self.holds = Holds(database, clock)
        self.retention = Retention(database, clock)
        self.settings = StoredSettings(database)
        self.subscriptions = Subscriptions(database, clock)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- writing -----------------------------------------------------------------------------

    def commit(self, commit: Commit) -> Receipt:
        """Write one message and all that follows from it in one durable transaction.

        The same (sender, control_id) and digest again gives the first answer, repeated=True.
        Raises ConflictingMessage if the digest differs, Stale if a `prior` or a Check no longer
        holds (nothing is written: look up again and rebuild), Unavailable if the database is not
        there.
        """
        receipt = self._writer.commit(commit)
        self._tell(receipt.numbers)
        if commit.concerned:
            self.caseloads.sweep_now_and_then()
        return receipt

    def repeat(self, sender: str, control_id: str, digest: bytes) -> Receipt | None:
        """Return the receipt of a message already committed, None if it is new.

        Cheap; asked before mapping. Raises ConflictingMessage if the digest differs.
        """
        return self._writer.repeat(sender, control_id, digest)

    def update(
        self,
        writes: Sequence[Write],
        *,
        checks: Sequence[Check] = (),
        among: Sequence[str] = (),
        audit: Sequence[AuditEntry] = (),
    ) -> Instant:
        """Write versions without a message (PUT, PATCH, POST, DELETE, $acknowledge).

        Returns the meta.lastUpdated given. A Communication of a feed keeps its number. Who may
        see a resource is unchanged; a new one (prior 0) is visible to its owner and `visible_to`.
        `among`: whoever must find this by `_lastUpdated` without missing any, such as a Task's
        owner and requester. Raises Stale as commit does.
        """
        return self._writer.update(writes, checks=checks, among=among, audit=audit)

    def refuse(self, message: RawMessage, issues: Sequence[Issue]) -> str:
        """Keep a message that cannot be taken in; return its id as a dead letter.

        The same bytes refused again count as one more attempt of the first.
        """
        return self._writer.refuse(message, issues)

    # --- reading -----------------------------------------------------------------------------

    def find(self, owner: str, type_: str, key: Key) -> list[tuple[str, int]]:
        """Return (id, version) of the owner's resources with this search key, by rising id."""
        return finding.find(self._database, owner, type_, key)

    def find_many(
        self, owner: str, wanted: Sequence[tuple[str, Key]]
    ) -> list[list[tuple[str, int]]]:
        """Return what `find` gives for each (type, key), in one round trip."""
        return finding.find_many(self._database, owner, wanted)

    def read(self, organisation: str, type_: str, id_: str) -> Stored | None:
        """Return the current version; deleted ones too. None: not there, or not theirs to see.

        A Binary's id may be a message's: its body is the raw bytes.
        """
        return reading.read(self._database, organisation, type_, id_)

    def read_many(
        self, organisation: str, references: Sequence[Reference]
    ) -> dict[Reference, Stored]:
        """Return the visible ones of these, in one round trip (for _include)."""
        return reading.read_many(self._database, organisation, references)

    def vread(self, organisation: str, type_: str, id_: str, version: int) -> Stored | None:
        """Return one version, current or earlier."""
        return reading.vread(self._database, organisation, type_, id_, version)

    def history(
        self, organisation: str, type_: str, id_: str, *, count: int = 50, before: int | None = None
    ) -> list[Stored]:
        """Return versions, newest first, those below version `before`. Empty: not theirs to see."""
        return reading.history(self._database, organisation, type_, id_, count=count, before=before)

    # --- other resources ---------------------------------------------------------------------

    def stream(
        self,
        organisation: str,
        type_: str,
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
        return streams.stream(
            self._database,
            organisation,
            type_,
            position,
            count=count,
            key=key,
            descending=descending,
        )

    def changed(
        self,
        organisation: str,
        type_: str,
        since: int,
        after: str = "",
        count: int = 50,
        *,
        descending: bool = False,
    ) -> list[Stored]:
        """Return visible resources by (updated, id) beyond (since, after), deleted ones too.

        `since` in microseconds. For Communication: those that this organisation sent.
        """
        return streams.changed(
            self._database, organisation, type_, (since, after), count=count, descending=descending
        )

    def audience(self, type_: str, id_: str) -> list[str]:
        """Return the ODS codes of everybody but its owner who may see a resource."""
        return reading.audience(self._database, type_, id_)

    # --- audit and the rest ------------------------------------------------------------------

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Record reads; written within 100 ms by a thread of its own, at the latest on close."""
        self._audit.add(entries)

    def close(self) -> None:
        """Write what is buffered and let go of every connection."""
        try:
            self._wakeups.close()
            self._audit.close()
        finally:
            self._database.close()

    def _tell(self, numbers: Mapping[str, int]) -> None:
        """Wake the readers of these feeds, here and in other processes."""
        if numbers:
            self._wakeups.wake(numbers)
            self._database.announce()
