"""One authenticated request: who calls, what the answer should be like, and its audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import uuid_utils
from flask import Request, Response, request

from service.api.authentication import Authenticate
from service.api.bars import end_user_organisation, is_bars
from service.api.negotiation import Preferences, check_accept, preferences
from service.api.reply import Reply
from service.errors import BadRequest, Forbidden, ServiceError
from service.model import Instant
from service.security import Client
from service.security.scopes import scope_of
from service.store import AuditEntry, Store

FHIR: Final = "/fhir"
Clock = Callable[[], Instant]
_FAILED: Final = "4"  # FHIR audit-event-outcome: minor failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """An authenticated request as everything behind the routes sees it."""

    client: Client
    base: str  # FHIR base URL, without a slash at its end
    prefer: Preferences
    request_id: str
    now: Instant
    on_behalf_of: str = ""  # ODS code of the organisation that a BaRS call is made for

    def require(self, kind: str, letter: str) -> None:
        """Raise Forbidden unless the token covers this (c, r, u, d or s) on a resource type."""
        if not self.client.may(kind, letter):
            raise Forbidden(f"The access token needs {scope_of(kind)}.{letter} for this.")

    def audit(self, action: str, kind: str, subject: str = "", outcome: str = "0") -> AuditEntry:
        """Return the record of this request."""
        return AuditEntry(
            at=self.now,
            client=self.client.id,
            organisation=self.client.organisation,
            action=action,
            type=kind,
            subject=subject,
            outcome=outcome,
            request_id=self.request_id,
        )


class Door:
    """Lets requests in: authenticates, negotiates, answers and records."""

    def __init__(
        self, store: Store, authenticate: Authenticate, clock: Clock, public_url: str = ""
    ) -> None:
        self._store, self._authenticate, self._clock = store, authenticate, clock
        self._public_url = public_url.rstrip("/")

    def base(self) -> str:
        """Return our FHIR base URL as this request's client knows it."""
        return (self._public_url or f"{request.scheme}://{request.host}") + FHIR

    def serve(
        self,
        action: str,
        kind: str,
        subject: str,
        work: Callable[[Exchange], Reply],
        *,
        recorded: bool = False,
    ) -> Response:
        """Answer a request with what `work` returns, and record it whether it fails or not.

        action: FHIR restful-interaction; `recorded`: a success is recorded by `work` itself,
        in the transaction that it describes.
        """
        exchange = self._open()
        if exchange.on_behalf_of:
            told = exchange.audit("on-behalf-of", "Organization", exchange.on_behalf_of)
            self._store.audit([told])
        try:
            reply = work(exchange)
        except ServiceError:
            self._store.audit([exchange.audit(action, kind, subject, _FAILED)])
            raise
        if not recorded:
            self._store.audit([exchange.audit(action, kind, subject)])
        return reply.response()

    def _open(self) -> Exchange:
        client = self._authenticate(request)
        if "\0" in unquote(request.full_path):  # PostgreSQL has no text with it
            raise BadRequest("An address holds no NUL.")
        if action_format := request.args.get("_format", ""):
            check_accept("", action_format)
        elif not _raw(request):
            check_accept(request.headers.get("Accept", ""), "")
        return Exchange(
            client=client,
            base=self.base(),
            prefer=preferences(request.headers.get("Prefer", "")),
            request_id=request_id(request),
            now=self._clock(),
            on_behalf_of=end_user_organisation(request.headers) if is_bars(request) else "",
        )


def request_id(asked: Request) -> str:
    """Return the caller's X-Request-Id, or one of our own; the same for the whole request."""
    known: str = asked.environ.get("relay.request_id", "")
    if not known:
        given = asked.headers.get("X-Request-Id", "")
        known = given if is_identifier(given) else str(uuid_utils.uuid4())
        asked.environ["relay.request_id"] = known
    return known


def is_identifier(text: str) -> bool:
    """Whether a caller's id is harmless to repeat: up to 128 visible ASCII characters."""
    return 0 < len(text) <= 128 and text.isascii() and text.isprintable() and " " not in text  # noqa: PLR2004


def _raw(asked: Request) -> bool:
    """A Binary may be asked for in whatever type it is."""
    return asked.path.startswith(f"{FHIR}/Binary/")
