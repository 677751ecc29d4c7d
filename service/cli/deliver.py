"""`deliver` and `channels`: sending without `serve`, and what an operator sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.operator import actor
from service.cli.options import database_option, mappings_option, settings
from service.cli.rules import rules
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table
from service.cli.wires import mesh_option

if TYPE_CHECKING:
    from pathlib import Path

    from service.mesh.configuration import MeshConfiguration
    from service.operating import Standing


@click.command(short_help="Send feeds by their channels; poll MESH.")
@click.option("--check", is_flag=True, help="Try the mailbox, say what would be sent, and end.")
@mesh_option
@database_option
@mappings_option
def deliver(check: bool, mesh: Path | None, database: str, mappings: Path) -> None:
    """Send every team's feed by the channels that the directory names, and to subscriptions; take
    in from MESH.

    serve does the same in a process beside its workers. Several may run at once: one sends, the
    others take over when it is gone. Until SIGTERM or Ctrl-C; logs are JSON lines on stderr.
    """
    from service.cli.delivering import configured, deliver_until_told, served, unserved

    chosen = settings(database=database, mappings=mappings, mesh=mesh or "")
    directory = rules(mappings)[1].directory
    mailbox = configured(chosen, directory)
    for name, entry in unserved(directory, mailbox):
        click.echo(f"{entry.ods} is to be reached by {name}, which is not set up", err=True)
    if not (mailbox or chosen.push or served(directory, mailbox)):
        text = "nothing to do: no --mesh, no organisation has a channel, and push is off"
        raise click.ClickException(text)
    existing_store(database).close()
    if not check:
        deliver_until_told(chosen)
        return
    if mailbox:
        _try(mailbox)
    for name, entry in served(directory, mailbox):
        click.echo(f"{entry.ods} {printable(entry.name)} is sent to by {name}")


def _try(mesh: MeshConfiguration) -> None:
    """Shake hands and look into the mailbox; nothing is taken out. Raises ClickException."""
    from service.mailbox import MeshFailure, MeshMailbox

    mailbox = MeshMailbox(mesh.access)
    try:
        mailbox.handshake()
        waiting = sum(1 for _ in mailbox.waiting())
    except MeshFailure as failure:
        raise click.ClickException(f"{mesh.access.url}: {failure}") from failure
    finally:
        mailbox.close()
    click.echo(f"{mesh.access.mailbox} at {mesh.access.url} answers; {waiting} messages wait")
    for sender, ods in sorted(mesh.senders.items()):
        click.echo(f"what {sender} sends is sent by {ods}")


@click.group(
    invoke_without_command=True, short_help="List how far each team was sent to; resume one."
)
@database_option
@click.pass_context
def channels(ctx: click.Context, database: str) -> None:
    """List how far each team was sent to, what is not confirmed, and what is parked and why."""
    ctx.obj = database
    if ctx.invoked_subcommand:
        return
    from service.operating import Channels

    with existing_store(database) as store:
        found = [_row(one) for one in Channels(store).standing()]
    columns = ("organisation", "channel", "state", "sent", "of", "unconfirmed", "tries", "reason")
    show_table(columns, found)
    if not found:
        click.echo("Nothing was sent by a channel yet.", err=True)


@channels.command()
@click.argument("ods", metavar="ODS")
@click.argument("channel")
@click.option(
    "--after",
    type=click.IntRange(0),
    help="Go on behind this event, whatever was sent or not.",
)
@click.pass_obj
def resume(database: str, ods: str, channel: str, after: int | None) -> None:
    """Send to a team again, from the first event that it has not confirmed.

    What it has confirmed is not sent again. What it has and did not confirm comes a second time,
    under the same Bundle.identifier.
    """
    from service.operating import Channels

    with existing_store(database) as store:
        place = Channels(store).resume(ods, channel, after, actor())
    click.echo(f"{ods} goes on by {channel} after event {place.n}.")


def _row(one: Standing) -> tuple[str, ...]:
    place = one.place
    return (
        *(place.recipient, place.channel, one.state),
        *(str(place.n), str(one.head), str(one.unconfirmed), str(place.attempts)),
        one.reason,
    )
