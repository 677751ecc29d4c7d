"""`hold`: what must stay whatever its age, set and lifted with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from service.cli.operator import operator
from service.cli.options import database_option
from service.cli.schema import existing_store
from service.cli.terminal import show_table

if TYPE_CHECKING:
    from service.store import AuditEntry, Hold, Store
    from service.store.retention.holds import Kind

_reason = click.option("--reason", required=True, help="Why; kept with it, for whoever asks.")


@click.group(short_help="Keep what a claim or an inquiry needs: set, lift, list.")
def hold() -> None:
    """Keep a patient's record, a message, or all of a team's, whatever its age.

    Retention removes nothing of it until the hold is lifted.
    """


@hold.command("set")
@click.option("--nhs-number", default="", metavar="NUMBER", help="All that is about this patient.")
@click.option("--message", default="", metavar="ID", help="One message and all made of it.")
@click.option("--team", default="", metavar="ODS", help="All that it sent or was sent.")
@_reason
@database_option
def set_hold(nhs_number: str, message: str, team: str, reason: str, database: str) -> None:
    """Begin a hold: from now on nothing of it is removed."""
    with existing_store(database) as store:
        made = store.holds.set(*_asked(store, nhs_number, message, team, _said(reason)))
    click.echo(f"{made.id} holds; lift it with: discharge-relay hold lift {made.id} --reason …")


@hold.command()
@click.argument("hold_id", metavar="ID")
@_reason
@database_option
def lift(hold_id: str, reason: str, database: str) -> None:
    """End a hold: what is old then goes with the next round."""
    with existing_store(database) as store:
        store.holds.lift(hold_id, operator(), _said(reason), [_entry("hold-lift", hold_id)])
    click.echo(f"{hold_id} is lifted.")


@hold.command("list")
@click.option("--lifted", is_flag=True, help="With those that were lifted.")
@database_option
def list_holds(lifted: bool, database: str) -> None:
    """List the holds in force, with who set them and why."""
    with existing_store(database) as store:
        found = store.holds.list(lifted_too=lifted)
    columns = ("id", "kind", "of", "since", "by", "reason", "lifted", "by", "reason")
    show_table(columns, [_row(one) for one in found])
    if not found:
        click.echo("Nothing is under a hold.", err=True)


def _asked(
    store: Store, nhs_number: str, message: str, team: str, reason: str
) -> tuple[Hold, list[AuditEntry]]:
    """Return what is to be held. Raises UsageError, ClickException."""
    if len([one for one in (nhs_number, message, team) if one]) != 1:
        raise click.UsageError("say one of --nhs-number, --message and --team")
    import uuid_utils

    from service.model import NhsNumber, OdsCode
    from service.store import Hold

    if message and store.dead_letters.get(message) is None:
        raise click.ClickException(f"there is no message {message}")
    kind: Kind = "patient" if nhs_number else "message" if message else "team"
    try:
        subject = NhsNumber.parse(nhs_number) if nhs_number else message or OdsCode.parse(team)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from fault
    id_ = str(uuid_utils.uuid7())
    asked = Hold(id=id_, kind=kind, subject=subject, reason=reason, by=operator())
    return asked, [_entry("hold-set", id_)]


def _said(reason: str) -> str:
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="'--reason'")
    return reason.strip()


def _entry(action: str, hold_id: str) -> AuditEntry:
    """Return what the audit trail says: the hold's id, never whom it is about."""
    from service.model import Instant
    from service.store import AuditEntry

    return AuditEntry(
        at=Instant.of(datetime.now(UTC)),
        client=f"operator:{operator()}",
        organisation="",
        action=action,
        type="Hold",
        subject=hold_id,
    )


def _row(one: Hold) -> tuple[str, ...]:
    lifted = one.lifted.isoformat()[:10] if one.lifted else ""
    return (
        *(one.id, one.kind, one.subject, one.since.isoformat()[:10], one.by, one.reason),
        *(lifted, one.lifted_by, one.lifted_reason),
    )
