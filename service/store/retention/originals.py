"""Messages: their bytes go when their time is over; that they came is known for ever."""

from __future__ import annotations

from typing import Final, NamedTuple

from service.store.database import Transaction
from service.store.retention import events
from service.store.retention.holds import LOCK, Ask, InForce
from service.store.retention.removal import hide_original

BATCH: Final = 40  # messages of one transaction
# Ids begin with the time they were made at, so the oldest are the first by id.
OLD: Final = """
    SELECT id FROM message WHERE id > :after AND id < :upto AND length(body) > 0
    ORDER BY id LIMIT :count"""
ONE: Final = """
    SELECT m.sender, m.state, m.received_at,
        EXISTS (SELECT 1 FROM deadline d WHERE d.message_id = m.id AND d.next_at > 0),
        EXISTS (SELECT 1 FROM message c WHERE c.sender = m.sender
            AND c.control_id = m.control_id AND c.digest = m.digest AND c.state = 'committed')
    FROM message m WHERE m.id = :id AND length(m.body) > 0"""
BODY: Final = "SELECT body FROM message WHERE id = :id"
BROUGHT: Final = "SELECT organisation, n FROM visible WHERE id = :id AND type = 'Binary'"
ANSWER: Final = "SELECT answer FROM message WHERE id = :id"
EMPTY: Final = """
    UPDATE message SET body = :none, answer_media_type = CASE WHEN :keeps = 1
            THEN answer_media_type ELSE 'application/fhir+json' END,
        answer_headers = CASE WHEN :keeps = 1 THEN answer_headers ELSE '[]' END,
        answer = CASE WHEN :keeps = 1 THEN answer ELSE :said END
    WHERE id = :id"""
# The answers to transactions and batches may hold what was posted; all others hold no patient.
_BUNDLES: Final = (b'"transaction-response"', b'"batch-response"')
SAID: Final = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational",'
    b'"diagnostics":"This was taken in before; what was answered then is no longer kept."}]}'
)


class Original(NamedTuple):
    """A message, without its bytes."""

    sender: str
    state: str
    received_at: int
    awaited: bool
    taken: bool  # the same bytes came again and were taken in


class Fate(NamedTuple):
    """What becomes of one message's bytes."""

    original: Original
    stays: str = ""


def fate(ask: Ask, id_: str, limit: int, holds: InForce) -> Fate | None:
    """Say what becomes of a message's bytes; None if they are gone already."""
    for row in ask(ONE, {"id": id_}):
        original = Original._make(row)
        return Fate(original, _why(ask, id_, original, limit, holds))
    return None


def _why(ask: Ask, id_: str, original: Original, limit: int, holds: InForce) -> str:
    if original.received_at >= limit:
        return "young"
    if original.state == "received" or (original.state == "refused" and not original.taken):
        return "an open dead letter"
    if original.awaited:
        return "not acknowledged"
    brought = ask(BROUGHT, {"id": id_})
    if not all(_is_sent(ask, recipient, n) for recipient, n in brought):
        return "not sent"
    held = id_ in holds.messages or not holds.teams.isdisjoint(
        (original.sender, *(recipient for recipient, _ in brought))
    )
    return "held" if held or _names_held(ask, id_, holds) else ""


def _is_sent(ask: Ask, recipient: str, n: int) -> bool:
    """Whether every channel of a recipient has handed the event over."""
    places = ask(events.PLACES, {"recipient": recipient})
    among = (n - 1, n)
    return all(events.sent_to(ask, recipient, name, at, among) >= n for name, at in places)


def _names_held(ask: Ask, id_: str, holds: InForce) -> bool:
    """Look into the bytes themselves: an update without notices is linked to nobody."""
    if holds.written is None:
        return False
    return any(holds.names(bytes(body)) for (body,) in ask(BODY, {"id": id_}))


def carry_out(tx: Transaction, ids: list[str], limit: int, at: int) -> list[Fate]:
    """Remove the bytes of those whose time is over."""
    ask = events.asking(tx)
    tx.lock_names([LOCK])
    holds = InForce.at(ask)
    fates = []
    for id_ in ids:
        found = fate(ask, id_, limit, holds)
        if found and not found.stays:
            hide_original(tx, id_, found.original.sender, at)
            _empty(tx, id_)
        fates += [found] if found else []
    return fates


def _empty(tx: Transaction, id_: str) -> None:
    [(answer,)] = tx.select(ANSWER, {"id": id_})()
    keeps = not any(kind in bytes(answer)[:200] for kind in _BUNDLES)
    tx.run(EMPTY, {"id": id_, "none": b"", "said": SAID, "keeps": int(keeps)})
