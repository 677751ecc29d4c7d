"""Figures of a time: of all, of a team, of a trust; and by team, by trust or by month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from service.evaluation.concealment import concealed
from service.evaluation.figures import Row, figures
from service.evaluation.period import Period, month_of
from service.model import Instant, OdsCode
from service.store import Done, Noticed, Store

By = Literal["team", "trust", "month"]
T = TypeVar("T", Noticed, Done)
BYS: Final[tuple[By, ...]] = ("team", "trust", "month")
UNTOLD: Final = "not told to the trust"  # whom a discreet caseload's notices are of
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
        notices, done = self._counted(period, team, trust)
        total = figures(team or trust, "all", notices, done)
        parts = list(self._parts(period, notices, done, by)) if by else []
        rows, total = concealed(parts, total)
        cautions = tuple(self._cautions(period, now, team))
        return Report(period=period, rows=tuple(rows), total=total, cautions=cautions)

    def of_organisation(self, period: Period, now: Instant, ods: OdsCode, *, sends: bool) -> Report:
        """Return one organisation's own figures: what it sent, or what was sent to it."""
        if sends:
            return self.report(period, now, trust=ods)
        return self.report(period, now, team=ods)

    def _counted(self, period: Period, team: str, trust: str) -> tuple[list[Noticed], list[Done]]:
        since, until, kept = period.since, period.until, self.store.evaluations
        if trust and not team:
            notices = kept.of_trust(since, until, trust)
        else:
            notices = kept.to_teams(since, until, [team] if team else ())
        return (
            [one for one in notices if _is_of(one, team, trust)],
            [one for one in kept.done(since, until) if _is_of(one, team, trust)],
        )

    def _parts(
        self, period: Period, notices: Sequence[Noticed], done: Sequence[Done], by: By
    ) -> Iterator[Row]:
        told, counted = _grouped(by, notices), _grouped(by, done)
        if by == "month":
            labels = {f"{one.start:%Y-%m}": str(one) for one in period.months()}
        else:
            labels = {ods: self._name(ods) for ods in sorted({*told, *counted})}
        for label, name in labels.items():
            named = "" if name == label else name
            yield figures(label, named, told.get(label, []), counted.get(label, []))

    def _name(self, ods: str) -> str:
        return (self.name_of(OdsCode(ods)) or "") if ods else UNTOLD

    def _cautions(self, period: Period, now: Instant, team: str) -> Iterator[str]:
        if now < period.until + _SETTLED:
            yield "The period, or the 72 hours after it, are not over: the figures will change."
        short = self.store.evaluations.shortened(period.since)
        gone = [ods for ods in short if ods == team or not team]
        if gone:
            many = len(gone) > 3  # noqa: PLR2004
            whom = f"{len(gone)} organisations" if many else ", ".join(gone)
            yield f"Something of this period is no longer kept, of {whom}: it is not counted."


def _grouped(by: By, every: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for one in every:
        found.setdefault(_LABELS[by](one), []).append(one)
    return found


def _team(one: Noticed | Done) -> str:
    return one.recipient


def _trust(one: Noticed | Done) -> str:
    return one.sender


def _month(one: Noticed | Done) -> str:
    return month_of(one.sent if isinstance(one, Noticed) else one.at)


_LABELS: Final[Mapping[By, Callable[[Noticed | Done], str]]] = MappingProxyType(
    {"team": _team, "trust": _trust, "month": _month}
)


def _is_of(one: Noticed | Done, team: str, trust: str) -> bool:
    return team in ("", one.recipient) and trust in ("", one.sender)
