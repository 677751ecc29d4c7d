"""`chase`: the worker that sees to it that somebody answers, alone or beside `serve`."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, Final

import click

from service import log
from service.cli.companions import Companion
from service.cli.options import database_option, mappings_option, settings
from service.cli.process import keep_what_is_loaded, leave_the_terminal
from service.cli.schema import existing_store
from service.cli.terminal import said_plainly

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings

_LOOK: Final = 0.5  # seconds between two looks whether the parent is there


def chase_companion(chosen: Settings) -> Companion:
    """Return the process that runs beside the workers of `serve`."""
    return Companion(name="chase", run=chase_beside, arguments=(chosen,))


def chase_beside(chosen: Settings) -> None:
    """Chase until SIGTERM, or until the parent is gone; for a process of its own."""
    leave_the_terminal()
    try:
        with said_plainly():
            chase_until_told(chosen)
    except click.ClickException as fault:
        fault.show()
        raise SystemExit(fault.exit_code) from None


def chase_until_told(chosen: Settings) -> None:
    """Chase until SIGTERM or Ctrl-C. A step that is being taken is finished first."""
    from service.app import chasing
    from service.delivery.chase import ChaseWorker
    from service.delivery.directory import Directory
    from service.store import open_store

    log.configure(chosen.log_level)
    directory = Directory.load(chosen.mappings)
    with closing(open_store(chosen.database)) as store:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker = ChaseWorker(chasing(store, directory), store)
        keep_what_is_loaded()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        _wait(stop)
        thread.join()


def _wait(stop: threading.Event) -> None:
    """Wait until told to stop, or until the parent is gone."""
    parent = parent_process()
    while not stop.wait(_LOOK):
        if parent is not None and os.getppid() != parent.pid:
            stop.set()


@click.command(short_help="Remind who does not answer, ask others, tell senders.")
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@database_option
@mappings_option
def chase(once: bool, **chosen: Any) -> None:
    """Remind teams that have not acknowledged, ask others in their place, tell the senders.

    serve does the same in a process beside its workers. Several may run at once: each step is
    taken once. Until SIGTERM or Ctrl-C; logs are JSON lines on stderr. See docs/closed-loop.md.
    """
    made = settings(**chosen)
    existing_store(made.database).close()
    if not once:
        chase_until_told(made)
        return
    taken = _take_what_is_due(made.database, made.mappings)
    click.echo(f"{taken} steps taken." if taken else "Nothing is due.")


def _take_what_is_due(database: str, mappings: Path) -> int:
    from service.app import chasing
    from service.delivery.directory import Directory

    log.configure("WARNING")
    with existing_store(database) as store:
        return chasing(store, Directory.load(mappings)).turn()
