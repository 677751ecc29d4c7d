"""What each of granian's worker processes runs: the app, ready to be stopped without loss."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Final

import click
import structlog

from service.cli.counting import request_counter
from service.cli.process import keep_what_is_loaded, leave_the_terminal, opened_relay
from service.cli.telemetry import tracer_of
from service.cli.terminal import said_plainly
from service.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

    from service.app import Relay

_STOPPING: Final = {signal.SIGTERM, signal.SIGINT}
_AGAIN: Final = 0.5  # seconds
_LONGEST_PUSH: Final = 5.0  # seconds that the end waits for what is being pushed


class GranianLines(logging.Handler):
    """Writes what granian has to say as one of our own log lines."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "Python threads" not in text:  # it finds many; ours sleep in long polls and commits
            structlog.get_logger().log(record.levelno, text)


def app() -> Flask:
    """Return the app of this process. A fault in its settings ends the process in one sentence."""
    leave_the_terminal()
    try:
        with said_plainly():
            return _app()
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)


def _app() -> Flask:
    from service.api.observing import Watch
    from service.app import create_app

    relay = opened_relay(Settings.from_environment(os.environ))
    stop = threading.Event()
    on_stop(stop.set, relay.store.end_waits)
    Finalize(None, relay.store.close, exitpriority=1)  # after the last request
    if relay.settings.push:
        _push(relay, stop)
    chosen = relay.settings
    made = create_app(relay, Watch(count=request_counter(chosen), trace=tracer_of(chosen)))
    keep_what_is_loaded()
    return made


def _push(relay: Relay, stop: threading.Event) -> None:
    """Send to subscriptions in a thread of this process; of several, one sends to each."""
    from service.cli.delivering import pusher

    thread = threading.Thread(target=pusher(relay), args=(stop,), name="push", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(_LONGEST_PUSH)

    Finalize(None, end, exitpriority=2)  # before the store is closed


def on_stop(*tell: Callable[[], object]) -> None:
    """Call these, in a thread, when this process must end: told by a signal, or left alone.

    Whatever handlers are set later: the interpreter writes each signal's number to a socket. The
    signal is repeated until the process ends, since granian does not heed one that comes in the
    first milliseconds of a worker.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    reader.settimeout(_AGAIN)
    parent = parent_process()

    def listen(*_: socket.socket) -> None:
        while not _must_end(reader, parent.pid if parent else os.getppid()):
            continue
        for one in tell:
            one()
        while True:
            time.sleep(_AGAIN)
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, args=(writer,), name="on-stop", daemon=True).start()


def _must_end(reader: socket.socket, parent: int | None) -> bool:
    """Whether a signal to stop has come or the parent was killed; waits a moment for either."""
    try:
        return reader.recv(1)[0] in _STOPPING
    except TimeoutError:
        return os.getppid() != parent
