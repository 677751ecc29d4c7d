"""What each of granian's worker processes runs: the app, ready to be stopped without loss."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Final

import click
import structlog

from service import log
from service.cli.rules import rules
from service.cli.terminal import said_plainly
from service.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

_STOPPING: Final = {signal.SIGTERM, signal.SIGINT}


class GranianLines(logging.Handler):
    """Writes what granian has to say as one of our own log lines."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "Python threads" not in text:  # it finds many; ours sleep in long polls and commits
            structlog.get_logger().log(record.levelno, text)


def app() -> Flask:
    """Return the app of this process. A fault in its settings ends the process in one sentence."""
    _leave_the_terminal()
    try:
        with said_plainly():
            return _app()
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)


def _app() -> Flask:
    from service.app import assemble, create_app
    from service.store import open_store

    settings = Settings.from_environment(os.environ)
    log.configure(settings.log_level)
    relay = assemble(settings, open_store(settings.database), *rules(settings.mappings))
    on_stop(relay.store.end_waits)
    Finalize(None, relay.store.close, exitpriority=1)  # after the last request
    return create_app(relay)


def _leave_the_terminal() -> None:
    """Let Ctrl-C reach the parent alone, which tells each worker once.

    granian's way to stop sets a threading.Event in a signal handler: a second signal while the
    first is being handled would wait for itself for ever.
    """
    os.setpgid(0, 0)


def on_stop(tell: Callable[[], object]) -> None:
    """Call `tell`, in a thread, when this process is told to stop.

    Whatever handlers are set later: the interpreter writes each signal's number to a socket.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def listen(*_: socket.socket) -> None:
        while reader.recv(1)[0] not in _STOPPING:
            continue
        tell()

    threading.Thread(target=listen, args=(writer,), name="on-stop", daemon=True).start()
