"""`check-mappings`: what is wrong with the mapping files, and what is merely odd."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.bundled import bundled_folder
from service.cli.routed import routed_advice
from service.cli.terminal import printable, show_table
from service.settings import PREFIX

if TYPE_CHECKING:
    from service.delivery.routing import Routing
    from service.mapping import Advice, MappingReport, Report
    from service.yamlfile import Fault


@click.command("check-mappings", short_help="Find faults in mapping files.")
@click.argument(
    "folder",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar=PREFIX + "MAPPINGS",
)
@click.option(
    "--accept",
    is_flag=True,
    help="Write the examples' expected records as they come out now. Read the difference after.",
)
@click.option("--hints", is_flag=True, help="Also what no example tries, rule by rule.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def check_mappings(folder: Path | None, *, accept: bool, hints: bool, as_json: bool) -> None:
    """Check mapping files, directory and routing rules, and run every example.

    FOLDER is the one with the mapping files; by default the one that comes with the relay.
    Every fault is named with its file and line, and the exit code is 1 then. Besides, what is
    odd without being wrong is told with its place and what to do: alternatives that never get
    their turn, tables, rows, names and files that nothing uses, rules and issues that no example
    tries, values of the examples that no rule reads, a message of which nobody would be told.
    """
    from service.formats import FORMATS
    from service.mapping import check

    folder = folder or bundled_folder("mappings")
    if accept:
        _accept(folder)
    report = check(folder, formats=FORMATS)
    faults, routing = _all_faults(report, folder)
    advice = sorted({*_own_advice(report), *(routed_advice(report, routing) if routing else ())})
    if as_json:
        _print_json(report, faults, advice)
    else:
        _show(report.mappings)
        _print_advice(advice, hints=hints)
    _end(len(report.mappings), faults, folder, quiet=as_json)


def _accept(folder: Path) -> None:
    from service.formats import FORMATS
    from service.mapping.loading import load_folder
    from service.mapping.mappings import accept_examples

    written = accept_examples(load_folder(folder, FORMATS, expected=False), folder)
    for path in written:
        click.echo(f"wrote {path}")
    if not written:
        click.echo("Every example comes out as expected; nothing was written.")


def _all_faults(report: Report, folder: Path) -> tuple[list[Fault], Routing | None]:
    from service.delivery.directory import RoutingFaults
    from service.delivery.routing import Routing

    try:
        return sorted(report.faults), Routing.load(folder)
    except RoutingFaults as routing:
        return sorted({*report.faults, *routing.faults}), None


def _own_advice(report: Report) -> Iterator[Advice]:
    yield from report.strays
    for one in report.mappings:
        yield from one.advice


def _show(reports: Sequence[MappingReport]) -> None:
    rows = [
        (
            report.id,
            report.version,
            str(report.rules),
            str(len(report.examples)),
            _verdict(report),
        )
        for report in reports
    ]
    show_table(("mapping", "version", "rules", "examples", ""), rows)


def _verdict(report: MappingReport) -> str:
    if report.faults:
        return f"{len(report.faults)} faults" if len(report.faults) > 1 else "1 fault"
    return "good"


def _print_advice(advice: Sequence[Advice], *, hints: bool) -> None:
    """Print warnings, a line each, and hints where they are asked for."""
    shown = [each for each in advice if hints or each.level == "warning"]
    for each in shown:
        click.echo(printable(str(each)))
    if len(shown) < len(advice):
        left = len(advice) - len(shown)
        click.echo(f"{left} hints on what no example tries; --hints shows them.", err=True)


def _print_json(report: Report, faults: Sequence[Fault], advice: Sequence[Advice]) -> None:
    import orjson

    told = {
        "mappings": [
            {
                "id": one.id,
                "version": one.version,
                "rules": one.rules,
                "examples": [
                    {"name": e.name, "passed": e.passed, "unread": e.unread, "ignored": e.ignored}
                    for e in one.examples
                ],
                "faults": one.faults,
            }
            for one in report.mappings
        ],
        "faults": faults,
        "advice": advice,
    }
    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))


def _end(mappings: int, faults: Sequence[Fault], folder: Path, *, quiet: bool) -> None:
    """Say how it went; with faults the exit code is 1."""
    if not mappings:
        raise click.ClickException(f"there is no mapping file in {folder}")
    for fault in () if quiet else faults:
        click.secho(printable(str(fault)), fg="red" if sys.stdout.isatty() else None)
    if faults:
        raise click.ClickException(f"{len(faults)} faults in {folder}")
    if not quiet:
        click.echo(f"{mappings} mappings, every example as expected.")
