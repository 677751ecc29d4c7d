"""The watched folder as a process of `serve`."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.companions import Companion
from service.cli.process import keep_what_is_loaded, leave_the_terminal, opened_relay
from service.cli.terminal import said_plainly
from service.cli.worker import on_stop

if TYPE_CHECKING:
    from service.settings import Settings


def inbox_companion(settings: Settings) -> Companion:
    """Return what watches the folder. Raises ClickException where it cannot be used."""
    root = Path(settings.inbox)
    if not root.is_dir():
        raise click.ClickException(f"--inbox {root} is no folder")
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise click.ClickException(f"--inbox {root} may not be written to by this user")
    return Companion(name="inbox", run=watch, arguments=(settings,))


def watch(settings: Settings) -> None:
    """Watch the folder until SIGTERM, or until the parent is gone; for a process of its own."""
    from service.app import now, take_in
    from service.inbox import Inbox

    leave_the_terminal()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _finish_first)
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # somebody opens a file while we look at it
    on_stop(stop.set)
    try:
        with said_plainly():
            relay = opened_relay(settings)
            with closing(relay.store):
                keep_what_is_loaded()
                click.echo(f"Watching {settings.inbox}")
                Inbox(
                    Path(settings.inbox),
                    partial(take_in, relay),
                    limit=settings.max_body,
                    settle=settings.inbox_settle,
                    now=now,
                ).run(stop)
    except click.ClickException as fault:
        fault.show()
        raise SystemExit(fault.exit_code) from None


def _finish_first(*_: object) -> None:
    """The signal is told by `on_stop`; the file in hand is finished."""
