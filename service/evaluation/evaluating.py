"""Figures of a time: of all, of a team, of a trust; and by team, by trust or by month."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.evaluation.concealment import concealed
from service.evaluation.figures import Row, figures
from service.evaluation.period import Period, month_of
from service.model import Instant, OdsCode
from service.store import Done, Noticed, Store

By = Literal["team", "trust", "month"]
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
        if by == "month":
            yield from _by_month(period, notices, done)
            return
        key = _team if by == "team" else _trust
        for label in sorted({*map(key, notices), *map(key, done)}):
            yield figures(
                label,
                (self.name_of(OdsCode(label)) or "") if label else UNTOLD,
                [one for one in notices if key(one) == label],
                [one for one in done if key(one) == label],
            )

    def _cautions(self, period: Period, now: Instant, team: str) -> Iterator[str]:
        if now < period.until + _SETTLED:
            yield "The period, or the 72 hours after it, are not over: the figures will change."
        short = self.store.evaluations.shortened(period.since)
        gone = [ods for ods in short if ods == team or not team]
        if gone:
            many = len(gone) > 3  # noqa: PLR2004
            whom = f"{len(gone)} organisations" if many else ", ".join(gone)
            yield f"Something of this period is no longer kept, of {whom}: it is not counted."


def _by_month(period: Period, notices: Sequence[Noticed], done: Sequence[Done]) -> Iterator[Row]:
    for month in period.months():
        label = f"{month.start:%Y-%m}"
        yield figures(
            label,
            str(month) if str(month) != label else "",
            [one for one in notices if month_of(one.sent) == label],
            [one for one in done if month_of(one.at) == label],
        )


def _team(one: Noticed | Done) -> str:
    return one.recipient


def _trust(one: Noticed | Done) -> str:
    return one.sender


def _is_of(one: Noticed | Done, team: str, trust: str) -> bool:
    return team in ("", one.recipient) and trust in ("", one.sender)
