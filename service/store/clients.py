"""Clients of SMART Backend Services, and the assertions that they have used up."""

from __future__ import annotations

from collections.abc import Callable

from service.errors import Conflict, NotFound
from service.model import Instant
from service.store.database import Database, Duplicate, Row
from service.store.records import RegisteredClient

COLUMNS = "id, organisation, name, scopes, jwks, jwks_url, created, disabled"
GET = f"SELECT {COLUMNS} FROM client WHERE id = :id"  # noqa: S608
LIST = f"SELECT {COLUMNS} FROM client ORDER BY organisation, id"  # noqa: S608
DISABLE = "UPDATE client SET disabled = TRUE WHERE id = :id"
SWEEP = "DELETE FROM used_assertion WHERE expires < :now"
SWEEP_EVERY = 256  # assertions


class Clients:
    """Who may ask for a token."""

    def __init__(self, database: Database, clock: Callable[[], Instant]) -> None:
        self._database = database
        self._clock = clock
        self._used = 0

    def add(self, client: RegisteredClient) -> None:
        """Register a client; `created` 0 means now. Raises Conflict if the id is taken."""
        row = (
            client.id,
            client.organisation,
            client.name,
            client.scopes,
            client.jwks,
            client.jwks_url,
            client.created or self._clock(),
            client.disabled,
        )
        try:
            self._database.write(lambda tx: tx.insert("client", [row]))
        except Duplicate as error:
            raise Conflict("there is a client with this id") from error

    def get(self, id_: str) -> RegisteredClient | None:
        """Return a client, disabled or not."""
        found = self._database.select(GET, {"id": id_})
        return _client(found[0]) if found else None

    def list(self) -> list[RegisteredClient]:
        """Return all clients by organisation."""
        return [_client(row) for row in self._database.select(LIST, {})]

    def disable(self, id_: str) -> None:
        """Take a client's access away. Raises NotFound."""
        if self.get(id_) is None:
            raise NotFound("no such client")
        self._database.write(lambda tx: tx.run(DISABLE, {"id": id_}))

    def use_assertion(self, issuer: str, jti: str, expires: Instant) -> bool:
        """Use an assertion up; False if any process has seen it before.

        Keep refusing assertions that have expired: those are forgotten here.
        """
        try:
            self._database.write(lambda tx: tx.insert("used_assertion", [(issuer, jti, expires)]))
        except Duplicate:
            return False
        self._used += 1
        if self._used % SWEEP_EVERY == 0:
            self.sweep()
        return True

    def sweep(self) -> None:
        """Forget the assertions that have expired."""
        now = self._clock()
        self._database.write(lambda tx: tx.run(SWEEP, {"now": now}))


def _client(row: Row) -> RegisteredClient:
    id_, organisation, name, scopes, jwks, jwks_url, created, disabled = row
    return RegisteredClient(
        id=id_,
        organisation=organisation,
        name=name,
        scopes=scopes,
        jwks=jwks,
        jwks_url=jwks_url,
        created=Instant(created),
        disabled=bool(disabled),
    )
