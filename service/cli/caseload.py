"""`caseload`: a team's list of patients, and near matches that a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.operator import operator
from service.cli.options import database_option, mappings_option, settings
from service.cli.rules import rules
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from service.app import Relay
    from service.caseload import Kept, Line, Member
    from service.caseload.reviewing import Verdict
    from service.model import OdsCode
    from service.store import AuditEntry

_team = click.option("--team", required=True, metavar="ODS", help="Whose list it is.")


@click.group(short_help="Keep the lists of patients that teams hear about.")
def caseload() -> None:
    """Keep the lists of patients that teams hear about, and decide near matches.

    How a list works: docs/caseloads.md.
    """


@caseload.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_team
@click.option("--dry-run", is_flag=True, help="Only say what is wrong, and what would change.")
@click.option("--replace", "whole", is_flag=True, help="Take off who is not in the file.")
@database_option
@mappings_option
def load(
    *, file: Path, team: str, dry_run: bool, whole: bool, database: str, mappings: Path
) -> None:
    """Put the patients of a CSV FILE on a team's list.

    If a line is at fault nothing is taken, and every fault is told with line and column.
    """
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads, read_csv

        keeping, _ = caseloads(relay)
        members = _sound(read_csv(file.read_bytes(), keeping.today()))
        ods = _ods(team)
        if dry_run:
            _say("Nothing was changed", keeping.would(ods, members, whole=whole))
            return
        kept = keeping.load(
            ods, members, _by(team), whole=whole, progress=lambda n: _progress(n, len(members))
        )
    _say("Done", kept)


@caseload.command("list")
@_team
@click.option("--ended", is_flag=True, help="Those that were taken off, too.")
@database_option
def show(*, team: str, ended: bool, database: str) -> None:
    """Show a team's list: it holds patients' data."""
    with existing_store(database) as store:
        entries = store.caseloads.entries(_ods(team), ended_too=ended)
    rows = [
        (
            entry.nhs_number,
            entry.birth_date,
            printable(f"{entry.given} {entry.family}".strip()),
            entry.starts,
            entry.ends,
            " ".join(entry.kinds),
            printable(entry.basis.text or entry.basis.code),
            printable(entry.added_by),
            "taken off" if entry.ended else "",
        )
        for entry in entries
    ]
    show_table(
        ("NHS number", "born", "name", "start", "end", "kinds", "basis", "added by", ""), rows
    )


@caseload.command()
@_team
@click.option("--nhs-number", required=True, help="With its check digit.")
@click.option("--born", required=True, metavar="DATE", help="YYYY-MM-DD or DD/MM/YYYY.")
@click.option("--basis", required=True, help="Why the team may hear of the patient, in words.")
@click.option("--basis-code", default="", help="The same as a code.")
@click.option("--family", default="", help="For messages without an NHS number.")
@click.option("--given", default="", help="For messages without an NHS number.")
@click.option("--postcode", default="", help="For messages without an NHS number.")
@click.option("--start", default="", metavar="DATE", help="The first day.  [default: today]")
@click.option("--end", default="", metavar="DATE", help="The last day.")
@click.option("--kinds", default="", help="What the team hears of, separated by blanks.")
@database_option
@mappings_option
def add(*, team: str, database: str, mappings: Path, **said: str) -> None:
    """Put one patient on a team's list, or change what it says."""
    names = {"born": "birth_date", "basis": "basis_text"}
    fields = {names.get(name, name): text for name, text in said.items()}
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads, read_member
        from service.caseload.member import FaultyMember

        keeping, _ = caseloads(relay)
        try:
            member = read_member(fields, keeping.today())
        except FaultyMember as faulty:
            raise click.ClickException(str(faulty)) from None
        kept = keeping.put(_ods(team), [member], _by(team))
    _say("Done", kept)


@caseload.command()
@_team
@click.option("--nhs-number", required=True, help="With its check digit.")
@database_option
@mappings_option
def remove(*, team: str, nhs_number: str, database: str, mappings: Path) -> None:
    """Take a patient off a team's list: nothing new is told from now on."""
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads

        keeping, _ = caseloads(relay)
        number = nhs_number.replace(" ", "")
        listed = relay.store.caseloads.entries(_ods(team))
        ids = [entry.id for entry in listed if entry.nhs_number == number]
        if not ids:
            raise click.ClickException("this patient is not on the list")
        kept = keeping.remove(_ods(team), ids, _by(team))
    _say("Done", kept)


@caseload.command()
@click.option("--team", default="", metavar="ODS", help="Only those of this team.")
@database_option
@mappings_option
def reviews(*, team: str, database: str, mappings: Path) -> None:
    """List near matches: what agrees is not enough to deliver by itself."""
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads

        _, reviewing = caseloads(relay)
        teams = [_ods(team)] if team else [_ods(one) for one in relay.store.caseloads.teams()]
        pairs = [pair for one in teams for pair in reviewing.waiting(one)]
    show_table(
        ("id", "team", "why", "asked"),
        [(p.review.id, p.review.team, p.review.why, p.review.asked.isoformat()) for p in pairs],
    )


@caseload.command()
@click.argument("review_id", metavar="ID")
@database_option
@mappings_option
def compare(*, review_id: str, database: str, mappings: Path) -> None:
    """Show both sides of a near match: it shows patients' data."""
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads

        _, reviewing = caseloads(relay)
        pair = reviewing.pair(review_id)
        record = reviewing.record(pair)
    name: dict[str, Any] = next(iter(record.get("name", ())), {})
    home: dict[str, Any] = next(iter(record.get("address", ())), {})
    numbers = [n.get("value", "") for n in record.get("identifier", ())]
    theirs = (
        ", ".join(numbers),
        record.get("birthDate", ""),
        name.get("family", ""),
        " ".join(name.get("given", ())),
        home.get("postalCode", ""),
    )
    entry = pair.entry
    ours = (entry.nhs_number, entry.birth_date, entry.family, entry.given, entry.postcode)
    labels = ("numbers", "born", "family", "given", "postcode")
    rows = [(w, printable(a), printable(b)) for w, a, b in zip(labels, ours, theirs, strict=True)]
    show_table(("", f"on the list of {entry.team}", "as sent"), rows)


@caseload.command()
@click.argument("review_id", metavar="ID")
@click.option("--reason", required=True, help="What was compared, and by whom.")
@database_option
@mappings_option
def accept(*, review_id: str, reason: str, database: str, mappings: Path) -> None:
    """Take both for one person: what was held back is delivered."""
    click.echo(f"accepted; {_decided(database, mappings, review_id, True, reason)} delivered")


@caseload.command()
@click.argument("review_id", metavar="ID")
@click.option("--reason", required=True, help="What was compared, and by whom.")
@database_option
@mappings_option
def reject(*, review_id: str, reason: str, database: str, mappings: Path) -> None:
    """Take them for two people: this pair is not asked about again."""
    _decided(database, mappings, review_id, False, reason)
    click.echo("rejected")


def _decided(database: str, mappings: Path, review_id: str, accepted: bool, reason: str) -> int:
    with _opened(database, mappings) as relay:
        from service.caseload import caseloads

        _, reviewing = caseloads(relay)
        team = reviewing.pair(review_id).review.team
        verdict: Verdict = "accepted" if accepted else "rejected"
        return reviewing.decide(review_id, verdict, reason, _by(team))


@contextmanager
def _opened(database: str, mappings: Path) -> Iterator[Relay]:
    from service.app import assemble

    with existing_store(database) as store:
        yield assemble(settings(database=database, mappings=mappings), store, *rules(mappings))


def _ods(team: str) -> OdsCode:
    from service.model import OdsCode

    try:
        return OdsCode.parse(team)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None


def _by(team: str) -> AuditEntry:
    from service.model import Instant
    from service.store import AuditEntry

    return AuditEntry(
        at=Instant.of(datetime.now(UTC)),
        client=f"operator:{operator()}",
        organisation=team,
        action="caseload",
        type="Group",
    )


def _sound(lines: list[Line]) -> list[Member]:
    """Return the patients of a file; end with every fault if there is one."""
    faults = [issue for line in lines for issue in line.issues()]
    for fault in faults:
        click.echo(f"{fault.source}: {fault.text}", err=True)
    if faults:
        raise click.ClickException(f"nothing was taken: {len(faults)} faults")
    return [line.member for line in lines if line.member]


def _progress(done: int, every: int) -> None:
    click.echo(f"{done} of {every}", err=True)


def _say(what: str, kept: Kept) -> None:
    click.echo(
        f"{what}: {kept.added} added, {kept.changed} changed, {kept.ended} taken off, "
        f"{kept.unchanged} as before; {kept.told} events of the last days delivered, "
        f"{kept.asked} near matches to decide."
    )
