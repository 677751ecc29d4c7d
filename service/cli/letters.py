"""`dead-letters`, `replay`, `skip`, `release`: what was refused, and what becomes of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import click

from service.cli.operator import actor
from service.cli.options import database_option, mappings_option, settings
from service.cli.rules import rules
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from service.errors import Issue
    from service.operating import Letters, Taken
    from service.store import DeadLetter, Store


@click.group(
    "dead-letters", invoke_without_command=True, short_help="List the messages that were refused."
)
@click.option("--sender", default="", metavar="ODS", help="Only those of this organisation.")
@click.option("--skipped", is_flag=True, help="Those that were skipped, not those that wait.")
@database_option
@click.pass_context
def dead_letters(ctx: click.Context, sender: str, skipped: bool, database: str) -> None:
    """List the messages that were refused, with their bytes kept; or show one.

    Mend the mapping and send them through it again with discharge-relay replay, or close one
    for good with discharge-relay skip.
    """
    ctx.obj = database
    if ctx.invoked_subcommand:
        return
    with existing_store(database) as store:
        found = list(_letters(store).each("skipped" if skipped else "refused", sender))
    show_table(
        ("id", "last came", "times", "sender", "media type", "bytes", "first issue"),
        [_row(letter) for letter in found],
    )
    if not found:
        click.echo("Nothing was refused." if not skipped else "Nothing was skipped.", err=True)


@dead_letters.command()
@click.argument("letter_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the message itself, byte for byte, to stdout.")
@click.pass_obj
def show(database: str, letter_id: str, raw: bool) -> None:
    """Show everything that is wrong with one refused message.

    Only --raw writes the message itself: it holds a patient's data.
    """
    with existing_store(database) as store, _known(letter_id):
        letter = _letters(store).one(letter_id)
        history = store.dead_letters.transitions(letter_id)
    if raw:
        sys.stdout.buffer.write(letter.body)
        return
    for line in _description(letter):
        click.echo(line)
    for change in history:
        reason = f": {printable(change.reason)}" if change.reason else ""
        click.echo(f"{_time(change.at)} {change.state} by {printable(change.actor)}{reason}")


@click.command(short_help="Take refused messages in again.")
@click.argument("letter_ids", metavar="ID...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every message that waits, oldest first.")
@click.option("--sender", default="", metavar="ODS", help="With --all: only this organisation's.")
@click.option(
    "--from",
    "owner",
    default="",
    metavar="ODS",
    help="Whose they are, for messages that came from nobody who was known.",
)
@database_option
@mappings_option
def replay(
    *,
    letter_ids: tuple[str, ...],
    every: bool,
    sender: str,
    owner: str,
    database: str,
    mappings: Path,
) -> None:
    """Send refused messages through the mappings again, as they came.

    One that is taken in now is delivered like any other, once. One that is refused again stays;
    the exit code is 1 then.
    """
    if bool(letter_ids) == every:
        raise click.UsageError("name the messages to replay, or say --all")
    if owner and every:
        raise click.UsageError("--from goes with the ids of messages, not with --all")
    from service.app import assemble
    from service.app import replay as take_in
    from service.operating import Letters

    chosen = settings(database=database, mappings=mappings)
    with existing_store(database) as store:
        relay = assemble(chosen, store, *rules(mappings))
        letters = Letters(store, partial(take_in, relay))
        ids = [one.id for one in letters.each("refused", sender)] if every else list(letter_ids)
        for id_ in ids:  # all of them, or nothing is done
            with _known(id_):
                letters.waiting(id_)
        outcomes = [_replayed(letters, id_, owner) for id_ in ids]
    click.echo(f"{outcomes.count(True)} taken in, {outcomes.count(False)} refused again.", err=True)
    if not all(outcomes):
        raise SystemExit(1)


@click.command(short_help="Close a refused message for good.")
@click.argument("letter_id", metavar="ID")
@click.option("--reason", required=True, help="Why; kept with the message, for whoever asks.")
@database_option
def skip(letter_id: str, reason: str, database: str) -> None:
    """Close a refused message for good; its bytes stay."""
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="'--reason'")
    with existing_store(database) as store, _known(letter_id):
        _letters(store).skip(letter_id, reason, actor())
    click.echo(f"{letter_id} is skipped.")


@click.command(short_help="Let a skipped message wait again.")
@click.argument("letter_id", metavar="ID")
@click.option("--reason", required=True, help="Why; kept with the message, for whoever asks.")
@database_option
def release(letter_id: str, reason: str, database: str) -> None:
    """Let a skipped message wait again, to be replayed; nothing is delivered by that."""
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="'--reason'")
    with existing_store(database) as store, _known(letter_id):
        _letters(store).release(letter_id, reason, actor())
    click.echo(f"{letter_id} waits again.")


def _letters(store: Store) -> Letters:
    """Return the refused messages, to look at: nothing is taken in without mappings."""
    from service.errors import Unavailable
    from service.operating import Letters

    def refuse(_: DeadLetter) -> NoReturn:
        raise Unavailable

    return Letters(store, refuse)


@contextmanager
def _known(letter_id: str) -> Iterator[None]:
    from service.errors import NotFound

    try:
        yield
    except NotFound as fault:
        text = f"there is no dead letter {letter_id}; discharge-relay dead-letters lists them"
        raise click.ClickException(text) from fault


def _replayed(letters: Letters, letter_id: str, owner: str) -> bool:
    from service.errors import BadRequest

    try:
        taken = letters.replay(letter_id, actor(), owner)
    except BadRequest as fault:
        click.echo(f"{fault.text}: replay {letter_id} --from ODS")
        return False
    for line in _outcome(taken):
        click.echo(line)
    return taken.refusal is None


def _outcome(taken: Taken) -> Iterator[str]:
    if taken.refusal is None:
        yield f"{taken.id} is taken in; it goes to {', '.join(taken.told) or 'nobody'}."
        return
    yield f"{taken.id} is refused again:"
    for issue in taken.refusal.issues:
        yield f"  {_sentence(issue)}"


def _row(letter: DeadLetter) -> tuple[str, ...]:
    return (
        *(letter.id, _time(letter.received_at), str(letter.attempts), letter.sender),
        *(letter.media_type, str(letter.size)),
        letter.issues[0].text if letter.issues else "",
    )


def _description(letter: DeadLetter) -> Iterator[str]:
    yield f"{letter.id} is {letter.state}"
    yield f"from {letter.sender}, {printable(letter.media_type)}, {letter.size} bytes"
    yield f"came {letter.attempts} times, last at {_time(letter.received_at)}"
    for issue in letter.issues:
        yield f"{issue.severity}: {_sentence(issue)}"


def _sentence(issue: Issue) -> str:
    place = " ".join(part for part in (issue.source, issue.target) if part)
    return printable(f"{issue.text} ({place})" if place else issue.text)


def _time(instant: int) -> str:
    from service.model import Instant

    return Instant(instant).isoformat()[:19] + "Z"
