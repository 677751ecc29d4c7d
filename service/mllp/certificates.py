"""Whose a client certificate is: its names, and the clients that are registered under one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from service.errors import Unauthenticated
from service.model import OdsCode
from service.security import Scopes, certificate_name
from service.store import RegisteredClient

_FRESH: Final = 15.0  # seconds that a registration is believed: so long may a disabled one go on
PeerCertificate = Mapping[str, Any]  # as ssl.SSLSocket.getpeercert() returns it


def names_of(certificate: PeerCertificate) -> frozenset[str]:
    """Return the DNS names and URIs of a certificate; where it has none, its common name."""
    names = [
        value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI")
    ]
    common = [
        value
        for part in certificate.get("subject", ())
        for kind, value in part
        if kind == "commonName"
    ]
    return frozenset(name.lower() for name in names or common)


class Certificates:
    """The register, as far as a listener needs it; threads may share it."""

    def __init__(
        self,
        registered: Callable[[], Iterable[RegisteredClient]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registered, self._clock = registered, clock
        self._known: dict[str, OdsCode] = {}
        self._until = float("-inf")

    def sender(self, names: frozenset[str], expected: OdsCode | None) -> OdsCode:
        """Return whose a certificate with these names is. Raises Unauthenticated.

        expected: the only organisation that the port is for, if it is for one.
        """
        known = self._current()
        senders = {known[name] for name in names if name in known}
        if not senders:
            raise Unauthenticated("no client is registered with a name of this certificate")
        if len(senders) > 1:
            raise Unauthenticated("the names of this certificate are several organisations'")
        (sender,) = senders
        if expected not in (None, sender):
            raise Unauthenticated("the certificate is another organisation's than the port")
        return sender

    def _current(self) -> dict[str, OdsCode]:
        now = self._clock()
        if now >= self._until:
            self._known = {
                name: OdsCode(one.organisation)
                for one in self._registered()
                if (name := certificate_name(one.jwks)) and _may_send(one)
            }
            self._until = now + _FRESH
        return self._known


def _may_send(client: RegisteredClient) -> bool:
    return not client.disabled and Scopes.parse(client.scopes).may("Communication", "c")
