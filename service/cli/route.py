"""`route`: who is told of a message and why, and why another team is not; nothing is stored."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.convert import ods_option, offline_converter, read_file
from service.cli.options import database_option, mappings_option
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from service.conversion import Attempt
    from service.delivery.routing import Routing

Json = dict[str, Any]


@click.command(short_help="Show who is told of a message, and why.")
@click.argument(
    "file",
    required=False,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--stored", default="", metavar="MESSAGE-ID", help="One that was taken in, instead.")
@click.option("--explain", is_flag=True, help="Every rule, and which of its conditions hold.")
@click.option("--team", default="", metavar="ODS", help="Why this team is told, or why not.")
@click.option(
    "--on", "day", metavar="YYYY-MM-DD", help="By the rules of this day.  [default: today]"
)
@click.option("--mapping", "mapping_id", default="", metavar="ID", help="Use this mapping.")
@click.option("--sender", metavar="ODS", help="Who sends it.  [default: as convert]")
@click.option("--media-type", default="", help="What the file is.  [default: by its content]")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@database_option
@mappings_option
def route(
    *,
    file: Path | None,
    stored: str,
    explain: bool,
    team: str,
    day: str | None,
    as_json: bool,
    database: str,
    mappings: Path,
    **reading: str | None,
) -> None:
    """Show who is told of a message by directory.yaml and routing.yaml, and why.

    What was sent before is not asked: those who hold what changes, and who have the patient on
    a caseload, are told besides. What is shown holds no patient's data. --team says of a team
    why it is told, or which condition of which rule keeps it from that; exit code 1 if it is not.
    """
    from service.delivery.routing import Routing
    from service.explaining.routes import routed

    if (file is None) != bool(stored):
        raise click.UsageError("name a FILE, or a message with --stored")
    routing = Routing.load(mappings)
    read = _stored(stored, database, mappings) if file is None else _read(file, mappings, reading)
    on = _day(day)
    told = [routed(attempt, routing, on) for attempt in read]
    if as_json:
        _print(told)
        return
    for one in told:
        _show(one, explain=explain)
    if team:
        _say_why(told, team, routing)


def _read(file: Path, mappings: Path, reading: dict[str, str | None]) -> list[Attempt]:
    return offline_converter(mappings).attempts(
        read_file(file),
        media_type=reading["media_type"] or "",
        mapping_id=reading["mapping_id"] or "",
        sender=ods_option(reading["sender"]),
    )


def _stored(message_id: str, database: str, mappings: Path) -> list[Attempt]:
    """Read a message that is kept again, as its sender's. Raises ClickException."""
    with existing_store(database) as store:
        kept = store.dead_letters.get(message_id.removeprefix("urn:uuid:"))
    if kept is None:
        raise click.ClickException(f"there is no message {message_id}")
    converter = offline_converter(mappings)
    named = kept.mapping if kept.mapping in {one.id for one in converter.mappings} else ""
    return converter.attempts(
        kept.body,
        media_type=kept.media_type,
        mapping_id=named,
        sender=ods_option(kept.sender or None),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter("write YYYY-MM-DD", param_hint="'--on'") from None


def _show(told: Json, *, explain: bool) -> None:
    if told["kind"] is None:
        click.echo("The message is refused; nobody is told:")
    recipients = [
        (one["ods"] or "", one["name"] or "", one["role"], ", ".join(one["because"]))
        for one in told["recipients"]
    ]
    show_table(("team", "name", "for", "because"), recipients)
    for issue in told["issues"]:
        click.echo(printable(f"{issue['severity']}: {issue['text']}"))
    if explain:
        columns = (f"rule ({told['version']})", "team", "holds", "what holds", "what does not")
        show_table(columns, [_rule_row(rule) for rule in told["rules"]])


def _rule_row(rule: Json) -> tuple[str, ...]:
    def asked(holds: bool) -> str:
        return "; ".join(c["condition"] for c in rule["conditions"] if c["holds"] is holds)

    holds = "yes" if rule["holds"] else "no"
    return (rule["rule"], ", ".join(rule["to"]), holds, asked(True), asked(False))


def _say_why(told: list[Json], team: str, routing: Routing) -> None:
    ods = ods_option(team)
    if ods is None:
        return
    said = [_say(one, ods, routing) for one in told]  # of every message
    if not any(said):
        raise SystemExit(1)


def _say(told: Json, ods: Any, routing: Routing) -> bool:
    from service.explaining.routes import why

    for sentence in why(told, ods, routing):
        click.echo(printable(sentence))
    return ods in {one["ods"] for one in told["recipients"]}


def _print(told: list[Json]) -> None:
    import orjson

    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
