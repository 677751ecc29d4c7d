"""Keeping a team's list: adding, changing and taking off, with what was told lately told again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from service.caseload.member import Member
from service.caseload.recalling import Recalling
from service.delivery.caseloads import today
from service.errors import NotFound, PreconditionFailed, Unavailable
from service.model import Instant, OdsCode
from service.store import KEPT_DAYS, AuditEntry, Entry, ListChange, ListState, Stale, Store

TRIES: Final = 5
CHUNK: Final = 100  # patients of a file that one transaction takes
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What became of a list."""

    state: ListState = field(default_factory=ListState)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0
    told: int = 0  # events of the last days, delivered
    asked: int = 0  # near matches, for a person to decide

    def __add__(self, other: Kept) -> Kept:
        names = ("added", "changed", "unchanged", "ended", "told", "asked")
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Kept(state=other.state, **sums)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    added: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    ended: tuple[Entry, ...] = ()
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.ended)


class Keeping:
    """Changes lists. `days`: how far back whoever adds a patient is told what happened."""

    def __init__(self, store: Store, recalling: Recalling, days: int) -> None:
        self._lists = store.caseloads
        self._recalling, self._days = recalling, min(days, KEPT_DAYS)

    def today(self) -> str:
        """Return the date in England."""
        return today(self._recalling.clock())

    def put(
        self,
        team: OdsCode,
        members: Sequence[Member],
        by: AuditEntry,
        *,
        whole: bool = False,
        version: int | None = None,
    ) -> Kept:
        """Add patients to a list, or change what it says of them, in one transaction.

        whole: who is not among them is taken off. Raises PreconditionFailed if `version` is not
        the list's.
        """
        for _ in range(TRIES):
            try:
                return self._put(team, members, by, whole=whole, version=version)
            except Stale:
                self._require(team, version)
        raise Unavailable("Others changed the same list at the same time; send it again.")

    def load(
        self,
        team: OdsCode,
        members: Sequence[Member],
        by: AuditEntry,
        *,
        whole: bool = False,
        progress: Progress = lambda _: None,
    ) -> Kept:
        """Do as `put`, for a long list: some patients a transaction, each only once."""
        kept = Kept()
        for start in range(0, len(members), CHUNK):
            part = members[start : start + CHUNK]
            kept += self.put(team, part, by)
            progress(start + len(part))
        if whole:
            listed = {member.nhs_number for member in members}
            gone = [e.id for e in self._lists.entries(team) if e.nhs_number not in listed]
            kept += self.remove(team, gone, by) if gone else Kept(state=self._lists.state(team))
        return kept

    def would(self, team: OdsCode, members: Sequence[Member], *, whole: bool = False) -> Kept:
        """Return what `load` would do to the list; nothing is changed or told."""
        plan = self._plan(team, members, "", whole=whole)
        return _counted(self._lists.state(team), plan)

    def remove(
        self, team: OdsCode, ids: Sequence[str], by: AuditEntry, version: int | None = None
    ) -> Kept:
        """Take patients off by their entries' ids: nothing is told of them from now on.

        Raises NotFound if one is not on the team's list.
        """
        for _ in range(TRIES):
            listed = {entry.id: entry for entry in self._lists.entries(team)}
            if any(id_ not in listed for id_ in ids):
                raise NotFound("This patient is not on the list.")
            plan = _Plan(ended=tuple(listed[id_] for id_ in ids))
            try:
                return self._carry_out(team, plan, by, version)
            except Stale:
                self._require(team, version)
        raise Unavailable("Others changed the same list at the same time; send it again.")

    def _put(
        self,
        team: OdsCode,
        members: Sequence[Member],
        by: AuditEntry,
        *,
        whole: bool,
        version: int | None,
    ) -> Kept:
        self._require(team, version)
        plan = self._plan(team, members, by.client, whole=whole)
        if plan.is_empty:
            return _counted(self._lists.state(team), plan)
        return self._carry_out(team, plan, by, version)

    def _require(self, team: OdsCode, version: int | None) -> None:
        if version not in (None, self._lists.state(team).version):
            raise PreconditionFailed("The list was changed meanwhile: read it again.")

    def _plan(self, team: OdsCode, members: Sequence[Member], by: str, *, whole: bool) -> _Plan:
        listed = {entry.nhs_number: entry for entry in self._lists.entries(team)}
        added, changed, ended, unchanged = [], [], [], 0
        for member in members:
            known = listed.pop(member.nhs_number, None)
            if known is None or known.birth_date != member.birth_date:  # another person, it seems
                ended += [known] if known else []
                added.append(member.entry(team, self._recalling.new_id(), by))
            elif (wanted := _as_said(known, member)) != known:
                changed.append(wanted)
            else:
                unchanged += 1
        ended += list(listed.values()) if whole else []
        return _Plan(
            added=tuple(added), changed=tuple(changed), ended=tuple(ended), unchanged=unchanged
        )

    def _carry_out(self, team: OdsCode, plan: _Plan, by: AuditEntry, version: int | None) -> Kept:
        since = Instant.of(self._recalling.clock() - timedelta(days=self._days))
        recalled = self._recalling.of(plan.added, since, self.today())
        state = self._lists.change(
            ListChange(
                team=team,
                by=by.client,
                version=version,
                added=plan.added,
                changed=plan.changed,
                ended=plan.ended,
                since=since,
                known=recalled.known,
                recalls=recalled.recalls,
                asked=recalled.asked,
                audit=tuple(_audited(plan, by)),
            )
        )
        counted = _counted(state, plan)
        return replace(counted, told=len(recalled.recalls), asked=len(recalled.asked))


def _as_said(entry: Entry, member: Member) -> Entry:
    said = {name: getattr(member, name) for name in member.__dataclass_fields__}
    return replace(entry, **said)


def _counted(state: ListState, plan: _Plan) -> Kept:
    return Kept(
        state=state,
        added=len(plan.added),
        changed=len(plan.changed),
        unchanged=plan.unchanged,
        ended=len(plan.ended),
    )


def _audited(plan: _Plan, by: AuditEntry) -> list[AuditEntry]:
    """Return who did what to which entry."""
    done = (("add", plan.added), ("change", plan.changed), ("end", plan.ended))
    return [
        replace(by, action=f"caseload-{what}", subject=entry.id)
        for what, entries in done
        for entry in entries
    ]
