"""`check-mappings`: what is wrong with the mapping files, and what is merely odd."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.bundled import bundled_folder
from service.cli.terminal import printable, show_table
from service.settings import PREFIX

if TYPE_CHECKING:
    from service.mapping import MappingReport
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
def check_mappings(folder: Path | None, *, accept: bool) -> None:
    """Check mapping files, directory and routing rules, and run every example.

    FOLDER is the one with the mapping files; by default the one that comes with the relay.
    Every fault is named with its file and line, and the exit code is 1 then. Besides, for every
    mapping: how many rules and examples it has, alternatives that never get their turn, tables
    that no rule uses, and what stands in its examples that no rule reads.
    """
    from service.formats import FORMATS
    from service.mapping import check

    folder = folder or bundled_folder("mappings")
    if accept:
        _accept(folder)
    reports = check(folder, formats=FORMATS).mappings
    _show(reports)
    for report in reports:
        for line in _oddities(report):
            click.echo(printable(line))
    _end(len(reports), _all_faults(reports, folder), folder)


def _accept(folder: Path) -> None:
    from service.formats import FORMATS
    from service.mapping.loading import load_folder
    from service.mapping.mappings import accept_examples

    written = accept_examples(load_folder(folder, FORMATS, expected=False), folder)
    for path in written:
        click.echo(f"wrote {path}")
    if not written:
        click.echo("Every example comes out as expected; nothing was written.")


def _all_faults(reports: Sequence[MappingReport], folder: Path) -> list[Fault]:
    from service.delivery.directory import RoutingFaults
    from service.delivery.routing import Routing

    faults = {fault for report in reports for fault in report.faults}
    try:
        Routing.load(folder)
    except RoutingFaults as routing:
        faults.update(routing.faults)
    return sorted(faults)


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


def _oddities(report: MappingReport) -> Iterator[str]:
    """Yield what is odd about one mapping, a line each."""
    for fault in report.unreachable:
        yield f"{fault.file}:{fault.line}: {fault.text}"
    for table in report.unused_tables:
        yield f"{report.id}: no rule uses the table {table}"
    for example in report.examples:
        if example.unread:
            yield f"{report.id}: in {example.name} no rule reads {', '.join(example.unread)}"


def _end(mappings: int, faults: Sequence[Fault], folder: Path) -> None:
    """Say how it went; with faults the exit code is 1."""
    if not mappings:
        raise click.ClickException(f"there is no mapping file in {folder}")
    for fault in faults:
        click.secho(printable(str(fault)), fg="red" if sys.stdout.isatty() else None)
    if faults:
        raise click.ClickException(f"{len(faults)} faults in {folder}")
    click.echo(f"{mappings} mappings, every example as expected.")
