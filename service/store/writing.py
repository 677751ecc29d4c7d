"""Writing messages: the idempotent receiver around the transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from service.errors import ConflictingMessage, Issue, Unavailable
from service.model import Instant
from service.store import feed, letters
from service.store.commit import (
    Answer,
    AuditEntry,
    Check,
    Commit,
    RawMessage,
    Receipt,
    Stale,
    Write,
)
from service.store.database import Database, Duplicate, Transaction
from service.store.records import Transition
from service.store.transaction import Change, Outcome, UnknownRecipient, carry_out

ANSWERED = """
    SELECT id, digest, answer_status, answer_media_type, answer_headers, answer FROM message
    WHERE sender = :sender AND control_id = :control_id AND state = 'committed'"""
ATTEMPTS = 3


class Writer:
    """Turns commits into transactions."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database = database
        self._clock = clock

    def commit(self, commit: Commit) -> Receipt:
        """See Store.commit."""
        change = Change(
            message=commit.message,
            answer=commit.answer,
            writes=commit.writes,
            deliveries=commit.deliveries,
            checks=commit.checks,
            shared=commit.shared,
            audit=commit.audit,
            concerned=commit.concerned,
            replay=commit.replay,
        )
        try:
            outcome = self._carry_out(change)
        except Duplicate:
            return self._repeated(commit)
        return Receipt(
            message_id=commit.message.id,
            repeated=False,
            answer=outcome.answer or commit.answer,
            updated=outcome.updated,
            numbers=outcome.numbers,
        )

    def update(
        self,
        writes: Sequence[Write],
        *,
        checks: Sequence[Check],
        among: Sequence[str],
        audit: Sequence[AuditEntry],
    ) -> Instant:
        """See Store.update."""
        change = Change(writes=writes, checks=checks, among=among, audit=audit)
        try:
            return self._carry_out(change).updated
        except Duplicate as error:
            raise Stale("a resource with this id is there already") from error

    def _carry_out(self, change: Change) -> Outcome:
        """Run the transaction; feeds that have no counter yet get one first."""
        for _ in range(ATTEMPTS):
            try:
                return self._database.write(lambda tx: self._logged(tx, change))
            except UnknownRecipient as unknown:
                self._begin_feeds(unknown.args)
        raise Unavailable("the feeds could not be begun")

    def _logged(self, tx: Transaction, change: Change) -> Outcome:
        outcome = carry_out(tx, change, self._clock)
        if change.replay:
            letters.record(tx, change.message_id, _moved(outcome.updated, "committed", "replayed"))
        return outcome

    def _begin_feeds(self, recipients: Sequence[str]) -> None:
        self._database.write(lambda tx: feed.begin(tx, recipients))

    def repeat(self, sender: str, control_id: str, digest: bytes) -> Receipt | None:
        """See Store.repeat."""
        found = self._database.select(ANSWERED, {"sender": sender, "control_id": control_id})
        for id_, known, status, media_type, headers, body in found:
            if bytes(known) != digest:
                raise ConflictingMessage
            answer = Answer(
                status=status,
                media_type=media_type,
                body=bytes(body),
                headers=tuple((name, value) for name, value in orjson.loads(headers)),
            )
            return Receipt(message_id=id_, repeated=True, answer=answer)
        return None

    def _repeated(self, commit: Commit) -> Receipt:
        """Tell a repeated message from an id that somebody else took meanwhile."""
        message = commit.message
        receipt = self.repeat(message.sender, message.control_id, message.digest)
        if receipt is None:
            raise Stale("a resource with this id is there already")
        if commit.replay and receipt.message_id != message.id:
            self._database.write(lambda tx: self._supersede(tx, message.id, receipt.message_id))
        return receipt

    def _supersede(self, tx: Transaction, id_: str, by: str) -> None:
        """Close a dead letter whose bytes came again and were taken in."""
        tx.run(letters.MOVE, {"id": id_, "state": "replayed"})
        letters.record(tx, id_, _moved(self._clock(), "replayed", f"came again as {by}"))

    def refuse(self, message: RawMessage, issues: Sequence[Issue]) -> str:
        """See Store.refuse."""
        try:
            return self._database.write(lambda tx: letters.refuse(tx, message, issues))
        except Duplicate:  # the same bytes were refused in the same moment
            return self._database.write(lambda tx: letters.refuse(tx, message, issues))


def _moved(at: Instant, state: str, reason: str) -> Transition:
    return Transition(at=at, state=state, actor="", reason=reason)
