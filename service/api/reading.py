"""Read, vread and history of one resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

import orjson
from werkzeug.datastructures import Headers, MultiDict

from service.api.binary import binary_reply, resource_bytes
from service.api.exchange import Exchange
from service.api.negotiation import not_modified
from service.api.records import Records, parsed
from service.api.reply import Header, Reply, dumps, version_headers
from service.errors import BadRequest, Gone, Issue, NotFound
from service.fhir.bundle_answer import status_line
from service.fhir.search_criteria import Context
from service.fhir.search_dates import FOREVER, Interval, interval
from service.fhir.search_query import DEFAULT_COUNT, MAX_COUNT, parse
from service.fhir.search_text import nameable
from service.fhir.subset import subset
from service.model import Instant
from service.store import Stored

_REVALIDATE: Header = ("Cache-Control", "private, no-cache")
_HISTORY = ("_since", "_at", "_count", "_cursor", "_format", "_pretty")
_NOT_FOUND = "There is no such resource, or it is not yours to see."


class Reading:
    """The interactions that read one resource."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def read(
        self, exchange: Exchange, kind: str, id_: str, headers: Headers, args: MultiDict[str, str]
    ) -> Reply:
        """Return the current version; 404 if there is none to see, 410 if it is gone."""
        exchange.require(kind, "r")
        stored = self._records.read(exchange.client.organisation, kind, id_)
        return _shown(exchange, present(stored), headers, args)

    def vread(
        self,
        exchange: Exchange,
        kind: str,
        id_: str,
        version: str,
        headers: Headers,
        *,
        args: MultiDict[str, str],
    ) -> Reply:
        """Return one version, whatever came after it."""
        exchange.require(kind, "r")
        number = int(version) if version.isascii() and version.isdigit() else 0
        stored = self._records.vread(exchange.client.organisation, kind, id_, number)
        return _shown(exchange, present(stored), headers, args)

    def history(self, exchange: Exchange, kind: str, id_: str, args: MultiDict[str, str]) -> Reply:
        """Return the versions of one resource, newest first, as a history Bundle."""
        exchange.require(kind, "r")
        asked = _Asked(args)
        organisation = exchange.client.organisation
        if self._records.read(organisation, kind, id_) is None:
            raise NotFound(_NOT_FOUND)
        found = self._versions(organisation, kind, id_, asked)
        base, here = exchange.base, f"{exchange.base}/{kind}/{id_}/_history"
        links = [_link("self", here, asked.used)]
        if len(found) > asked.count:
            more = [*asked.used, ("_cursor", str(found[asked.count - 1].version))]
            links.append(_link("next", here, more))
        entries = [_entry(base, stored) for stored in found[: asked.count]]
        head = {"resourceType": "Bundle", "type": "history", "link": links}
        return Reply(body=bundle_bytes(head, entries))

    def _versions(self, organisation: str, kind: str, id_: str, asked: _Asked) -> list[Stored]:
        directory = self._records.directory
        if kind == "Organization" and id_ in directory:
            return [directory[id_]]
        until = FOREVER
        if asked.before and asked.at:
            newer = self._records.store.vread(organisation, kind, id_, asked.before)
            until = newer.updated if newer else FOREVER
        found: list[Stored] = []
        for stored in self._walk(organisation, kind, id_, asked):
            if asked.wants(stored, until):
                found.append(stored)
            until = stored.updated
            if len(found) > asked.count or asked.is_past(stored):
                break
        return found

    def _walk(self, organisation: str, kind: str, id_: str, asked: _Asked) -> Iterator[Stored]:
        before, size = asked.before, asked.count + 1
        while True:
            versions = self._records.store.history(
                organisation, kind, id_, count=size, before=before
            )
            yield from versions
            if len(versions) < size:
                return
            before = versions[-1].version


class _Asked:
    """The parameters of a history request."""

    def __init__(self, args: MultiDict[str, str]) -> None:
        unknown = [nameable(name) for name in args if name not in _HISTORY]
        if unknown:
            raise BadRequest("The request is not understood.", list(map(_unknown, unknown)))
        self.used = [(n, v) for n, v in args.items(multi=True) if n in ("_since", "_at", "_count")]
        self.count = _number(args, "_count") or DEFAULT_COUNT
        self.count = min(self.count, MAX_COUNT)
        self.before = _number(args, "_cursor")
        self.since = _date(args, "_since")
        self.at = _date(args, "_at")

    def wants(self, stored: Stored, until: int) -> bool:
        """Whether a version, current until `until`, meets `_since` and `_at`."""
        after = self.since is None or stored.updated >= self.since.low
        at = self.at is None or (stored.updated < self.at.high and until > self.at.low)
        return after and at

    def is_past(self, stored: Stored) -> bool:
        """Whether no version before this one can be wanted."""
        earliest = max((asked.low for asked in (self.since, self.at) if asked), default=None)
        return earliest is not None and stored.updated < earliest


def present(stored: Stored | None) -> Stored:
    """Return what can be shown. Raises NotFound or Gone."""
    if stored is None:
        raise NotFound(_NOT_FOUND)
    if stored.deleted:
        raise Gone("This resource is no longer kept.")
    return stored


def bundle_bytes(head: Mapping[str, object], entries: Sequence[bytes]) -> bytes:
    """Return a Bundle whose entries are bytes already; none of them is read."""
    opening = dumps(head)
    if not entries:
        return opening
    return b"".join((opening[:-1], b',"entry":[', b",".join(entries), b"]}"))


def _shown(
    exchange: Exchange, stored: Stored, headers: Headers, args: MultiDict[str, str]
) -> Reply:
    tags = version_headers(stored.version, stored.updated)[: 2 if stored.updated else 1]
    tags = (*tags, _REVALIDATE)
    unless = headers.get("If-None-Match", ""), headers.get("If-Modified-Since", "")
    if not_modified(*unless, stored.version, stored.updated):
        return Reply(status=304, headers=tags)
    if stored.type == "Binary":
        wanted = "application/fhir+json" if args.get("_format") else headers.get("Accept", "")
        return binary_reply(stored, wanted, tags)
    return Reply(body=_cut(exchange, stored, args), headers=tags)


def _cut(exchange: Exchange, stored: Stored, args: MultiDict[str, str]) -> bytes:
    pairs = list(args.items(multi=True))
    query = parse(stored.type, pairs, Context(base=exchange.base, now=exchange.now))
    if query.criteria or query.sort or query.includes or query.summary == "count":
        raise BadRequest("A read takes _summary, _elements and _format only.")
    if not query.partial:
        return stored.body
    return dumps(subset(parsed(stored), query.summary, query.elements))


def _entry(base: str, stored: Stored) -> bytes:
    method = stored.method or ("POST" if stored.version == 1 else "PUT")
    reference = f"{stored.type}/{stored.id}"
    status = {"POST": 201, "DELETE": 204}.get(method, 200)
    response: dict[str, str] = {"status": status_line(status), "etag": f'W/"{stored.version}"'}
    if stored.updated:
        response["lastModified"] = Instant(stored.updated).isoformat()
    request = {"method": method, "url": stored.type if method == "POST" else reference}
    full_url = orjson.dumps(f"{base}/{reference}")
    body = resource_bytes(stored) if stored.type == "Binary" else stored.body
    resource = b"" if stored.deleted else b',"resource":' + body
    rest = orjson.dumps({"request": request, "response": response})
    return b'{"fullUrl":' + full_url + resource + b"," + rest[1:]


def _link(relation: str, url: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {"relation": relation, "url": f"{url}?{urlencode(pairs)}" if pairs else url}


def _number(args: MultiDict[str, str], name: str) -> int | None:
    text = args.get(name, "")
    if text and (not text.isascii() or not text.isdigit()):
        raise BadRequest(f"{name} is a whole number.")
    return int(text[:9]) if text else None


def _date(args: MultiDict[str, str], name: str) -> Interval | None:
    try:
        return interval(args[name]) if name in args else None
    except ValueError as fault:
        raise BadRequest(f"{name}: {fault}.") from None


def _unknown(name: str) -> Issue:
    text = f"{name}: there is no such parameter for history."
    return Issue(severity="error", code="not-supported", text=text, target=f"http.{name}")
