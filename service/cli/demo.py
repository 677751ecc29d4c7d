"""`demo`: the main job, shown from a trust's message to a hospice's acknowledgement."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.demo_screen import communication_rows, is_for_action, request_rows, sender_row
from service.cli.demo_server import DemoServer
from service.cli.options import mappings_option
from service.cli.ports import free_port, is_free

if TYPE_CHECKING:
    from joserfc.jwk import ECKey
    from rich.console import Console

    from service.demo import Caller, Resource

HOST = "127.0.0.1"
# what is addressed to the hospice, by its ODS code
FEED = "/fhir/Communication?recipient:identifier=https://fhir.nhs.uk/Id/ods-organization-code|8HX03"


@click.command(short_help="Show the main job, on a database of its own.")
@click.option(
    "--serve", "keep_serving", is_flag=True, help="Go on serving afterwards, until Ctrl-C."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Another free one is taken if this is in use.",
)
@mappings_option
def demo(*, keep_serving: bool, port: int, mappings: Path) -> None:
    """Show the main job: three trusts send, a hospice polls, reads and acknowledges.

    Everything goes over HTTP on the loopback to a relay with a fresh SQLite database in a
    temporary folder; the clients, their keys and the patients are made up. With --serve the
    relay stays, and curl lines to try are printed.
    """
    from service.demo import DemoFailed

    console = _console()
    with _stoppable(), tempfile.TemporaryDirectory(prefix="discharge-relay-demo-") as folder:
        try:
            with _started(console, Path(folder), port, mappings) as server:
                keys = _registered(server)
                _story(console, server, keys, mappings)
                if keep_serving:
                    _go_on(console, server, mappings)
        except DemoFailed as failure:
            raise click.ClickException(str(failure)) from failure


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100, highlight=False)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, its server and folder with it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _started(console: Console, folder: Path, port: int, mappings: Path) -> Iterator[DemoServer]:
    from service.store import migrate

    chosen = port if is_free(HOST, port) else free_port(HOST)
    if chosen != port:
        console.print(f"Port {port} is in use, so the relay takes {chosen}.")
    database = f"sqlite:///{folder / 'demo.db'}"
    migrate(database)
    with DemoServer(
        database=database, port=chosen, mappings=mappings, log=folder / "log"
    ) as server:
        yield server


def _registered(server: DemoServer) -> dict[str, ECKey]:
    from service.demo import register

    return register(server.database)


def _story(console: Console, server: DemoServer, keys: dict[str, ECKey], mappings: Path) -> None:
    from service.demo import HOSPICE, PARTIES, SENDINGS, Caller

    console.print(f"A relay listens on {server.base}; everything below goes through it.\n")
    callers = {party.id: Caller(party, keys[party.id], server.base) for party in PARTIES}
    for sending in SENDINGS:
        answer = callers[sending.by.id].post_example(sending, mappings)
        console.print(f"{sending.by.name} ({sending.by.organisation}) posts {sending.what}")
        console.print(f"  POST {sending.path} answers {answer}", style="dim")
    hospice = callers[HOSPICE.id]
    received = _poll(console, hospice)
    _show(console, hospice, received)
    _acknowledge(console, hospice, received)
    for party in dict.fromkeys(sending.by for sending in SENDINGS):
        _senders_view(console, callers[party.id])


def _poll(console: Console, hospice: Caller) -> list[Resource]:
    """Read the hospice's feed page by page, to its end."""
    from service.demo import SENDINGS, DemoFailed

    console.print(f"\n{hospice.party.name} ({hospice.party.organisation}) polls its feed:")
    received: list[Resource] = []
    for address, page in hospice.poll(FEED + "&_count=2"):
        shown = address.removeprefix(hospice.base)
        console.print(f"  GET {_shortened(shown)} gives {len(page)}", style="dim")
        received += page
    if len(received) < len(SENDINGS):
        raise DemoFailed(f"{len(received)} of {len(SENDINGS)} messages came")
    return received


def _shortened(address: str) -> str:
    return address if len(address) <= 70 else address[:67] + "…"  # noqa: PLR2004 - of 100 columns


def _show(console: Console, hospice: Caller, received: Sequence[Resource]) -> None:
    for number, communication in enumerate(received, 1):
        _table(
            console,
            f"Communication {number} of {len(received)}",
            communication_rows(communication),
        )
        for request in hospice.requests_of(communication):
            _table(console, "with its ServiceRequest", request_rows(request))


def _table(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column(width=10, style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print()
    console.print(table)


def _acknowledge(console: Console, hospice: Caller, received: Sequence[Resource]) -> None:
    """Confirm the receipt of each, then accept what is to be done, as a named professional."""
    console.print(f"\n{hospice.party.name} confirms that it has each:")
    for communication in received:
        console.print(f"  POST {hospice.acknowledge(communication)}", style="dim")
    console.print("A nurse accepts what is for action:")
    nurse = {"status": "accepted", "practitioner": "Nurse D Example", "role": "Palliative nurse"}
    for communication in filter(is_for_action, received):
        path = hospice.acknowledge(communication, **nurse)
        console.print(f"  POST {path} status=accepted", style="dim")


def _senders_view(console: Console, sender: Caller) -> None:
    from service.cli.terminal import drawn_table

    sent = [one for _, page in sender.poll("/fhir/Communication?_count=50") for one in page]
    tasks = [one for _, page in sender.poll("/fhir/Task?_count=50") for one in page]
    rows = [sender_row(communication, tasks) for communication in sent]
    console.print()
    console.print(
        drawn_table(
            ("sent", "to", "status", "received", "Task"),
            rows,
            title=f"{sender.party.name} ({sender.party.organisation}) sees what became of it",
        )
    )


def _go_on(console: Console, server: DemoServer, mappings: Path) -> None:
    """Say what to try, and serve until Ctrl-C."""
    try:
        console.print("\nThe relay goes on serving. To try next, in another shell:\n")
        for line in _to_try(server, mappings):
            click.echo(line)
        click.echo("\nCtrl-C ends it; its database goes with it.")
        server.wait()
    except KeyboardInterrupt:
        click.echo("\nStopped.")


def _to_try(server: DemoServer, mappings: Path) -> Iterator[str]:
    """Yield lines for a shell; each works as often as it is run, with a fresh token."""
    relay, base = own_command(), server.base
    example = shlex.quote(_relative(mappings / "examples" / "rjz-i12-hospice.hl7"))
    yield f"export DISCHARGE_RELAY_DATABASE={server.database}"
    yield "# the hospice's feed; every page has a next link, to poll again from"
    yield _curl(relay, "hospice", f"'{base}{FEED.replace('|', '%7C')}&_count=1'")
    yield "# the referrals that it may see"
    yield _curl(relay, "hospice", f"{base}/fhir/ServiceRequest")
    yield "# King's refers another patient: the answer is an HL7 v2 acknowledgement"
    yield _curl(
        relay,
        "kings",
        f"-H 'Content-Type: application/hl7-v2' --data-binary @{example} {base}/hl7v2",
    )
    yield "# what this server can do; no token is needed"
    yield f"curl -s {base}/fhir/metadata"


def _curl(relay: str, client: str, rest: str) -> str:
    return f'curl -s -H "Authorization: Bearer $({relay} client token {client})" {rest}'


def own_command() -> str:
    """Return how this program is called from a shell in this folder."""
    started = Path(sys.argv[0])
    found = shutil.which("discharge-relay")
    if found and started.exists() and Path(found).samefile(started):
        return "discharge-relay"
    if started.name == "discharge-relay":
        return shlex.quote(_relative(started))
    return f"{shlex.quote(sys.executable)} -m service"


def _relative(path: Path) -> str:
    """Return a path from this folder on if it lies below it, else the whole path."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
