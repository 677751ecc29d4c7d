"""Near matches: shown to whoever decides, accepted or rejected once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal

import orjson

from service.caseload.recalling import Recalled, Recalling
from service.errors import BadRequest, Conflict, NotFound, Unavailable
from service.model import Instant, OdsCode
from service.store import AuditEntry, Entry, ListChange, Review, Stale, Store

TRIES: Final = 5
Verdict = Literal["accepted", "rejected"]
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A near match and the team's own entry."""

    review: Review
    entry: Entry


class Reviewing:
    """What nearly agrees, and what persons make of it."""

    def __init__(self, store: Store, recalling: Recalling, days: int) -> None:
        self._store, self._lists = store, store.caseloads
        self._recalling, self._days = recalling, days

    def waiting(self, team: OdsCode) -> list[Pair]:
        """Return what a team's list waits for, oldest first; not for those who were taken off."""
        pairs = [self._pair(review) for review in self._lists.reviews(team)]
        return [pair for pair in pairs if not pair.entry.ended]

    def pair(self, id_: str, team: OdsCode | None = None) -> Pair:
        """Return one near match. Raises NotFound, for another team's too."""
        review = self._lists.review(id_)
        if review is None or team not in (None, review.team):
            raise NotFound("There is no such near match.")
        return self._pair(review)

    def record(self, pair: Pair) -> Resource:
        """Return the sender's record of the other side: for the operator, never for the team."""
        row = self._store.read(self._sender(pair), "Patient", pair.review.patient_id)
        return orjson.loads(row.body) if row and not row.deleted else {}

    def decide(
        self, id_: str, verdict: Verdict, reason: str, by: AuditEntry, team: OdsCode | None = None
    ) -> int:
        """Accept or reject a near match; return how many events were delivered for it.

        Raises NotFound, BadRequest without a reason, Conflict if it was decided before or the
        patient was taken off.
        """
        if not reason.strip():
            raise BadRequest("Say why: what was compared, and by whom.")
        for _ in range(TRIES):
            version = self._lists.state(self.pair(id_, team).review.team).version
            pair = self.pair(id_, team)
            if pair.review.state != "open":
                raise Conflict(f"This was decided before: {pair.review.state}.")
            if pair.entry.ended:
                raise Conflict("The patient was taken off the list meanwhile.")
            try:
                return self._decide(pair, version, verdict, reason.strip(), by)
            except Stale:
                continue
        raise Unavailable("Others changed the same list at the same time; send it again.")

    def _decide(
        self, pair: Pair, version: int, verdict: Verdict, reason: str, by: AuditEntry
    ) -> int:
        since = Instant.of(self._recalling.clock() - timedelta(days=self._days))
        recalled = Recalled()
        if verdict == "accepted":
            recalled = self._recalling.accepted(pair.entry, pair.review.patient_id, since)
        decided = replace(pair.review, state=verdict, decided_by=by.client, reason=reason)
        self._lists.change(
            ListChange(
                team=pair.entry.team,
                by=by.client,
                version=version,
                held=pair.entry.places,
                since=since,
                known=recalled.known,
                recalls=recalled.recalls,
                decided=decided,
                audit=(replace(by, action=f"caseload-{verdict}", subject=pair.review.id),),
            )
        )
        return len(recalled.recalls)

    def _pair(self, review: Review) -> Pair:
        entry = self._lists.entry(review.entry)
        if entry is None:
            raise NotFound("There is no such near match.")
        return Pair(review=review, entry=entry)

    def _sender(self, pair: Pair) -> str:
        """Return whose record it is."""
        found = self._lists.occurrences(pair.entry.places, Instant(0))
        same = (one.sender for one in found if one.patient_id == pair.review.patient_id)
        return next(same, "")
