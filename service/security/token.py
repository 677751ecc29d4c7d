"""Access tokens: signed by the service, short-lived, checked without a look into the store."""

from __future__ import annotations

import time
from collections.abc import Callable

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from service.errors import Unauthenticated
from service.model import OdsCode
from service.security.client import Client
from service.security.scopes import Scopes

LIFETIME = 300  # seconds; SMART Backend Services: expires_in SHOULD NOT exceed 300
_REMEMBERED = 4096  # tokens whose signature was already checked by this process
_HS256 = JWSRegistry(algorithms=["HS256"])


class AccessTokens:
    """Issues and reads access tokens. A disabled client's last token ends within `LIFETIME`."""

    def __init__(self, secret: bytes, issuer: str, clock: Callable[[], float] = time.time) -> None:
        self._key = OctKey.import_key(secret)
        self._issuer = issuer
        self._clock = clock
        self._read: dict[str, tuple[float, Client]] = {}

    def issue(self, client: Client, token_id: str, lifetime: int = LIFETIME) -> str:
        """Return a token for `client` that ends after `lifetime` seconds."""
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "sub": client.id,
            "org": client.organisation,
            "scope": str(client.scopes),
            "iat": now,
            "exp": now + lifetime,
            "jti": token_id,
        }
        return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, self._key, registry=_HS256)

    def read(self, token: str) -> Client:
        """Return the client a token stands for. Raises Unauthenticated."""
        known = self._read.get(token)
        if known is None:
            known = self._verify(token)
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            self._read[token] = known
        if known[0] <= self._clock():
            raise Unauthenticated("The access token has expired; ask for a new one.")
        return known[1]

    def _verify(self, token: str) -> tuple[float, Client]:
        try:
            claims = jwt.decode(token, self._key, registry=_HS256).claims
            if claims["iss"] != self._issuer:
                raise Unauthenticated("The access token was issued by another service.")
            client = Client(
                id=claims["sub"],
                organisation=OdsCode(claims["org"]),
                scopes=Scopes.parse(claims["scope"]),
            )
            return float(claims["exp"]), client
        except (JoseError, ValueError, KeyError, TypeError) as fault:
            raise Unauthenticated("The access token is not one of this service.") from fault
