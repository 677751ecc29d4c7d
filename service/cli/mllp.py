"""The MLLP listener as a process of `serve`: its ports, its TLS, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Final

import click

from service.cli.companions import Companion
from service.cli.ports import bound, free_port, require_free
from service.cli.process import keep_what_is_loaded, leave_the_terminal, opened_relay
from service.cli.terminal import said_plainly
from service.cli.worker import GranianLines

if TYPE_CHECKING:
    from service.app import Relay
    from service.mllp import Address, Listener
    from service.settings import Settings

_THREADS: Final = 8  # messages that are taken in at once; commits that wait share one fsync
_BACKLOG: Final = 128  # connections that wait to be accepted
_LOOK: Final = 0.5  # seconds between two looks whether the parent is there


def mllp_companion(settings: Settings) -> Companion:
    """Return the listener that the settings ask for. Raises ClickException for what is wrong."""
    from service.mllp import parse_addresses

    try:
        asked = parse_addresses(settings.mllp, settings.host)
    except ValueError as fault:
        raise click.ClickException(f"--mllp {fault}") from None
    _check(settings, asked)
    addresses = tuple(replace(a, port=a.port or free_port(a.host)) for a in asked)
    for address in addresses:
        require_free(address.host, address.port, "--mllp")
    return Companion(name="mllp listener", run=listen, arguments=(settings, addresses))


def _check(settings: Settings, addresses: Sequence[Address]) -> None:
    if bool(settings.mllp_cert) != bool(settings.mllp_key):
        raise click.ClickException("--mllp-cert and --mllp-key go together")
    if settings.mllp_client_ca and not settings.mllp_cert:
        raise click.ClickException("--mllp-client-ca needs --mllp-cert and --mllp-key")
    unknown = [address for address in addresses if not address.sender]
    if unknown and not settings.mllp_client_ca:
        raise click.ClickException(
            f"--mllp {unknown[0].port}: say who sends there, {unknown[0].port}=ODS; only client "
            "certificates (--mllp-client-ca) tell it otherwise"
        )
    tls_context(settings)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return how the listener encrypts; None where it does not. Raises ClickException."""
    if not settings.mllp_cert:
        return None
    try:
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=settings.mllp_client_ca or None
        )
        context.load_cert_chain(settings.mllp_cert, settings.mllp_key)
    except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
        raise click.ClickException(f"the certificate files of --mllp: {fault}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.mllp_client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def listen(settings: Settings, addresses: Sequence[Address]) -> None:
    """Serve MLLP until SIGTERM, or until the parent is gone; for a process of its own."""
    leave_the_terminal()
    logging.getLogger("asyncio").addHandler(GranianLines())
    try:
        with said_plainly():
            relay = opened_relay(settings)
            with closing(relay.store):
                keep_what_is_loaded()
                asyncio.run(_serve(relay, addresses))
    except click.ClickException as fault:
        fault.show()
        raise SystemExit(fault.exit_code) from None


async def _serve(relay: Relay, addresses: Sequence[Address]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    orphaned = loop.create_task(_when_orphaned(told))
    ports = [(_listening(address), address) for address in addresses]
    for address in addresses:
        click.echo(f"Listening for MLLP on {address}")
    await _listener(relay, ports).serve(told)
    orphaned.cancel()


def _listener(relay: Relay, ports: Sequence[tuple[socket.socket, Address]]) -> Listener:
    from service.app import take_in
    from service.mllp import Certificates, Intake, Listener, Patience

    settings = relay.settings
    certificates = Certificates(relay.store.clients.list)
    return Listener(
        ports,
        Intake(take_in=partial(take_in, relay), keep_part=relay.pipeline.keep_part),
        limit=settings.max_body,
        connections=settings.mllp_connections,
        threads=_THREADS,
        patience=Patience(idle=settings.mllp_idle),
        tls=tls_context(settings),
        identify=certificates.sender if settings.mllp_client_ca else None,
    )


def _listening(address: Address) -> socket.socket:
    try:
        opened = bound(address.host, address.port)
    except OSError as fault:
        raise click.ClickException(f"cannot listen on {address}: {fault.strerror}") from None
    opened.listen(_BACKLOG)
    opened.setblocking(False)
    return opened


async def _when_orphaned(told: asyncio.Event) -> None:
    """Stop when the parent was killed: nobody else would."""
    parent = parent_process()
    while parent is None or os.getppid() == parent.pid:
        await asyncio.sleep(_LOOK)
    told.set()
