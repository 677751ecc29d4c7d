"""SMART Backend Services: how a client's system gets its access token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import orjson
from flask import Blueprint, Response, request

from service.api.exchange import request_id
from service.model import Instant
from service.security import (
    AccessTokens,
    AssertionVerifier,
    Client,
    InvalidAssertion,
    Registration,
    Scopes,
)
from service.security.assertion import ALGORITHMS
from service.security.published_keys import KeysUnavailable
from service.security.token import LIFETIME
from service.store import AuditEntry

_REFUSED: Final = "8"  # FHIR audit-event-outcome: serious failure
Record = Callable[[AuditEntry], None]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRefused(Exception):
    """A token request that is answered with an OAuth 2 error (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def oauth_blueprint(
    verifier: AssertionVerifier,
    tokens: AccessTokens,
    new_id: Callable[[], str],
    *,
    record: Record,
    clock: Callable[[], datetime],
    public_url: str | None = None,
) -> Blueprint:
    """Routes for tokens and their discovery.

    `record` writes to the audit trail. `public_url` is the service's address as clients see it;
    by default, as they called it.
    """
    bp = Blueprint("oauth", __name__)

    def base() -> str:
        return (public_url or request.host_url).rstrip("/")

    @bp.get("/.well-known/smart-configuration")
    @bp.get("/fhir/.well-known/smart-configuration")
    def smart_configuration() -> Response:
        """https://hl7.org/fhir/smart-app-launch/conformance.html"""
        return _json(_configuration(base()))

    @bp.post("/oauth2/token")
    def token() -> Response:
        """Exchange a signed assertion for an access token."""
        audience = f"{base()}/oauth2/token"
        try:
            registration, granted = _grant(request.form, verifier, audience)
        except TokenRefused as refusal:
            record(_entry(clock(), None, refusal.error, _REFUSED))
            body = {"error": refusal.error, "error_description": refusal.description}
            return _json(body, refusal.status)
        client = Client(id=registration.id, organisation=registration.organisation, scopes=granted)
        record(_entry(clock(), client, str(granted), "0"))
        return _json(
            {
                "access_token": tokens.issue(client, new_id()),
                "token_type": "bearer",
                "expires_in": LIFETIME,
                "scope": str(granted),
            }
        )

    return bp


def _grant(
    form: Mapping[str, str], verifier: AssertionVerifier, audience: str
) -> tuple[Registration, Scopes]:
    if form.get("grant_type") != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "grant_type must be client_credentials")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise TokenRefused("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
    try:
        asked = Scopes.parse(form.get("scope", ""))
    except ValueError as fault:
        raise TokenRefused("invalid_scope", str(fault)) from fault
    try:
        registration = verifier.verify(form.get("client_assertion", ""), [audience])
    except (InvalidAssertion, KeysUnavailable) as fault:
        raise TokenRefused("invalid_client", str(fault), 401) from fault
    granted = asked & registration.scopes
    if not granted:
        raise TokenRefused(
            "invalid_scope", f"ask for scopes within those registered: {registration.scopes}"
        )
    return registration, granted


def _entry(at: datetime, client: Client | None, subject: str, outcome: str) -> AuditEntry:
    """Return the record of a token: its scopes, or what was wrong.

    Who was refused is not known, whatever the request says of it.
    """
    return AuditEntry(
        at=Instant.of(at),
        client=client.id if client else "",
        organisation=client.organisation if client else "",
        action="token",
        type="Client",
        subject=subject,
        outcome=outcome,
        request_id=request_id(request),
    )


def _configuration(base: str) -> dict[str, object]:
    return {
        "issuer": f"{base}/fhir",
        "token_endpoint": f"{base}/oauth2/token",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [
            "system/*.rs",
            "system/Communication.rs",
            "system/Communication.cruds",
            "system/ServiceRequest.cruds",
            "system/Task.cruds",
            "system/*.cruds",
        ],
        "response_types_supported": [],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


def _json(body: Mapping[str, object], status: int = 200) -> Response:
    response = Response(orjson.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
