"""`status` and `late`: how far a message has come, and who has not answered in time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from service.cli.options import database_option, mappings_option
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from service.delivery.progress import Progress
    from service.store import Store

Json = dict[str, Any]
_json_option = click.option("--json", "as_json", is_flag=True, help="As the API gives it.")


@click.command(short_help="Show who has a message, who answered, who is late.")
@click.argument("message_id", metavar="MESSAGE-ID")
@_json_option
@database_option
@mappings_option
def status(message_id: str, as_json: bool, database: str, mappings: Path) -> None:
    """Show for each recipient of a message what is known: delivered, received, accepted, late.

    MESSAGE-ID is what meta.source of everything made of the message says (urn:uuid:…). Whether
    somebody read it is never inferred.
    """
    with existing_store(database) as store:
        kept = store.dead_letters.get(message_id.removeprefix("urn:uuid:"))
        if kept is None:
            raise click.ClickException(f"there is no message {message_id}")
        told = _progress(store, mappings).of(kept, datetime.now(UTC))
    if as_json:
        _print(told)
        return
    click.echo(printable(f"{told['id']} from {told['sender']}, {_short(told['received'])}"))
    columns = ("team", "role", "event", "delivered", "received", "state", "by", "due", "")
    show_table(columns, [_row(one) for one in told["recipients"]])
    for one in told["recipients"]:
        for done in one["done"]:
            click.echo(printable(f"{_short(done['at'])} {one['ods']}: {done['what']}"))


@click.command(short_help="List who has not acknowledged in time.")
@click.option("--informed", is_flag=True, help="With those who are told and not asked to act.")
@_json_option
@database_option
@mappings_option
def late(informed: bool, as_json: bool, database: str, mappings: Path) -> None:
    """List who has not acknowledged in time, the longest late first; exit code 1 if anybody.

    Each was reminded, and who is to act in its place was asked, while `serve` or `chase` runs.
    """
    with existing_store(database) as store:
        found = _progress(store, mappings).late(datetime.now(UTC), informed=informed)
    if as_json:
        _print(found)
    else:
        columns = ("due", "team", "name", "event", "state", "sender", "message", "last done")
        show_table(columns, [_late_row(one) for one in found])
    if found:
        raise SystemExit(1)
    click.echo("Nobody is late.", err=True)


def _progress(store: Store, mappings: Path) -> Progress:
    from service.delivery.directory import Directory
    from service.delivery.progress import Progress

    return Progress(store=store, directory=Directory.load(mappings))


def _row(one: Json) -> tuple[str, ...]:
    answered = f"{one['state']} {_short(one['answered'])}".strip()
    place = f"in place of {one['in_place_of']}" if one["in_place_of"] else ""
    said = ", ".join(part for part in ("LATE" if one["late"] else "", place) if part)
    return (
        *(f"{one['ods']} {one['name']}".strip(), one["role"], str(one["event"])),
        *(_short(one["delivered"]), _short(one["received"]), answered),
        *(", ".join(one["by"]), _short(one["due"]), said),
    )


def _late_row(one: Json) -> tuple[str, ...]:
    done = one["done"][-1]["what"] if one["done"] else ""
    return (
        *(_short(one["due"]), one["ods"], one["name"], str(one["event"])),
        *(one["state"], one["sender"], one["message"], done),
    )


def _short(instant: str) -> str:
    return f"{instant[:16]}Z" if instant else ""


def _print(told: Any) -> None:
    import orjson

    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
