"""`dead-letters`, `replay` and `skip`: what could not be taken in, and what becomes of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from service.cli.operator import FAILED, operator, record
from service.cli.options import database_option, mappings_option, settings
from service.cli.rules import rules
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from service.app import Relay
    from service.errors import Issue
    from service.model import OdsCode
    from service.store import DeadLetter, Store

_PAGE: Final = 200  # dead letters fetched at a time
_WHY: Final = {  # state of a message → why it is not replayed
    "committed": "nothing to replay; what was delivered is corrected by its sender, who sends it "
    "again with a new message id",
    "skipped": "nothing to replay; it was closed for good",
}


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
        found = list(each_letter(store, "skipped" if skipped else "refused", sender))
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
    with existing_store(database) as store:
        letter = _known(store, letter_id)
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

    chosen = settings(database=database, mappings=mappings)
    with existing_store(database) as store:
        relay = assemble(chosen, store, *rules(mappings))
        waiting = each_letter(store, "refused", sender) if every else _named(store, letter_ids)
        ids = [letter.id for letter in waiting]
        outcomes = [_replayed(relay, _known(store, letter_id), owner) for letter_id in ids]
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
    with existing_store(database) as store:
        letter = _known(store, letter_id)
        if letter.state != "refused":
            raise click.ClickException(f"{letter_id} is {letter.state}: there is nothing to skip")
        store.dead_letters.skip(letter_id, operator(), reason.strip())
        record(store, "skip", letter_id, letter.sender)
    click.echo(f"{letter_id} is skipped.")


def each_letter(store: Store, state: str, sender: str) -> Iterator[DeadLetter]:
    """Yield the dead letters in a state, oldest first."""
    after = ""
    while page := store.dead_letters.list(state=state, sender=sender, after=after, count=_PAGE):
        yield from page
        after = page[-1].id


def _known(store: Store, letter_id: str) -> DeadLetter:
    letter = store.dead_letters.get(letter_id)
    if letter is None:
        raise click.ClickException(
            f"there is no dead letter {letter_id}; discharge-relay dead-letters lists them"
        )
    return letter


def _named(store: Store, letter_ids: Sequence[str]) -> list[DeadLetter]:
    """Return all of them, or refuse before anything is done."""
    found = [_known(store, letter_id) for letter_id in letter_ids]
    for letter in found:
        if letter.state != "refused":
            raise click.ClickException(f"{letter.id} is {letter.state}: {_WHY[letter.state]}")
    return found


def _replayed(relay: Relay, letter: DeadLetter, owner: str) -> bool:
    from service.app import replay
    from service.errors import ServiceError

    if owner and letter.sender not in ("", owner):
        raise click.ClickException(f"{letter.id} came from {letter.sender}, who was known")
    if not (owner or letter.sender):
        click.echo(f"{letter.id} came from nobody who was known: replay {letter.id} --from ODS")
        return False
    try:
        receipt = replay(relay, replace(letter, sender=_code(owner or letter.sender)))
    except ServiceError as refusal:
        record(relay.store, "replay", letter.id, letter.sender, FAILED)
        click.echo(f"{letter.id} is refused again:")
        for issue in refusal.issues:
            click.echo(f"  {_sentence(issue)}")
        return False
    record(relay.store, "replay", letter.id, letter.sender)
    told = ", ".join(sorted(receipt.numbers)) or "nobody"
    click.echo(f"{letter.id} is taken in; it goes to {told}.")
    return True


def _code(text: str) -> OdsCode:
    from service.model import OdsCode

    try:
        return OdsCode.parse(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="'--from'") from fault


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
