"""Search: from the parameters to the page that answers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

from service.api.cursor import RESYNC, Cursor, Seal
from service.api.exchange import Exchange
from service.api.inclusion import included, required
from service.api.plan import Planner, residual
from service.api.records import Records
from service.api.reply import Reply
from service.api.searchset import Searchset
from service.api.sources import Place, Row, Source
from service.api.waiting import Waiters
from service.api.walk import Found, comparison, in_order, is_sorted, scan, sorted_page, walk
from service.errors import BadRequest, Gone
from service.fhir.bundle_identity import matches
from service.fhir.search_criteria import Context, Resolve
from service.fhir.search_query import NEUTRAL, Query, parse

Pair = tuple[str, str]
Wanted = Callable[[int, Row], bool] | None
_EPOCH_SECONDS: Final = 1.0  # how long the store's epoch is remembered


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A search, and where in it the page begins."""

    query: Query
    text: str  # the search, URL encoded
    link: str  # the query of the self link
    start: int = 0  # source
    place: Place = ()


class Searching:
    """The search interaction on every type."""

    def __init__(self, records: Records, seal: Seal, waiters: Waiters) -> None:
        self._records, self._seal, self._waiters = records, seal, waiters
        self._planner = Planner(records)
        self._epoch = ("", float("-inf"))

    def search(
        self, exchange: Exchange, kind: str, pairs: Sequence[Pair], if_none_match: str = ""
    ) -> Reply:
        """Answer a search on a type; 304 if the client has this very page.

        Raises BadRequest with every fault, Gone for a place that is no longer kept.
        """
        exchange.require(kind, "s")
        asked = self._asked(exchange, kind, pairs)
        self._check_scopes(exchange, asked.query)
        try:
            page, headers = self._answer(exchange, asked)
        except Gone as gone:
            raise Gone(f"{gone.text} {RESYNC}") from None
        tag = page.tag()
        headers = (("ETag", f'W/"{tag}"'), *headers)
        if if_none_match and matches(if_none_match, tag):
            return Reply(status=304, headers=headers)
        return Reply(body=page.body(), headers=headers)

    def _asked(self, exchange: Exchange, kind: str, pairs: Sequence[Pair]) -> Asked:
        token = next((value for name, value in pairs if name == "_cursor"), "")
        context = Context(base=exchange.base, now=exchange.now)
        if not token:
            query = parse(kind, pairs, context, lenient=exchange.prefer.lenient)
            text = urlencode(query.used)
            return Asked(query=query, text=text, link=text)
        count = [pair for pair in pairs if pair[0] == "_count"]
        if len(pairs) - len(count) != 1 + sum(name in NEUTRAL for name, _ in pairs):
            raise BadRequest("A _cursor holds the whole search: only _count may be given with it.")
        cursor = self._seal.open(token, exchange.client.organisation, kind, self.epoch())
        text = _with_count(cursor.query, count) if count else cursor.query
        return Asked(
            query=_again(kind, text, context),
            text=text,
            link=urlencode([("_cursor", token), *count]),
            start=cursor.source,
            place=cursor.place,
        )

    def _check_scopes(self, exchange: Exchange, query: Query) -> None:
        for kind in required(query.includes):
            exchange.require(kind, "r")
        for criterion in query.criteria:
            for kind, _ in criterion.inner if len(criterion.inner) == 1 else ():
                exchange.require(kind, "s")

    def _answer(self, exchange: Exchange, asked: Asked) -> tuple[Searchset, tuple[Pair, ...]]:
        organisation = exchange.client.organisation
        sources = self._planner.sources(asked.query, organisation)
        residuals = [residual(asked.query, sources, number) for number in range(len(sources))]
        wanted = comparison(residuals, self._resolver(exchange))
        found, total = _find(asked, sources, wanted)
        headers: tuple[Pair, ...] = ()
        if exchange.prefer.wait and sources[-1].open and not found.rows and found.more:
            found = self._wait(exchange, asked, sources, wanted)
            headers = (("Preference-Applied", f"wait={exchange.prefer.wait}"),)
        page = Searchset(
            base=exchange.base,
            query=asked.query,
            rows=found.rows,
            included=included(self._records, exchange, found.rows, asked.query.includes),
            links=self._links(exchange, asked, found),
            total=total,
        )
        return page, headers

    def _resolver(self, exchange: Exchange) -> Resolve:
        """Chains look into what the client may search, and into nothing else."""
        resolve = self._records.resolver(exchange.client.organisation)
        may = exchange.client.may
        return lambda one: resolve(one) if may(one.partition("/")[0], "s") else None

    def _wait(
        self, exchange: Exchange, asked: Asked, sources: Sequence[Source], wanted: Wanted
    ) -> Found:
        """Look again whenever the feed grows, until there is a match or the time is over."""
        store, organisation = self._records.store, exchange.client.organisation
        until = time.monotonic() + exchange.prefer.wait
        start, place = asked.start, asked.place
        with self._waiters.place(exchange.client.id):
            while True:
                reach = store.head(organisation).n
                found = walk(sources, start, place, asked.query.count, wanted)
                left = until - time.monotonic()
                if found.rows or left <= 0 or not store.wait(organisation, reach, left):
                    return found
                start, place = found.source, found.place

    def _links(self, exchange: Exchange, asked: Asked, found: Found) -> list[Pair]:
        here = f"{exchange.base}/{asked.query.kind}"
        links = [("self", f"{here}?{asked.link}" if asked.link else here)]
        if found.more and asked.query.summary != "count":
            cursor = Cursor(
                organisation=exchange.client.organisation,
                type=asked.query.kind,
                query=asked.text,
                source=found.source,
                place=found.place,
            )
            links.append(("next", f"{here}?_cursor={self._seal.token(cursor, self.epoch())}"))
        return links

    def epoch(self) -> str:
        """Return the store's epoch, asked for once a second at most."""
        epoch, until = self._epoch
        if time.monotonic() > until:
            epoch = self._records.store.settings.epoch()
            self._epoch = (epoch, time.monotonic() + _EPOCH_SECONDS)
        return epoch


def _with_count(text: str, count: Sequence[Pair]) -> str:
    kept = [pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] != "_count"]
    return urlencode([*kept, *count])


def _again(kind: str, text: str, context: Context) -> Query:
    """Read the search in a cursor: pollers repeat it, so it is remembered unless it needs now."""
    if "=ap" in text:
        return parse(kind, parse_qsl(text, keep_blank_values=True), context)
    return _remembered(kind, text, context.base)


@lru_cache(maxsize=512)
def _remembered(kind: str, text: str, base: str) -> Query:
    return parse(kind, parse_qsl(text, keep_blank_values=True), Context(base=base, now=0))


def _find(asked: Asked, sources: Sequence[Source], wanted: Wanted) -> tuple[Found, int | None]:
    """Return a page, and how many matches there are if that was asked for."""
    query = asked.query
    if query.summary == "count":
        none = Found(rows=[], source=0, place=(), more=False)
        return none, _count(sources, wanted)
    if not is_sorted(sources, query):
        every = in_order(sources, query, wanted)
        return sorted_page(every, asked.place, query.count), len(every) if query.total else None
    found = walk(sources, asked.start, asked.place, query.count, wanted)
    return found, _count(sources, wanted) if query.total else None


def _count(sources: Sequence[Source], wanted: Wanted) -> int:
    if wanted is None and len(sources) == 1 and sources[0].total:
        return sources[0].total()
    return sum(1 for number, row in scan(sources) if wanted is None or wanted(number, row))
