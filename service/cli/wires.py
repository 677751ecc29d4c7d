"""The options of `serve` for wires beside HTTP, and the processes that serve them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.cli.retain import keep_of, keep_options
from service.settings import PREFIX, Settings

if TYPE_CHECKING:
    from service.cli.companions import Companion

F = TypeVar("F", bound=Callable[..., Any])
_DEFAULTS = Settings()
_file = click.Path(exists=True, dir_okay=False, path_type=Path)

mesh_option = click.option(
    "--mesh",
    type=_file,
    envvar=PREFIX + "MESH",
    show_envvar=True,
    metavar="FILE",
    help="Take in what comes to a MESH mailbox, and send teams theirs; the file describes it "
    "(docs/mesh.md). Its secrets: DISCHARGE_RELAY_MESH_PASSWORD, DISCHARGE_RELAY_MESH_SHARED_KEY.",
)
_OPTIONS = (
    click.option(
        "--mllp",
        multiple=True,
        envvar=PREFIX + "MLLP",
        show_envvar=True,
        metavar="[HOST:]PORT=ODS",
        help="Listen for HL7 v2 by MLLP; what comes to this port is sent by this organisation. "
        "Again for each sender. With --mllp-client-ca =ODS may be left out.",
    ),
    click.option(
        "--mllp-cert",
        type=_file,
        envvar=PREFIX + "MLLP_CERT",
        show_envvar=True,
        metavar="FILE",
        help="MLLP over TLS (1.2 or newer): the certificate and its chain, PEM.",
    ),
    click.option(
        "--mllp-key",
        type=_file,
        envvar=PREFIX + "MLLP_KEY",
        show_envvar=True,
        metavar="FILE",
        help="Its private key, PEM.",
    ),
    click.option(
        "--mllp-client-ca",
        type=_file,
        envvar=PREFIX + "MLLP_CLIENT_CA",
        show_envvar=True,
        metavar="FILE",
        help="Demand a client certificate signed by one of these (PEM). Its name says who sends: "
        "discharge-relay client add --certificate-name.",
    ),
    click.option(
        "--mllp-connections",
        type=click.IntRange(1),
        default=_DEFAULTS.mllp_connections,
        envvar=PREFIX + "MLLP_CONNECTIONS",
        show_default=True,
        show_envvar=True,
        help="At once on each port; a silent one makes place for a new one.",
    ),
    click.option(
        "--mllp-idle",
        type=click.IntRange(1),
        default=_DEFAULTS.mllp_idle,
        envvar=PREFIX + "MLLP_IDLE",
        show_default=True,
        show_envvar=True,
        metavar="SECONDS",
        help="Close a connection without a message for so long. One whose sender is gone is "
        "noticed in two minutes anyway.",
    ),
    click.option(
        "--inbox",
        type=click.Path(path_type=Path),
        envvar=PREFIX + "INBOX",
        show_envvar=True,
        metavar="FOLDER",
        help="Take in the files that appear in FOLDER/ODS/incoming, one folder for each sender; "
        "they go to done or failed beside it, with their answers.",
    ),
    click.option(
        "--inbox-settle",
        type=click.IntRange(1),
        default=_DEFAULTS.inbox_settle,
        envvar=PREFIX + "INBOX_SETTLE",
        show_default=True,
        show_envvar=True,
        metavar="SECONDS",
        help="A file is complete when it has not changed for so long.",
    ),
    click.option(
        "--metrics",
        envvar=PREFIX + "METRICS",
        show_envvar=True,
        metavar="[HOST:]PORT",
        help="Prometheus metrics at /metrics on a port of their own, of this machine alone unless "
        "HOST says otherwise: nobody is asked who they are there.",
    ),
    mesh_option,
)


def wire_options(command: F) -> F:
    """Add the options; the command gets their values by name."""
    command = keep_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def as_settings(**wires: Any) -> dict[str, Any]:
    """Return what the options chose as the settings have it; what was not given is left out."""
    chosen = {name: value for name, value in wires.items() if value is not None}
    return {**chosen, "mllp": " ".join(chosen.get("mllp", ()))}


def companions(chosen: Settings) -> Iterator[Companion]:
    """Yield the processes that the settings ask for. Raises ClickException for what is wrong."""
    if chosen.mllp:
        from service.cli.mllp import mllp_companion

        yield mllp_companion(chosen)
    if chosen.inbox:
        from service.cli.inbox import inbox_companion

        yield inbox_companion(chosen)
    from service.cli.delivering import delivery_companion

    delivery = delivery_companion(chosen)
    if delivery:
        yield delivery
    if chosen.chases or not keep_of(chosen).everything:
        from service.cli.chase import chase_companion

        yield chase_companion(chosen)
    if chosen.metrics:
        from service.cli.metrics import metrics_companion

        yield metrics_companion(chosen)
