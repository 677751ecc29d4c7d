"""Clients with keys of their own, and the assertions that they sign, right or wrong."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from service.app import Relay, compose
from service.settings import Settings
from service.store import RegisteredClient

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEED = "/fhir/Communication"
TOKEN_URL = "http://localhost/oauth2/token"
EC = ECKey.generate_key("P-384", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
STRANGER = ECKey.generate_key("P-384", {"kid": "ec"})  # the right kid, not the right key
ANY_ALGORITHM = JWSRegistry(algorithms=["RS384", "ES384", "RS512", "RS256", "HS256", "none"])


@dataclass
class In:
    """A time so many seconds from when it is needed."""

    seconds: int


def now(claim: Any) -> Any:
    return int(time.time()) + claim.seconds if isinstance(claim, In) else claim


@dataclass
class Signer:
    """A client's system: what it signs, with everything changeable that a test gets wrong."""

    client_id: str = "hospice"
    key: ECKey | RSAKey | OctKey = field(default_factory=lambda: EC)
    alg: str = "ES384"
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)

    def assertion(self) -> str:
        header = {"alg": self.alg, "typ": "JWT", "kid": self.key.kid} | self.header
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": TOKEN_URL,
            "exp": int(time.time()) + 240,
            "jti": str(uuid.uuid4()),
        } | {name: now(claim) for name, claim in self.claims.items()}
        return jwt.encode(
            {k: v for k, v in header.items() if v is not None},
            {k: v for k, v in claims.items() if v is not None},
            self.key,
            registry=ANY_ALGORITHM,
        )


def registered(client_id: str = "hospice", **changed: Any) -> RegisteredClient:
    """A client with both keys, that may read everything and acknowledge."""
    keys = {"keys": [key.as_dict(private=False) for key in (EC, RSA)]}
    fields = {
        "id": client_id,
        "organisation": "8HX03",
        "name": "A hospice",
        "scopes": "system/*.rs system/Communication.rus",
        "jwks": json.dumps(keys),
    } | changed
    return RegisteredClient(**fields)


def ask(app: FlaskClient, assertion: str, scope: str = "system/*.rs", **form: str) -> Any:
    """Post a token request."""
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "scope": scope,
    } | form
    return app.post("/oauth2/token", data=fields)


@contextmanager
def opened(**settings: Any) -> Iterator[Relay]:
    """A relay as one more process has it."""
    relay = compose(Settings(**settings))
    try:
        yield relay
    finally:
        relay.store.close()


def encoded(part: bytes) -> str:
    """Bytes as a JWT has them."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
