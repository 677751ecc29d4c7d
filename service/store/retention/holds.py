"""Legal holds: what must stay, whatever its age, until somebody lifts the hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final, Literal

from service.errors import Conflict, NotFound
from service.model import Instant
from service.store import rows
from service.store.commit import NEVER, AuditEntry
from service.store.database import Database, Duplicate, Params, Row, Transaction
from service.store.keys import search_key
from service.store.rows import NHS_NUMBER

Kind = Literal["patient", "message", "team"]
Ask = Callable[[str, Params], list[Row]]  # runs a query, in a transaction or by itself

LOCK: Final = "retention\nholds"  # whoever sets one, or removes anything, locks this name
_HOLD = """
    SELECT id, kind, subject, reason, since, by, lifted, lifted_by, lifted_reason
    FROM hold WHERE {where}"""
IN_FORCE = _HOLD.format(where="lifted = 0 ORDER BY id")
EVERY = _HOLD.format(where="id > '' ORDER BY id")
ONE = _HOLD.format(where="id = :id")
LIFT = """
    UPDATE hold SET lifted = :lifted, lifted_by = :lifted_by, lifted_reason = :lifted_reason
    WHERE id = :id AND lifted = 0"""
# Messages that brought something of a patient.
_KEYED = "s.place = :place AND s.what = :what"
BY_EVENT = f"""
    SELECT d.message_id FROM search_index s CROSS JOIN delivery d
    WHERE {_KEYED} AND d.communication_id = s.id"""  # noqa: S608
BY_PATIENT = f"""
    SELECT r.message_id FROM search_index s CROSS JOIN resource r
    WHERE {_KEYED} AND r.id = s.id"""  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """One hold."""

    id: str
    kind: Kind
    subject: str  # NHS number, id of a message, or ODS code
    reason: str
    since: Instant = NEVER
    by: str = ""
    lifted: Instant = NEVER  # 0 while it holds
    lifted_by: str = ""
    lifted_reason: str = ""


class Holds:
    """Set, lifted, listed."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database, self._clock = database, clock

    def set(self, hold: Hold, audit: Sequence[AuditEntry] = ()) -> Hold:
        """Begin one: from its return on nothing of it is removed. Raises Conflict."""
        made = replace(hold, since=self._clock())
        try:
            self._database.write(lambda tx: _begin(tx, made, audit))
        except Duplicate as error:
            raise Conflict("There is a hold on this already.") from error
        return made

    def lift(self, id_: str, by: str, reason: str, audit: Sequence[AuditEntry] = ()) -> Hold:
        """End one. Raises NotFound, Conflict if it was lifted before."""
        return self._database.write(lambda tx: self._lift(tx, id_, (by, reason), audit))

    def _lift(
        self, tx: Transaction, id_: str, said: tuple[str, str], audit: Sequence[AuditEntry]
    ) -> Hold:
        tx.lock_names([LOCK])
        found = [_hold(row) for row in tx.select(ONE, {"id": id_})()]
        if not found:
            raise NotFound("There is no such hold.")
        if found[0].lifted:
            raise Conflict("This hold was lifted before.")
        by, reason = said
        lifted = replace(found[0], lifted=self._clock(), lifted_by=by, lifted_reason=reason)
        named = ("id", "lifted", "lifted_by", "lifted_reason")
        tx.run(LIFT, {name: getattr(lifted, name) for name in named})
        tx.insert("audit", [rows.audit(entry) for entry in audit])
        return lifted

    def list(self, *, lifted_too: bool = False) -> list[Hold]:
        """Return those in force, the oldest first."""
        return [_hold(row) for row in self._database.select(EVERY if lifted_too else IN_FORCE, {})]


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """What is held at one moment."""

    numbers: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()  # those of held patients too
    teams: frozenset[str] = frozenset()
    written: re.Pattern[bytes] | None = None  # a held number, however it is written

    @classmethod
    def at(cls, ask: Ask) -> InForce:
        """Return what is held now."""
        found = [_hold(row) for row in ask(IN_FORCE, {})]
        numbers, messages, teams = (
            frozenset(one.subject for one in found if one.kind == kind)
            for kind in ("patient", "message", "team")
        )
        of_patients = {id_ for number in numbers for id_ in _messages_of(ask, number)}
        return cls(
            numbers=numbers,
            messages=messages | of_patients,
            teams=teams,
            written=_written(numbers),
        )

    @property
    def any(self) -> bool:
        """Whether anything is held at all."""
        return bool(self.numbers or self.messages or self.teams)

    def names(self, body: bytes) -> bool:
        """Whether a held patient's number stands in these bytes."""
        return self.written is not None and self.written.search(body) is not None


def _begin(tx: Transaction, hold: Hold, audit: Sequence[AuditEntry]) -> None:
    tx.lock_names([LOCK])
    tx.insert("hold", [astuple(hold)])
    tx.insert("audit", [rows.audit(entry) for entry in audit])


def _messages_of(ask: Ask, number: str) -> list[str]:
    value = f"{NHS_NUMBER}|{number}"
    event = search_key("Communication", "patient.identifier", value)._asdict()
    patient = search_key("Patient", "identifier", value)._asdict()
    found = [*ask(BY_EVENT, event), *ask(BY_PATIENT, patient)]
    return [id_ for (id_,) in found if id_]


def _written(numbers: frozenset[str]) -> re.Pattern[bytes] | None:
    """Match the numbers with and without the usual spaces and hyphens."""
    if not numbers:
        return None
    each = sorted(f"{n[:3]}[ -]?{n[3:6]}[ -]?{n[6:]}" for n in numbers)
    return re.compile("|".join(each).encode())


def _hold(row: Row) -> Hold:
    known = dict(zip(Hold.__dataclass_fields__, row, strict=True))
    return Hold(**{**known, "since": Instant(known["since"]), "lifted": Instant(known["lifted"])})
