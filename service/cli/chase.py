"""`chase`: the worker that sees to it that somebody answers, alone or beside `serve`.

Retention, where it is configured, has a thread of the same process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, Final

import click

from service import log
from service.cli.companions import Companion
from service.cli.options import database_option, mappings_option, settings
from service.cli.process import keep_what_is_loaded, leave_the_terminal
from service.cli.retain import keep_of
from service.cli.schema import existing_store
from service.cli.terminal import said_plainly

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings
    from service.store import Store

Running = Callable[[threading.Event], None]  # until the event is set
_LOOK: Final = 0.5  # seconds between two looks whether the parent is there


def chase_companion(chosen: Settings) -> Companion:
    """Return the process that runs beside the workers of `serve`."""
    return Companion(name="chase", run=chase_beside, arguments=(chosen,))


def chase_beside(chosen: Settings) -> None:
    """Chase until SIGTERM, or until the parent is gone; for a process of its own."""
    leave_the_terminal()
    try:
        with said_plainly():
            chase_until_told(chosen, chases=chosen.chases)
    except click.ClickException as fault:
        fault.show()
        raise SystemExit(fault.exit_code) from None


def chase_until_told(chosen: Settings, *, chases: bool = True) -> None:
    """Chase until SIGTERM or Ctrl-C, and remove what is old, where that is configured.

    A step that is being taken is finished first.
    """
    from service.store import open_store

    log.configure(chosen.log_level)
    with closing(open_store(chosen.database)) as store:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        every = list(_parts(chosen, store, chases=chases))
        keep_what_is_loaded()
        threads = [threading.Thread(target=one, args=(stop,)) for one in every]
        for thread in threads:
            thread.start()
        _wait(stop)
        for thread in threads:
            thread.join()


def _parts(chosen: Settings, store: Store, *, chases: bool) -> Iterator[Running]:
    if chases:
        from service.app import chasing
        from service.delivery.chase import ChaseWorker
        from service.delivery.directory import Directory

        yield ChaseWorker(chasing(store, Directory.load(chosen.mappings)), store).run
    keep = keep_of(chosen)
    if not keep.everything:
        from service.retaining import Retaining
        from service.store.opening import now

        yield Retaining(store, keep, now).run


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
