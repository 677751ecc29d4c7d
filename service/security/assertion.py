"""private_key_jwt: the signed assertion by which a client proves who it is.

Source: SMART App Launch 2, Backend Services; NHS England signed JWT (RS512).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from service.security.client import Registration

ALGORITHMS = ("RS384", "ES384", "RS512")  # never none, never HS*
_KEY_TYPE = {"RS384": "RSA", "RS512": "RSA", "ES384": "EC"}
_REGISTRY = JWSRegistry(algorithms=list(ALGORITHMS))
LONGEST = 300  # seconds that an assertion may be valid for
_LONGEST_JTI = 256  # characters
SKEW = 30  # seconds of difference between the two clocks that are forgiven


class InvalidAssertion(Exception):
    """The client assertion was refused; the text says why, for the client's developer."""


class ClientRegister(Protocol):
    """Where registrations and used assertions are kept."""

    def registration(self, client_id: str) -> Registration | None:
        """Return a client's registration, or None."""

    def use_assertion(self, issuer: str, jti: str, expires: int) -> bool:
        """Record the use of an assertion until `expires` (s); False if it was used before."""


class AssertionVerifier:
    """Checks assertions against the registered keys, once each."""

    def __init__(
        self,
        register: ClientRegister,
        fetch_keys: Callable[[str], Mapping[str, Any]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._register = register
        self._fetch_keys = fetch_keys
        self._clock = clock

    def verify(self, assertion: str, audiences: Collection[str]) -> Registration:
        """Return who signed `assertion`. Raises InvalidAssertion.

        `audiences` are the addresses of the token endpoint that `aud` may name.
        """
        header, claims = _unverified(assertion)
        registration = self._registration(claims)
        _check_signature(assertion, self._key(registration, header))
        self._check_claims(claims, audiences)
        return registration

    def _registration(self, claims: Mapping[str, Any]) -> Registration:
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer != claims.get("sub"):
            raise InvalidAssertion("iss and sub must both be the client id")
        registration = self._register.registration(issuer)
        if registration is None or registration.disabled:
            raise InvalidAssertion("no such client is registered, or it is disabled")
        return registration

    def _key(self, registration: Registration, header: Mapping[str, Any]) -> RSAKey | ECKey:
        """Exactly one registered key must have the header's kid and the algorithm's type."""
        if "jku" in header and header["jku"] != registration.jwks_url:
            raise InvalidAssertion("jku is not the registered address of the client's keys")
        key_type = _KEY_TYPE.get(str(header.get("alg")))
        if key_type is None:
            raise InvalidAssertion(f"alg must be one of {', '.join(ALGORITHMS)}")
        keys = [
            key
            for key in self._keys(registration)
            if key.kid == header.get("kid") and key.key_type == key_type
        ]
        if len(keys) != 1 or not isinstance(keys[0], RSAKey | ECKey):
            raise InvalidAssertion(f"kid names {len(keys)} registered {key_type} keys, not one")
        return keys[0]

    def _keys(self, registration: Registration) -> list[Any]:
        jwks: Any = registration.jwks
        if registration.jwks_url:
            jwks = self._fetch_keys(registration.jwks_url)
        try:
            return list(KeySet.import_key_set(jwks).keys)
        except (JoseError, ValueError, KeyError, TypeError) as fault:
            raise InvalidAssertion("the client's registered key set cannot be read") from fault

    def _check_claims(self, claims: Mapping[str, Any], audiences: Collection[str]) -> None:
        named = claims.get("aud")
        named = named if isinstance(named, list) else [named]
        if not any(audience in audiences for audience in named):
            raise InvalidAssertion(f"aud must be {sorted(audiences)[0]}")
        now = self._clock()
        _check_lifetime(claims, now)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
            raise InvalidAssertion("jti must be a text of 1 to 256 characters")
        if not self._register.use_assertion(claims["iss"], jti, int(claims["exp"]) + SKEW):
            raise InvalidAssertion("this assertion was used before: make a new jti each time")


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read header and claims, to find the key that they must then be checked with."""
    try:
        compact = extract_compact(assertion.encode())
        claims = orjson.loads(compact.payload)
        if not isinstance(claims, dict):
            raise InvalidAssertion("the assertion's claims are not a JSON object")
        return dict(compact.protected), claims
    except (JoseError, ValueError, TypeError) as fault:
        raise InvalidAssertion("client_assertion is not a signed JWT") from fault


def _check_signature(assertion: str, key: RSAKey | ECKey) -> None:
    try:
        jwt.decode(assertion, key, registry=_REGISTRY)
    except (JoseError, ValueError) as fault:
        raise InvalidAssertion("the signature does not match the registered key") from fault


def _check_lifetime(claims: Mapping[str, Any], now: float) -> None:
    expires = claims.get("exp")
    if not isinstance(expires, int) or isinstance(expires, bool):
        raise InvalidAssertion("exp must be a time in whole seconds")
    if expires <= now - SKEW:
        raise InvalidAssertion("the assertion has expired")
    if expires > now + LONGEST + SKEW:
        raise InvalidAssertion(f"exp must be at most {LONGEST} seconds from now")
    begins = claims.get("nbf", 0)
    if not isinstance(begins, int | float) or begins > now + SKEW:
        raise InvalidAssertion("the assertion is not valid yet")
