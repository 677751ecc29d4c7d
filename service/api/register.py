"""The store's clients as the assertion verifier wants them."""

from __future__ import annotations

import orjson

from service.model import Instant, OdsCode
from service.security import Registration, Scopes
from service.store import RegisteredClient, Store


class StoredRegister:
    """Registrations and used assertions, kept in the store and so shared by every process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def registration(self, client_id: str) -> Registration | None:
        """Return a client's registration, or None."""
        row = self._store.clients.get(client_id)
        return as_registration(row) if row else None

    def use_assertion(self, issuer: str, jti: str, expires: int) -> bool:
        """Record the use of an assertion until `expires` (s); False if it was used before."""
        return self._store.clients.use_assertion(issuer, jti, Instant(expires * 1_000_000))


def as_registration(row: RegisteredClient) -> Registration:
    """Return a stored client as it was registered."""
    return Registration(
        id=row.id,
        organisation=OdsCode(row.organisation),
        name=row.name,
        scopes=Scopes.parse(row.scopes),
        jwks=orjson.loads(row.jwks) if row.jwks else None,
        jwks_url=row.jwks_url or None,
        disabled=row.disabled,
    )
