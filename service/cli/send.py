"""`send`: messages by MLLP, as a trust's integration engine would, and what is answered."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import IO, Final

import click

from service.cli.terminal import printable

_EXIT: Final = {"AA": 0, "CA": 0, "AE": 3, "CE": 3, "AR": 4, "CR": 4}  # by MSA-1
_MSA: Final = re.compile(rb"[\r\n]MSA(.)(\w\w)")
_ADDRESS: Final = re.compile(r"(?:(?P<host>.+):)?(?P<port>\d{1,5})")
_file = click.Path(exists=True, dir_okay=False)


@click.command(short_help="Send HL7 v2 by MLLP, and show the answer.")
@click.argument("files", type=click.File("rb"), nargs=-1, required=True, metavar="FILE...")
@click.option("--mllp", required=True, metavar="[HOST:]PORT", help="Where a listener is.")
@click.option("--tls-ca", type=_file, metavar="FILE", help="Use TLS; who signs its certificate.")
@click.option(
    "--cert", type=_file, metavar="FILE", help="With --tls-ca: a client certificate, PEM."
)
@click.option("--key", type=_file, metavar="FILE", help="With --cert: its private key, PEM.")
@click.option("--timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="s.")
def send(
    *,
    files: tuple[IO[bytes], ...],
    mllp: str,
    tls_ca: str | None,
    cert: str | None,
    key: str | None,
    timeout: float,
) -> None:
    """Send the messages of each FILE (- is stdin) by MLLP, on one connection, and show the ACKs.

    The exit code tells the worst MSA-1: 0 for AA or CA, 3 for AE or CE, 4 for AR or CR, and 1 when
    there was no answer.
    """
    from service.mllp.sender import NoAnswer, connected

    match = _ADDRESS.fullmatch(mllp)
    if not match:
        raise click.BadParameter("such as 2575 or relay.example:2575", param_hint="'--mllp'")
    host = (match["host"] or "127.0.0.1").strip("[]")
    worst = 0
    try:
        tls = _tls(tls_ca, cert, key)
        with connected(host, int(match["port"]), timeout=timeout, tls=tls) as sender:
            for message in _messages(files):
                worst = max(worst, _shown(sender.send(message)))
    except (OSError, NoAnswer) as fault:
        raise click.ClickException(f"{mllp}: {fault}") from None
    raise SystemExit(worst)


def _messages(files: tuple[IO[bytes], ...]) -> Iterator[bytes]:
    """Yield each message; a file that cannot be read as messages goes out as it is."""
    from service.errors import UnreadableMessage
    from service.formats import hl7v2

    for file in files:
        body = file.read()
        try:
            yield from [message.raw for message in hl7v2.FORMAT.read(body)]
        except UnreadableMessage:
            yield body


def _shown(answer: bytes) -> int:
    """Print an acknowledgement, a line a segment; return the exit code that it means."""
    for segment in answer.decode(errors="replace").split("\r"):
        if segment:
            click.echo(printable(segment))
    found = _MSA.search(answer)
    return _EXIT.get(found[2].decode(), 1) if found else 1


def _tls(ca: str | None, cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if not ca:
        if cert or key:
            raise click.UsageError("--cert and --key need --tls-ca")
        return None
    context = ssl.create_default_context(cafile=ca)
    if cert:
        context.load_cert_chain(cert, key)
    return context
