"""`retain`: what retention would remove, and removing it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.cli.operator import operator
from service.cli.options import database_option, settings
from service.cli.schema import existing_store
from service.cli.terminal import show_table
from service.settings import PREFIX, Settings

if TYPE_CHECKING:
    from service.store import Keep, Passed, Store

F = TypeVar("F", bound=Callable[..., Any])
_KEPT = {
    "messages": "the bytes of messages as they came",
    "resources": "resources, their versions, and the events of feeds",
    "audit": "the audit trail",
}
_OPTIONS = tuple(
    click.option(
        f"--keep-{name}",
        type=click.IntRange(0),
        default=0,
        envvar=f"{PREFIX}KEEP_{name.upper()}",
        show_default=True,
        show_envvar=True,
        metavar="DAYS",
        help=f"Keep {what} so many days; 0 is for ever. See docs/retention.md.",
    )
    for name, what in _KEPT.items()
)


def keep_options(command: F) -> F:
    """Add the options; the command gets their values by name."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def keep_of(chosen: Settings) -> Keep:
    """Return for how long the settings say that things are kept."""
    from service.store import Keep

    return Keep(
        messages=chosen.keep_messages, resources=chosen.keep_resources, audit=chosen.keep_audit
    )


@click.command(short_help="Show what is old enough to go, and remove it.")
@click.option("--remove", is_flag=True, help="Remove it. Without this nothing is changed.")
@keep_options
@database_option
def retain(remove: bool, **chosen: Any) -> None:
    """Show what has had its time, by kind and age, and what stays although it has.

    Nothing is removed without --remove, and everything is kept unless days were configured.
    What is under a hold, not acknowledged, not sent, or an open dead letter stays. serve does the
    same once a day, where it is configured.
    """
    made = settings(**chosen)
    keep = keep_of(made)
    if keep.everything:
        click.echo(
            "Everything is kept for ever: say --keep-messages, --keep-resources or --keep-audit.",
            err=True,
        )
        return
    with existing_store(made.database) as store:
        passed = _removed(store, keep) if remove else store.retention.run(keep, remove=False)
        rows = _rows(passed)
    if not rows:
        click.echo("Nothing is old enough to go.", err=True)
        return
    show_table(("what", "how many", "oldest", "newest", "", "first"), rows)
    said = "What goes was removed." if remove else "Nothing was removed yet: add --remove."
    click.echo(said, err=True)


def _removed(store: Store, keep: Keep) -> Iterable[Passed]:
    from service.retaining import Retaining
    from service.store.opening import now

    return Retaining(store, keep, now, f"operator:{operator()}").round(threading.Event())


def _rows(passed: Iterable[Passed]) -> list[tuple[str, ...]]:
    """Return sums: how many of each kind, from when to when."""
    found: dict[tuple[str, str], list[Any]] = {}
    for one in passed:
        sums = found.setdefault((one.stays, one.what), [0, one.oldest, one.newest, one.where])
        sums[0] += one.many
        sums[1], sums[2] = min(sums[1], one.oldest), max(sums[2], one.newest)
        sums[3] = sums[3] or one.where
    return [
        (what, str(many), _day(oldest), _day(newest), f"stays: {stays}" if stays else "goes", where)
        for (stays, what), (many, oldest, newest, where) in sorted(found.items())
    ]


def _day(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1_000_000, UTC):%Y-%m-%d}" if instant else ""
