"""A request to an address that a client named: to public hosts alone, and exactly where checked.

A name is resolved once, every address it has is looked at, and the connection goes to one of
those: a name that means another machine a moment later gains nothing. Redirects are answers like
any other and are never followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

from service.errors import BadRequest

_CONNECT: Final = 5.0  # seconds
_LONGEST_WAIT: Final = 86_400.0  # seconds of a Retry-After that are honoured
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,2048}")
# Public by their numbers, and yet the machine's own surroundings.
_CLOUD: Final = frozenset(map(ipaddress.ip_address, ("168.63.129.16",)))
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """No answer: it was refused, reset, or took too long. Tells nothing of what was sent."""


class NotAllowed(Exception):
    """The address is none that may be reached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back; a body is not read."""

    status: int
    wait: float = 0  # seconds that Retry-After asks for


@dataclass(frozen=True, kw_only=True, slots=True)
class Outbound:
    """Where pushes may go."""

    inside: frozenset[str] = frozenset()  # hosts that may be private; http on loopback ones
    hosts: frozenset[str] = frozenset()  # if any are named, no others
    ca: str = ""  # PEM file with authorities beside the system's

    @classmethod
    def of(cls, inside: str, hosts: str, ca: str) -> Outbound:
        """Read settings: hosts separated by blanks."""
        return cls(
            inside=frozenset(inside.lower().split()),
            hosts=frozenset(hosts.lower().split()),
            ca=ca,
        )

    def check(self, url: str) -> None:
        """Raise BadRequest unless an address may be named. Nothing is resolved."""
        try:
            self._parts(url)
        except NotAllowed as fault:
            raise BadRequest(str(fault)) from None

    def _parts(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise NotAllowed("The endpoint is no URL.") from None
        if not _PRINTABLE.fullmatch(url) or not host or port == 0 or parts.fragment:
            raise NotAllowed("The endpoint is no URL.")
        if parts.username is not None or parts.password is not None:
            raise NotAllowed("The endpoint must not hold a name or password: use a header.")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in self.inside):
            raise NotAllowed("The endpoint must be https.")
        if self.hosts and host not in self.hosts | self.inside:
            raise NotAllowed("The endpoint's host is not on this relay's list.")
        literal = _literal(host)
        if literal and host not in self.inside and not is_public(literal):
            raise NotAllowed("The endpoint's address is not a public one.")
        return parts

    def post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> Reply:
        """Send, and wait so long for the answer. Raises Unreachable, NotAllowed."""
        parts = self._parts(url)
        until = time.monotonic() + seconds
        try:
            connection = self._connection(parts, seconds)
            with _cut_off(connection, until):
                return _exchanged(connection, parts, body, headers)
        except (OSError, http.client.HTTPException, ssl.SSLError) as fault:
            late = isinstance(fault, TimeoutError) or time.monotonic() >= until
            raise Unreachable("took too long" if late else _kind(fault)) from None

    def _connection(self, parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._address(host, port, plain=parts.scheme == "http")
        plain = socket.create_connection((address, port), min(_CONNECT, seconds))
        connection = http.client.HTTPConnection(host, port)
        connection.sock = plain
        if parts.scheme == "https":
            try:
                connection.sock = self._context().wrap_socket(plain, server_hostname=host)
            except OSError:
                plain.close()
                raise
        connection.sock.settimeout(seconds)
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca:
            context.load_verify_locations(self.ca)
        return context

    def _address(self, host: str, port: int, *, plain: bool) -> str:
        """Return the address to connect to, all of a name's having been looked at."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if host.lower() in self.inside:
            allowed = all(one.is_loopback for one in addresses) or not plain
        else:
            allowed = all(map(is_public, addresses))
        if not allowed or not addresses:
            raise NotAllowed("the endpoint's name means an address that may not be reached")
        return str(addresses[0])


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is a machine's on the public network, however it is wrapped."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner:
            return is_public(inner)
        if address.teredo or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and address not in _CLOUD


class _cut_off:
    """Cuts a connection when its time is over: one that trickles is not waited for."""

    def __init__(self, connection: http.client.HTTPConnection, until: float) -> None:
        self._connection = connection
        self._timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def _cut(self) -> None:
        try:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            return  # it is over already


def _exchanged(
    connection: http.client.HTTPConnection, parts: SplitResult, body: bytes, headers: dict[str, str]
) -> Reply:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", path, body, {"Host": parts.netloc, "Connection": "close", **headers})
    answer = connection.getresponse()
    return Reply(status=answer.status, wait=retry_after(answer.headers.get("Retry-After", "")))


def retry_after(text: str) -> float:
    """Return the seconds that a Retry-After asks for; 0 for what is none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        wait = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0
    return min(max(wait, 0), _LONGEST_WAIT)


def _kind(fault: Exception) -> str:
    """Say what failed without what the other side wrote."""
    if isinstance(fault, socket.gaierror):
        return "its name is not known"
    if isinstance(fault, ssl.SSLError):
        return "its certificate or TLS is not accepted"
    if isinstance(fault, ConnectionError):
        return "it refused or broke the connection"
    return "it did not answer as HTTP does"
