"""Dead letters: messages that could not be taken in, kept until somebody has dealt with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from service.errors import Conflict, Issue, NotFound
from service.model import Instant
from service.store import rows
from service.store.commit import Answer, RawMessage
from service.store.database import Database, Row, Transaction
from service.store.records import DeadLetter, Transition

REFUSE_AGAIN = """
    UPDATE message SET issues = :issues, received_at = :received_at, attempts = attempts + 1
    WHERE id = :id"""
SAME_ID = "SELECT id FROM message WHERE id = :id AND state <> 'committed' FOR NO KEY UPDATE"
SAME_BYTES = """
    SELECT id FROM message
    WHERE sender = :sender AND control_id = :control_id AND digest = :digest AND state = 'refused'
    FOR NO KEY UPDATE"""
_LETTER = """
    SELECT m.id, m.sender, m.control_id, m.media_type, m.received_at, m.state, m.attempts,
        m.issues, length(m.body), m.mapping, m.mapping_version, {body}
    FROM message m WHERE {condition}"""
# A message that came again, the same bytes, and was taken in is no dead letter any more; other
# bytes under its id are a conflict that somebody must look at.
LIST = _LETTER.format(
    body="''",
    condition="""m.state = :state AND m.state <> 'committed' AND m.id > :after
        AND (:sender = '' OR m.sender = :sender)
        AND NOT EXISTS (SELECT 1 FROM message c WHERE c.sender = m.sender
            AND c.control_id = m.control_id AND c.digest = m.digest AND c.state = 'committed')
    ORDER BY m.id LIMIT :count""",
)
GET = _LETTER.format(body="m.body", condition="m.id = :id")
TAKEN = _LETTER.format(
    body="m.body",
    condition="m.sender = :sender AND m.control_id = :control_id AND m.state = 'committed'",
)
LOCK_STATE = "SELECT state FROM message WHERE id = :id FOR NO KEY UPDATE"
CAME_AGAIN = """
    SELECT o.id FROM message m CROSS JOIN message o
    WHERE m.id = :id AND o.sender = m.sender AND o.control_id = m.control_id
        AND o.digest = m.digest AND o.state = 'refused'"""
MOVE = "UPDATE message SET state = :state WHERE id = :id"
TRANSITIONS = """
    SELECT at, state, actor, reason FROM transition WHERE message_id = :id ORDER BY seq"""
NO_ANSWER = Answer(status=0, media_type="", body=b"")


def record(tx: Transaction, message_id: str, change: Transition) -> None:
    """Write a change of state down."""
    tx.insert("transition", [(message_id, change.at, change.state, change.actor, change.reason)])


def refuse(tx: Transaction, message: RawMessage, issues: Sequence[Issue]) -> str:
    """Keep a message, or count one more attempt of the same; return the id it is kept under."""
    row = rows.message(message, "refused", NO_ANSWER)
    params = {**rows.named("message", row), "issues": rows.issues_json(issues)}
    for (kept,) in tx.select(SAME_ID, params)() or tx.select(SAME_BYTES, params)():
        tx.run(REFUSE_AGAIN, {**params, "id": kept})
        record(tx, str(kept), _refused(message, "again"))
        return str(kept)
    tx.insert("message", [tuple(params.values())])
    record(tx, message.id, _refused(message, ""))
    return message.id


def _refused(message: RawMessage, reason: str) -> Transition:
    return Transition(at=message.received_at, state="refused", actor="", reason=reason)


class DeadLetters:
    """What an operator looks through."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database = database
        self._clock = clock

    def list(
        self, state: str = "refused", sender: str = "", after: str = "", count: int = 50
    ) -> list[DeadLetter]:
        """Return those with id > after, oldest first, without their bytes."""
        params = {"state": state, "sender": sender, "after": after, "count": count}
        return [_letter(row) for row in self._database.select(LIST, params)]

    def get(self, id_: str) -> DeadLetter | None:
        """Return one message with its bytes, whatever its state."""
        found = self._database.select(GET, {"id": id_})
        return _letter(found[0]) if found else None

    def taken(self, sender: str, control_id: str) -> DeadLetter | None:
        """Return a message that was taken in, by its sender's own id, with its bytes."""
        found = self._database.select(TAKEN, {"sender": sender, "control_id": control_id})
        return _letter(found[0]) if found else None

    def skip(self, id_: str, actor: str, reason: str) -> None:
        """Set one aside for good, with a reason. Raises NotFound; Conflict if it is not refused."""
        self._database.write(lambda tx: self._skip(tx, id_, actor, reason))

    def release(self, id_: str, actor: str, reason: str) -> None:
        """Let one that was set aside wait again. Raises NotFound; Conflict if it is not skipped."""
        self._database.write(lambda tx: self._release(tx, id_, actor, reason))

    def _skip(self, tx: Transaction, id_: str, actor: str, reason: str) -> None:
        _require(tx, id_, "refused")
        self._move(tx, id_, "skipped", actor, reason)

    def _release(self, tx: Transaction, id_: str, actor: str, reason: str) -> None:
        _require(tx, id_, "skipped")
        if tx.select(CAME_AGAIN, {"id": id_})():
            raise Conflict("the same bytes came again, and wait already")
        self._move(tx, id_, "refused", actor, reason)

    def _move(self, tx: Transaction, id_: str, state: str, actor: str, reason: str) -> None:
        tx.run(MOVE, {"id": id_, "state": state})
        record(tx, id_, Transition(at=self._clock(), state=state, actor=actor, reason=reason))

    def transitions(self, id_: str) -> tuple[Transition, ...]:
        """Return what became of a message, oldest first."""
        found = self._database.select(TRANSITIONS, {"id": id_})
        return tuple(
            Transition(at=Instant(at), state=state, actor=actor, reason=reason)
            for at, state, actor, reason in found
        )


def _require(tx: Transaction, id_: str, state: str) -> None:
    if not (found := tx.select(LOCK_STATE, {"id": id_})()):
        raise NotFound("no such message")
    if found[0][0] != state:
        raise Conflict(f"the message is {found[0][0]}")


def _letter(row: Row) -> DeadLetter:
    id_, sender, control_id, media_type, received_at, state, attempts, issues, *rest = row
    size, mapping, mapping_version, body = rest
    return DeadLetter(
        id=id_,
        sender=sender,
        control_id=control_id,
        media_type=media_type,
        received_at=Instant(received_at),
        state=state,
        attempts=attempts,
        issues=tuple(Issue(**issue) for issue in orjson.loads(issues)),
        size=size,
        mapping=mapping,
        mapping_version=mapping_version,
        body=bytes(body or b""),
    )
