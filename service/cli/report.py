"""`report`: what the collaboration is judged by, as a table, as CSV, as MeasureReports."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from service.cli.options import database_option, mappings_option
from service.cli.schema import existing_store
from service.cli.terminal import show_table

if TYPE_CHECKING:
    from pathlib import Path

    from service.evaluation import Period, Report, Row
    from service.store import Store

_SUPPRESSED: Final = "*"
_HOURS: Final = "median h"


@click.command(short_help="Figures for evaluation: by team, by trust, by month.")
@click.option(
    "--from", "start", metavar="TIME", help="2026-11, 2026-11-05 or 2026.  [default: last month]"
)
@click.option(
    "--to", "end", metavar="TIME", help="Up to the end of this.  [default: that of --from]"
)
@click.option("--by", type=click.Choice(["team", "trust", "month"]), help="A line for each.")
@click.option("--team", default="", metavar="ODS", help="Of what was sent to this team alone.")
@click.option("--trust", default="", metavar="ODS", help="Of what this trust sent alone.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="json: a Bundle of FHIR MeasureReports.",
)
@database_option
@mappings_option
def report(
    *,
    start: str | None,
    end: str | None,
    by: Literal["team", "trust", "month"] | None,
    team: str,
    trust: str,
    shape: str,
    database: str,
    mappings: Path,
) -> None:
    """Count patients identified, discussed, assessed and treated, and notices sent, received,
    acknowledged and escalated.

    What each figure means: docs/evaluation.md. Numbers from 1 to 4 are *, and with them another
    number where the difference would tell them.
    """
    from service.delivery.directory import Directory
    from service.evaluation import Evaluation
    from service.model import Instant

    now = datetime.now(UTC)
    period = _period(start, end, now)
    named = {"team": _code("--team", team), "trust": _code("--trust", trust)}
    directory = Directory.load(mappings)
    with existing_store(database) as store:
        _require_known(store, directory.name_of, **named)
        evaluation = Evaluation(store=store, name_of=directory.name_of)
        made = evaluation.report(period, Instant.of(now), by=by, **named)
    for caution in made.cautions:
        click.echo(caution, err=True)
    {"table": _table, "csv": _csv, "json": _json}[shape](made, Instant.of(now))


def _period(start: str | None, end: str | None, now: datetime) -> Period:
    from service.delivery.hours import LONDON
    from service.evaluation import Period

    today = now.astimezone(LONDON).date()
    if not start:
        if end:
            raise click.UsageError("--to needs --from: say where the period begins")
        return Period.last_month(today)
    try:
        period = Period.parse(start, end or "")
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="'--from', '--to'") from None
    if period.start > today:
        raise click.BadParameter(f"{period} has not begun", param_hint="'--from'")
    return period


def _code(option: str, text: str) -> str:
    from service.model import OdsCode

    try:
        return OdsCode.parse(text) if text else ""
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint=f"'{option}'") from None


def _require_known(store: Store, name_of: Any, *, team: str, trust: str) -> None:
    """A code with a slip in it would give a report of noughts."""
    fed = {ods for ods, _ in store.feeds()}
    if team and team not in fed and name_of(team) is None:
        raise click.ClickException(f"nothing was ever sent to {team}, and the directory has it not")
    if trust and name_of(trust) is None:
        raise click.ClickException(f"the directory has no {trust}")


def _table(made: Report, _: Any) -> None:
    from service.evaluation import COUNTS

    columns = (str(made.period), *COUNTS.values(), _HOURS)
    show_table(columns, [_cells(row) for row in (*made.rows, made.total)])


def _csv(made: Report, _: Any) -> None:
    from service.evaluation import COUNTS

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    names = [name.replace("-", "_") for name in COUNTS]
    lines.writerow(["from", "to", "code", "name", *names, "median_hours"])
    for row in (*made.rows, made.total):
        counts = [_said(row.counts[name]) for name in COUNTS]
        period = [made.period.start.isoformat(), made.period.end.isoformat()]
        lines.writerow([*period, _safe(row.label), _safe(row.name), *counts, _median(row)])
    click.echo(text.getvalue(), nl=False)


def _json(made: Report, now: Any) -> None:
    import orjson

    from service.app import new_id
    from service.evaluation import measure_reports

    entries = [
        {"fullUrl": f"urn:uuid:{new_id()}", "resource": one} for one in measure_reports(made, now)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    click.echo(orjson.dumps(bundle, option=orjson.OPT_INDENT_2))


def _cells(row: Row) -> tuple[str, ...]:
    title = " ".join(part for part in (row.label, row.name) if part)
    return (title, *map(_said, row.counts.values()), _median(row))


def _said(count: int | None) -> str:
    return _SUPPRESSED if count is None else str(count)


def _median(row: Row) -> str:
    if row.hours is not None:
        return str(row.hours)
    return _SUPPRESSED if row.counts["acknowledged"] is None else ""


def _safe(text: str) -> str:
    """A name that begins like a formula is none in a spreadsheet."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
