"""Ports of this machine: which are free, and a plain word where one is not."""

from __future__ import annotations

import errno
import socket

import click


def accepts(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port(host: str) -> int:
    """Return a port that nothing uses."""
    with bound(host, 0) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether a port can be listened on. Raises OSError if the address is not this machine's."""
    try:
        bound(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


def require_free(host: str, port: int, option: str) -> None:
    """Raise ClickException unless a port can be listened on; `option` is what chooses another.

    Two servers would share a port without a word, each with its own database.
    """
    try:
        free = is_free(host, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error
    if not free:
        raise click.ClickException(f"port {port} of {host} is in use; choose another with {option}")


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound there. Raises OSError."""
    [(family, *_), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    probe = socket.socket(family)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
    except OSError:
        probe.close()
        raise
    return probe
