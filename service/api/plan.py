"""Which sources answer a search: the narrowest scans that cannot miss a match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from service.api import sources
from service.api.records import Records
from service.api.sources import Source
from service.fhir.index import INDEXED, REFERENCES, Key, ods_code, worklist_key
from service.fhir.search_criteria import Criterion
from service.fhir.search_dates import interval, split_prefix
from service.fhir.search_query import Query, Sort
from service.fhir.search_text import alternatives, split_token, unescape
from service.fhir.systems import NHS_NUMBER, ODS

MAX_TARGETS: Final = 100  # patients that one chained identifier may mean
_FROM: Final = ("gt", "ge", "sa", "eq")
_BY_UPDATE: Final = "_lastUpdated"


class Planner:
    """Chooses sources for one organisation's searches."""

    def __init__(self, records: Records) -> None:
        self._records, self._store = records, records.store

    def sources(self, query: Query, organisation: str) -> list[Source]:
        """Return the sources to walk in turn; together they hold every visible match once.

        A search that says how to sort is a list, and ends.
        """
        found = self._sources(query, organisation)
        return [replace(one, open=False) for one in found] if query.sort else found

    def _sources(self, query: Query, organisation: str) -> list[Source]:
        for criterion in query.criteria:
            if criterion.name == "_id":
                ids = list(map(unescape, alternatives(criterion.value)))
                return [sources.named(self._records, organisation, query.kind, ids, criterion)]
        if query.kind == "Communication":
            return list(self._communications(query, organisation))
        found = list(self._others(query, organisation))
        return [sources.directory(self._records), *found] if query.kind == "Organization" else found

    def _others(self, query: Query, organisation: str) -> Iterator[Source]:
        keys = self._keys(query, organisation)
        if keys is not None:
            yield from self._keyed(query, organisation, keys)
        elif (since := start_of(query)) is not None:
            yield sources.changed(
                self._store, organisation, query.kind, since, newest=_newest(query)
            )
        else:
            yield sources.stream(self._store, organisation, query.kind)

    def _communications(self, query: Query, organisation: str) -> Iterator[Source]:
        """What the organisation sent, then its feed: there is always a next page of that.

        A search for what is addressed to it leaves out the first, one for what it sent the second.
        """
        own = tuple(one for one in query.criteria if _addressed(one, organisation))
        keys = self._keys(query, organisation) or []
        keys = [key for key in keys if not (own and key[0] == "recipient")]
        if any(_sent(one, organisation) for one in query.criteria):
            yield from self._sent(query, organisation, keys)
        elif len(keys) == 1:  # holds both: what was sent is number 0
            yield sources.stream(self._store, organisation, query.kind, keys[0], open_=True)
        else:
            if not own:
                yield from self._sent(query, organisation, keys)
            yield self._feed(query, organisation, own)

    def _sent(self, query: Query, organisation: str, keys: Sequence[Key]) -> Iterator[Source]:
        since = start_of(query)
        if since is not None and not keys:
            yield sources.changed(
                self._store, organisation, query.kind, since, newest=_newest(query)
            )
        elif not keys:
            yield sources.sent(self._store, organisation)
        for key in keys:
            yield sources.sent(self._store, organisation, key)

    def _feed(self, query: Query, organisation: str, own: tuple[Criterion, ...]) -> Source:
        since, number = start_of(query), _nhs_number(query)
        if number:
            patient = {"nhs_number": number}
            return sources.feed_of_patient(self._store, organisation, patient, own)
        if since is None:
            return sources.feed(self._store, organisation, own)
        dates = tuple(one for one in query.criteria if _is_start(one))
        covers = (*own, *dates) if len(dates) == 1 else own
        return sources.feed_since(self._store, organisation, since, covers, newest=_newest(query))

    def _keyed(self, query: Query, organisation: str, keys: Sequence[Key]) -> Iterator[Source]:
        for key in keys:
            yield sources.stream(self._store, organisation, query.kind, key)

    def _keys(self, query: Query, organisation: str) -> list[Key] | None:
        """Return the keys that together find every match, by the most selective condition."""
        worklist = _worklist(query)
        ranked = [[worklist]] if worklist else []
        for criterion in query.criteria:
            if keys := self._of(criterion, organisation):
                ranked.append(keys)
        return min(ranked, key=_rank, default=None)

    def _of(self, criterion: Criterion, organisation: str) -> list[Key]:
        if criterion.key:
            return [criterion.key] if criterion.key[0] in INDEXED else []
        if not criterion.inner or criterion.parameter.name not in (*REFERENCES, "subject"):
            return []
        if not all(inner.key for _, inner in criterion.inner):
            return []
        found = [self._target_keys(criterion, *one, organisation) for one in criterion.inner]
        return [key for keys in found for key in keys]

    def _target_keys(
        self, criterion: Criterion, kind: str, inner: Criterion, organisation: str
    ) -> Iterator[Key]:
        """Yield the keys under which a chain's resources stand: by target, and logically."""
        name = "patient" if kind == "Patient" else criterion.parameter.name
        if inner.key is None or name not in REFERENCES:
            return
        yield name, inner.key[1]
        targets = self._store.stream(organisation, kind, count=MAX_TARGETS, key=inner.key)
        yield from ((name, f"{kind}/{target.id}") for target in targets)


def residual(query: Query, found: Sequence[Source], number: int) -> tuple[Criterion, ...]:
    """Return the conditions that rows of this source must still be compared with."""
    return tuple(one for one in query.criteria if one not in found[number].covers)


def _rank(keys: Sequence[Key]) -> int:
    return INDEXED.index(keys[0][0])


def _worklist(query: Query) -> Key | None:
    """A team's Tasks in one status are under a key of their own."""
    if query.kind != "Task":
        return None
    keys = {criterion.parameter.name: criterion.key for criterion in query.criteria}
    owner, status = keys.get("owner"), keys.get("status")
    return worklist_key(owner[1].partition("|")[2], status[1]) if owner and status else None


def _addressed(criterion: Criterion, organisation: str) -> bool:
    """Whether a condition asks for what is addressed to the organisation, by code or reference."""
    if criterion.key == ("recipient", f"ods|{organisation}"):
        return True
    named = criterion.name in ("recipient:identifier", "recipient.identifier")
    system, code = split_token(criterion.value)
    return named and code == organisation and system in (None, ODS)


def _sent(criterion: Criterion, organisation: str) -> bool:
    if criterion.parameter.name != "sender" or criterion.inner:
        return False
    system, code = split_token(criterion.value)
    if criterion.modifier == "identifier":
        return ods_code({"identifier": {"system": system, "value": code}}) == organisation
    return ods_code({"reference": unescape(criterion.value)}) == organisation


def _nhs_number(query: Query) -> str:
    """Return the number if the search is for one patient by NHS number, else an empty text."""
    for criterion in query.criteria:
        inner = dict(criterion.inner).get("Patient")
        if inner and inner.key and criterion.parameter.name in ("patient", "subject"):
            system, _, number = inner.key[1].partition("|")
            if system == NHS_NUMBER:
                return number
    return ""


def _newest(query: Query) -> bool:
    return bool(query.sort) and query.sort[0] == Sort(name=_BY_UPDATE, descending=True)


def _is_start(criterion: Criterion) -> bool:
    single = len(alternatives(criterion.value)) == 1 and not criterion.modifier
    prefix = split_prefix(criterion.value)[0]
    return criterion.name == _BY_UPDATE and single and prefix in ("gt", "ge", "sa")


def start_of(query: Query) -> int | None:
    """Return the instant that the search starts after, if it goes by lastUpdated at all.

    That is when it names a start, or is sorted by it: then the scan is in that order.
    """
    starts = [_start(one) for one in query.criteria if one.name == _BY_UPDATE]
    known = [start for start in starts if start is not None]
    if known:
        return max(known)
    return 0 if query.sort and query.sort[0].name == _BY_UPDATE else None


def _start(criterion: Criterion) -> int | None:
    prefix, text = split_prefix(criterion.value)
    if len(alternatives(criterion.value)) != 1 or prefix not in _FROM or criterion.modifier:
        return None
    asked = interval(text)
    return asked.low - 1 if prefix in ("ge", "eq") else asked.high - 1
