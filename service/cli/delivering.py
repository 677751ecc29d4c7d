"""What sends feeds by their channels, and what polls MESH: their parts, and their process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from service.cli.companions import Companion
from service.cli.process import keep_what_is_loaded, leave_the_terminal, opened_relay
from service.cli.rules import rules
from service.cli.terminal import said_plainly

if TYPE_CHECKING:
    from service.app import Relay
    from service.delivery.channels import Means
    from service.delivery.contents import Contents
    from service.delivery.directory import Directory, DirectoryEntry
    from service.delivery.sending import Policy
    from service.delivery.subscribers import Subscribers
    from service.fhir.task import Acknowledgement
    from service.mesh.configuration import MeshConfiguration
    from service.model import OdsCode
    from service.settings import Settings

_LEASE: Final = 10.0  # seconds until another process may take over from one that died
_LOOK: Final = 0.5  # seconds between two looks whether the parent is there
Running = Callable[[threading.Event], None]  # until the event is set


def delivery_companion(settings: Settings) -> Companion | None:
    """Return the process that the settings and the directory ask for; None: nothing to do.

    Raises ClickException for what is wrong.
    """
    directory = rules(settings.mappings)[1].directory
    mesh = configured(settings, directory)
    for name, entry in unserved(directory, mesh):
        click.echo(f"{entry.ods} is to be reached by {name}, which is not set up: --mesh", err=True)
    if mesh is None and not served(directory, mesh):
        return None
    return Companion(name="delivery", run=deliver_beside, arguments=(settings,))


def configured(settings: Settings, directory: Directory) -> MeshConfiguration | None:
    """Return the mailbox of the settings, None if there is none. Raises MeshFaults."""
    if not settings.mesh:
        return None
    from service.mesh.configuration import MeshConfiguration

    return MeshConfiguration.load(Path(settings.mesh), os.environ, directory)


def served(
    directory: Directory, mesh: MeshConfiguration | None
) -> list[tuple[str, DirectoryEntry]]:
    """Return what can be sent: channel and organisation."""
    from service.delivery.channels import pushed_to

    return [(name, one) for name, one in pushed_to(directory) if mesh or not needs_mesh(name, one)]


def needs_mesh(name: str, entry: DirectoryEntry) -> bool:
    """Whether a channel of an organisation sends from our mailbox."""
    return name == "mesh" or (name == "digest" and bool(entry.digest and entry.digest.by == "mesh"))


def unserved(
    directory: Directory, mesh: MeshConfiguration | None
) -> list[tuple[str, DirectoryEntry]]:
    """Return what the directory asks for and nothing here can send."""
    from service.delivery.channels import pushed_to

    can = served(directory, mesh)
    return [one for one in pushed_to(directory) if one not in can]


def deliver_beside(settings: Settings) -> None:
    """Deliver until SIGTERM, or until the parent is gone; for a process of its own."""
    leave_the_terminal()
    try:
        with said_plainly():
            deliver_until_told(settings)
    except click.ClickException as fault:
        fault.show()
        raise SystemExit(fault.exit_code) from None


def deliver_until_told(settings: Settings) -> None:
    """Deliver until SIGTERM or Ctrl-C. What is being sent is finished first."""
    relay = opened_relay(settings)
    with closing(relay.store):
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        every = list(parts(relay))
        keep_what_is_loaded()
        _run(every, stop, relay.store.end_waits)


def _run(every: Sequence[Running], stop: threading.Event, end_waits: Callable[[], None]) -> None:
    threads = [threading.Thread(target=one, args=(stop,)) for one in every]
    for thread in threads:
        thread.start()
    parent = parent_process()
    while not stop.wait(_LOOK):
        if parent is not None and os.getppid() != parent.pid:
            stop.set()
    end_waits()
    for thread in threads:
        thread.join()


def parts(relay: Relay) -> Iterator[Running]:
    """Yield the worker, and the poller where there is a mailbox. Raises MeshFaults."""
    mesh = configured(relay.settings, relay.routing.directory)
    yield worker(relay, mesh)
    if mesh:
        yield poller(relay, mesh)


def worker(relay: Relay, mesh: MeshConfiguration | None) -> Running:
    """Return what sends the feeds."""
    from service.delivery.channels import open_channel
    from service.delivery.sending import Policy
    from service.delivery.worker import Line, Worker

    directory = relay.routing.directory
    means = _means(relay, mesh)
    lines = [
        Line(recipient=entry.ods, channel=name, open=partial(open_channel, name, entry, means))
        for name, entry in served(directory, mesh)
    ]
    received = partial(_received, relay)
    if not relay.settings.push:
        return Worker(relay.store, lines, received, policy=Policy()).run
    return Worker(
        relay.store,
        lines,
        received,
        policy=Policy(),
        found=subscribers(relay, means.contents).lines,
    ).run


def pusher(relay: Relay, policy: Policy | None = None, lease: float = _LEASE) -> Running:
    """Return what sends to subscriptions, and to nobody else."""
    from service.app import listed_organisations
    from service.delivery.contents import Contents
    from service.delivery.sending import Policy
    from service.delivery.worker import Worker

    contents = Contents(relay.store, listed_organisations(relay))
    found = subscribers(relay, contents, policy).lines
    received = partial(_received, relay)
    every = policy or Policy()
    return Worker(relay.store, (), received, policy=every, lease=lease, found=found).run


def subscribers(relay: Relay, contents: Contents, policy: Policy | None = None) -> Subscribers:
    """Return who says which subscriptions there are."""
    from service.app import endpoint, outbound
    from service.delivery.channels.rest_hook import HookMeans
    from service.delivery.notices import Notices
    from service.delivery.subscribers import POLICY, Subscribers
    from service.model import Instant

    means = HookMeans(
        store=relay.store,
        notices=Notices(relay.store, contents),
        outbound=outbound(relay.settings),
        base=endpoint(relay.settings),
        clock=lambda: Instant.of(relay.clock()),
    )
    return Subscribers(means, policy or POLICY)


def _means(relay: Relay, mesh: MeshConfiguration | None) -> Means:
    from service.app import endpoint, listed_organisations
    from service.delivery.channels import Means
    from service.delivery.channels.fhir_server import tokens
    from service.delivery.contents import Contents

    means = Means(
        contents=Contents(relay.store, listed_organisations(relay)),
        base=endpoint(relay.settings),
        fhir_server_tokens=tokens(os.environ),
    )
    return replace(means, mesh=mesh.access, follow_every=mesh.poll) if mesh else means


def poller(relay: Relay, mesh: MeshConfiguration) -> Running:
    """Return what polls the mailbox."""
    from service.app import take_in
    from service.mailbox import MeshMailbox
    from service.mesh.arrivals import Arrivals
    from service.mesh.poller import Poller
    from service.model import Instant

    arrivals = Arrivals(
        store=relay.store,
        configuration=mesh,
        take_in=partial(take_in, relay),
        acknowledge=partial(_answered, relay),
        now=lambda: Instant.of(relay.clock()),
        new_id=relay.new_id,
        max_body=relay.settings.max_body,
    )
    return Poller(partial(MeshMailbox, mesh.access), arrivals, relay.store, poll=mesh.poll).run


def _answered(relay: Relay, organisation: OdsCode, id_: str, said: Acknowledgement) -> None:
    from service.app import acknowledge

    acknowledge(relay, organisation, id_, said, "mesh")


def _received(relay: Relay, organisation: OdsCode, id_: str, channel: str) -> None:
    """Note a receipt; it is audited under what kind of channel brought it."""
    from service.app import acknowledge
    from service.fhir.task import Acknowledgement

    acknowledge(relay, organisation, id_, Acknowledgement(), channel.partition("/")[0])
