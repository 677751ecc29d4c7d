"""The searchset Bundle: stored bytes joined, and read only where something must be cut."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from service.api.binary import resource_bytes
from service.api.reading import bundle_bytes
from service.api.reply import dumps
from service.api.sources import Row
from service.fhir.outcome import operation_outcome
from service.fhir.search_query import Query
from service.fhir.subset import subset
from service.store import Stored

_MATCH: Final = b',"search":{"mode":"match"}}'
_INCLUDE: Final = b',"search":{"mode":"include"}}'
_OUTCOME: Final = b',"search":{"mode":"outcome"}}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Searchset:
    """What a search found, ready to be written."""

    base: str  # FHIR base URL
    query: Query
    rows: Sequence[Row]
    included: Sequence[Stored]
    links: Sequence[tuple[str, str]]  # (relation, URL)
    total: int | None

    def body(self) -> bytes:
        """Return the Bundle."""
        head: dict[str, object] = {"resourceType": "Bundle", "type": "searchset"}
        if self.total is not None:
            head["total"] = self.total
        head["link"] = [{"relation": relation, "url": url} for relation, url in self.links]
        return bundle_bytes(head, [*self._matches(), *self._includes(), *self._warnings()])

    def tag(self) -> str:
        """Return what changes when the page does: cheaper than its bytes."""
        rows = [(row.type, row.id, row.updated) for row in self.rows]
        along = [(one.type, one.id, one.version) for one in self.included]
        said = repr((rows, along, self.links, self.total))
        return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()

    def _matches(self) -> Iterable[bytes]:
        start = b'{"fullUrl":"' + self.base.encode() + b"/"
        middle = b'","resource":'
        if self.query.partial:
            return [
                b"".join((start, _name(row), middle, self._cut(row.body), _MATCH))
                for row in self.rows
            ]
        return [b"".join((start, _name(row), middle, row.body, _MATCH)) for row in self.rows]

    def _includes(self) -> Iterator[bytes]:
        start = b'{"fullUrl":"' + self.base.encode() + b"/"
        for stored in self.included:
            body = resource_bytes(stored) if stored.type == "Binary" else stored.body
            name = f"{stored.type}/{stored.id}".encode()
            yield b"".join((start, name, b'","resource":', body, _INCLUDE))

    def _warnings(self) -> Iterator[bytes]:
        if self.query.warnings:
            told = dumps(operation_outcome(self.query.warnings))
            yield b'{"resource":' + told + _OUTCOME

    def _cut(self, body: bytes) -> bytes:
        return dumps(subset(orjson.loads(body), self.query.summary, self.query.elements))


def _name(row: Row) -> bytes:
    return f"{row.type}/{row.id}".encode()
