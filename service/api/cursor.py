"""The sealed token in a `next` link: where a search goes on, for whom, and over what.

It is encrypted and authenticated (AES-GCM), so it carries the search itself without showing a
patient, cannot be altered, and is the same for the same place: an unchanged page has the same
ETag. It names the epoch of the store, which changes when a backup is restored.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.errors import BadRequest, Gone, NotFound

RESYNC: Final = (
    "Start again without _cursor: the oldest kept Communication comes first, and "
    "(recipient, event number) tells what you have already."
)
_VERSION: Final = b"cursor-1"
_NONCE: Final = 12  # bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where a search goes on."""

    organisation: str  # ODS code of the client it was made for
    type: str
    query: str  # the search, URL encoded
    source: int  # which of the search's sources it has come to
    place: tuple[int | str, ...]  # where in it


class Seal:
    """Makes and opens tokens with the store's secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"cursor").digest()
        self._cipher = AESGCM(self._key)

    def token(self, cursor: Cursor, epoch: str) -> str:
        """Return the token: letters, digits, "-" and "_"."""
        inside = orjson.dumps(
            [epoch, cursor.organisation, cursor.type, cursor.query, cursor.source, *cursor.place]
        )
        nonce = hashlib.blake2b(inside, digest_size=_NONCE, key=self._key).digest()
        sealed = nonce + self._cipher.encrypt(nonce, inside, _VERSION)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, token: str, organisation: str, kind: str, epoch: str) -> Cursor:
        """Return what a token holds.

        Raises BadRequest if it was altered or belongs to another type, NotFound if it is another
        organisation's, Gone if the store was restored since.
        """
        its_epoch, owner, its_kind, query, source, *place = self._inside(token)
        if owner != organisation:
            raise NotFound("There is no such page.")
        if its_kind != kind:
            raise BadRequest("This _cursor belongs to another search.")
        if its_epoch != epoch:
            raise Gone(f"The relay was restored from a backup since this page. {RESYNC}")
        return Cursor(
            organisation=owner, type=its_kind, query=query, source=source, place=tuple(place)
        )

    def _inside(self, token: str) -> list[Any]:
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
            inside = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _VERSION)
        except (ValueError, InvalidTag):
            raise BadRequest("This _cursor is not one that was given out here.") from None
        opened: list[Any] = orjson.loads(inside)
        return opened
