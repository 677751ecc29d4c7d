"""`serve` and `migrate`: the service itself, under granian, and its database."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from service import log
from service.cli.companions import Companion, accompanied
from service.cli.counting import counted
from service.cli.options import database_option, mappings_option, settings
from service.cli.ports import accepts, free_port, require_free
from service.cli.process import load_for_forks
from service.cli.schema import existing_store, make_if_fresh, shown
from service.cli.wires import as_settings, companions, wire_options
from service.settings import PREFIX, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from granian.server.common import AbstractServer

# granian counts connections here, idle ones too: a small number would lock out a newcomer
# behind other clients' pools. Idle ones are closed after 30 s (http1_header_read_timeout).
_CONNECTIONS: Final = 1024  # a worker
_LONGEST_STOP: Final = 30  # seconds that a worker may take for the requests in flight
_STARTED_WITHIN: Final = 60  # seconds
_DEFAULTS: Final = Settings()


@click.command(short_help="Serve the relay over HTTP.")
@click.option(
    "--host",
    default=_DEFAULTS.host,
    envvar=PREFIX + "HOST",
    show_default=True,
    show_envvar=True,
    help="The address to listen on; 0.0.0.0 is every one this machine has.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULTS.port,
    envvar=PREFIX + "PORT",
    show_default=True,
    show_envvar=True,
    help="0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=_DEFAULTS.workers,
    envvar=PREFIX + "WORKERS",
    show_default=True,
    show_envvar=True,
    help="Processes; one a core. They share the port and the database.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=_DEFAULTS.threads,
    envvar=PREFIX + "THREADS",
    show_default=True,
    show_envvar=True,
    help="Threads of each; a poll that waits takes one while it waits.",
)
@wire_options
@database_option
@mappings_option
def serve(
    *,
    host: str,
    port: int,
    workers: int,
    threads: int,
    database: str,
    mappings: Path,
    **wires: Any,
) -> None:
    """Serve the relay over HTTP until SIGTERM or Ctrl-C.

    Requests in flight are finished first, polls that wait are answered. A SQLite database that
    is not there yet is made; any other is brought up to date by discharge-relay migrate. Logs
    are JSON lines on stderr.
    """
    chosen = settings(
        host=host,
        port=port or free_port(host),
        workers=workers,
        threads=threads,
        database=database,
        mappings=mappings,
        **as_settings(**wires),
    )
    require_free(chosen.host, chosen.port, "--port")
    beside = list(companions(chosen))
    made = make_if_fresh(database)
    existing_store(database).close()
    if made:
        click.echo(f"Made a new database: {shown(database)}")
    run(chosen, beside)


@click.command(short_help="Make or update the database's tables.")
@database_option
def migrate(database: str) -> None:
    """Make the database's tables, or bring them up to this version.

    Safe to run again; nothing happens then. Stop every `serve` of an older version first.
    """
    from service.store import migrate as bring_up

    bring_up(database)
    click.echo(f"{shown(database)} is up to date.")


def run(chosen: Settings, beside: Sequence[Companion] = ()) -> None:
    """Serve until a signal ends it. Raises ClickException if a worker ends by itself."""
    from granian import Granian
    from granian.constants import Interfaces, Loops, RuntimeModes
    from granian.log import LogLevels

    load_for_forks(chosen.mappings)
    log.configure(chosen.log_level)
    os.register_at_fork(after_in_child=_die_when_told)
    os.environ.update(_environment(chosen))
    server = Granian(
        "service.cli.worker:app",
        factory=True,
        interface=Interfaces.WSGI,
        address=chosen.host,
        port=chosen.port,
        workers=chosen.workers,
        blocking_threads=chosen.threads,
        blocking_threads_idle_timeout=600,  # seconds; each keeps its database connection
        backpressure=_CONNECTIONS,
        runtime_mode=RuntimeModes.st,
        loop=Loops.asyncio,
        websockets=False,
        workers_kill_timeout=_LONGEST_STOP,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    )
    with counted(chosen), accompanied(beside, lambda: bool(server.interrupt_signal)):
        _when_listening(chosen, lambda: click.echo(_welcome(chosen)))
        _serve_until_told(server)


def _die_when_told() -> None:
    """Let a worker that is still starting end at once.

    It inherits the parent's way to stop, which would do nothing, until it sets its own.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _serve_until_told(server: AbstractServer[Any]) -> None:
    """granian exits with 1 if a worker died; after a signal that is no failure."""
    try:
        server.serve()
    except SystemExit as ended:
        if not server.interrupt_signal:
            raise click.ClickException("a worker ended by itself; see above") from ended


def _environment(chosen: Settings) -> dict[str, str]:
    """Return the settings as the workers read them."""
    return {
        PREFIX + name.upper(): str(getattr(chosen, name)) for name in Settings.__dataclass_fields__
    }


# granian's own lines, such as a worker that died, in the same form as all others
_LOGGING: Final[dict[str, Any]] = {
    "handlers": {"lines": {"class": "service.cli.worker.GranianLines"}},
    "loggers": {"_granian": {"handlers": ["lines"], "propagate": False}},
}


def _welcome(chosen: Settings) -> str:
    host = "127.0.0.1" if chosen.host == "0.0.0.0" else chosen.host  # noqa: S104 - a comparison
    address = f"[{host}]" if ":" in host else host
    each = f"{chosen.workers} workers of {chosen.threads} threads"
    return f"Listening on http://{address}:{chosen.port}, {each}, {shown(chosen.database)}"


def _when_listening(chosen: Settings, tell: Callable[[], object]) -> None:
    """Call `tell` as soon as a worker accepts connections."""

    def watch() -> None:
        until = time.monotonic() + _STARTED_WITHIN
        while time.monotonic() < until:
            if accepts(chosen.host, chosen.port):
                tell()
                return
            time.sleep(0.02)

    threading.Thread(target=watch, daemon=True).start()
