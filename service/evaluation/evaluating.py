"""Figures of a time: of all, of a team, of a trust; and by team, by trust or by month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, Literal

from service.evaluation.concealment import concealed
from service.evaluation.figures import Row, Tally
from service.evaluation.period import Period, month_of
from service.model import Instant, OdsCode
from service.store import Done, Noticed, Store

By = Literal["team", "trust", "month"]
BYS: Final[tuple[By, ...]] = ("team", "trust", "month")
UNTOLD: Final = "not told to the trust"  # whom a discreet caseload's notices are of
_NAMED: Final = 3  # organisations, at most
_SETTLED: Final = 72 * 3_600_000_000  # microseconds until every acknowledgement counts that will


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Figures as they may be told."""

    period: Period
    rows: tuple[Row, ...]
    total: Row
    cautions: tuple[str, ...]  # why they may change, or are not all


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Counts what one store holds."""

    store: Store
    name_of: Callable[[OdsCode], str | None]

    def report(
        self, period: Period, now: Instant, *, by: By | None = None, team: str = "", trust: str = ""
    ) -> Report:
        """Return the figures of a period, suppressed, with parts where they are asked for."""
        counted, parts = Tally(), dict[str, Tally]()
        for one in self._of(period, team, trust):
            counted.count(one)
            if by:
                parts.setdefault(_LABELS[by](one), Tally()).count(one)
        total = counted.row(team or trust, "all")
        lines = list(self._lines(period, parts, by)) if by else []
        rows, total = concealed(lines, total)
        cautions = tuple(self._cautions(period, now, team, trust))
        return Report(period=period, rows=tuple(rows), total=total, cautions=cautions)

    def of_organisation(self, period: Period, now: Instant, ods: OdsCode, *, sends: bool) -> Report:
        """Return one organisation's own figures: what it sent, or what was sent to it."""
        if sends:
            return self.report(period, now, trust=ods)
        return self.report(period, now, team=ods)

    def _of(self, period: Period, team: str, trust: str) -> Iterator[Noticed | Done]:
        since, until, kept = period.since, period.until, self.store.evaluations
        if trust and not team:
            notices: Iterable[Noticed] = kept.of_trust(since, until, trust)
        else:
            notices = kept.to_teams(since, until, [team] if team else ())
        every: Iterable[Noticed | Done] = chain[Noticed | Done](notices, kept.done(since, until))
        for one in every:
            if team in ("", one.recipient) and trust in ("", one.sender):
                yield one

    def _lines(self, period: Period, parts: Mapping[str, Tally], by: By) -> Iterator[Row]:
        if by == "month":
            labels = {f"{one.start:%Y-%m}": str(one) for one in period.months()}
        else:
            labels = {ods: self._name(ods) for ods in sorted(parts)}
        for label, name in labels.items():
            yield parts.get(label, Tally()).row(label, "" if name == label else name)

    def _name(self, ods: str) -> str:
        return (self.name_of(OdsCode(ods)) or "") if ods else UNTOLD

    def _cautions(self, period: Period, now: Instant, team: str, trust: str) -> Iterator[str]:
        if now < period.until + _SETTLED:
            yield "The period, or the 72 hours after it, are not over: the figures will change."
        gone = self.store.evaluations.shortened(period.since)
        if team in gone or (gone and not team):
            whom = ", ".join(gone) if len(gone) <= _NAMED and not trust else "some organisations"
            yield f"Something of this period is no longer kept, of {team or whom}: not counted."


def _team(one: Noticed | Done) -> str:
    return one.recipient


def _trust(one: Noticed | Done) -> str:
    return one.sender


def _month(one: Noticed | Done) -> str:
    return month_of(one.sent if isinstance(one, Noticed) else one.at)


_LABELS: Final[Mapping[By, Callable[[Noticed | Done], str]]] = MappingProxyType(
    {"team": _team, "trust": _trust, "month": _month}
)
