"""POST of a transaction or a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from service.api.committing import Committing, Sending, json_answer
from service.api.dispatch import Dispatch
from service.api.exchange import Exchange
from service.api.preparation import broken
from service.api.reply import FHIR_JSON, Reply, dumps
from service.api.tasks import Tasks
from service.api.writing import ACTIONS, UPDATES, letters
from service.errors import Forbidden, Issue, ServiceError, Unavailable
from service.fhir.bundle import READS, Fault, Request, refusal, requests
from service.fhir.bundle_answer import Done, in_order, response_bundle, status_line, written_entry
from service.fhir.outcome import outcome_of
from service.fhir.search_parameters import Resource
from service.store import Answer, Receipt

KINDS: Final = ("transaction", "batch")
_ORDER: Final = ("POST", "PUT", "PATCH", "GET", "HEAD")
Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundles:
    """The two Bundle interactions of the system."""

    committing: Committing
    tasks: Tasks
    dispatch: Dispatch
    check: Callable[[Resource], list[Issue]]

    def post(self, exchange: Exchange, bundle: Resource, sending: Sending) -> Reply:
        """Carry out a transaction or batch. Raises the error that tells every fault."""
        if bundle.get("type") == "batch":
            return self._batch(exchange, bundle)
        receipt, asked = self.transact(exchange, bundle, sending)
        body = receipt.answer.body
        reads = [request for request in asked if request.method in READS]
        if reads:
            body = self._with_reads(exchange, body, reads)
        return Reply(body=body, headers=exchange.prefer.applied)

    def transact(
        self, exchange: Exchange, bundle: Resource, sending: Sending
    ) -> tuple[Receipt, list[Request]]:
        """Carry out a transaction; its reads are left to do.

        Raises the error that tells every fault; the bytes are kept even then.
        """
        try:
            return self._transaction(exchange, bundle, sending)
        except Unavailable:
            raise
        except ServiceError as refused:
            self.committing.refuse(exchange, sending, refused.issues)
            raise

    def _transaction(
        self, exchange: Exchange, bundle: Resource, sending: Sending
    ) -> tuple[Receipt, list[Request]]:
        asked = self._requests(bundle)
        faults = [fault for request in asked for fault in _not_covered(exchange, request)]
        if faults:
            raise refusal(faults)
        updates = all(request.method in UPDATES for request in asked if request.method not in READS)
        sending = replace(sending, identifier=_identifier(bundle), only_updates=updates)
        receipt = self.committing.repeat(exchange, sending) or self.committing.carry_out(
            exchange, "transaction", asked, sending, _wording(exchange, asked)
        )
        return receipt, asked

    def _requests(self, bundle: Resource) -> list[Request]:
        faults = [_fault(issue) for issue in self.check(_without_resources(bundle))]
        if faults:
            raise refusal([*faults, *self._resource_faults(bundle)])
        asked, wrong = requests(bundle)
        if wrong:
            raise refusal([*wrong, *self._resource_faults(bundle)])
        return asked

    def _resource_faults(self, bundle: Resource) -> Iterable[Fault]:
        """Yield what is wrong with the resources of a Bundle that is wrong itself."""
        entries = bundle.get("entry")
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            resource = entry.get("resource") if isinstance(entry, dict) else None
            kind = resource.get("resourceType") if isinstance(resource, dict) else None
            if isinstance(kind, str) and resource is not None:
                place = Request(method="POST", type=kind, place=f"Bundle.entry[{index}]")
                yield from broken(place, self.check(resource))

    def _with_reads(self, exchange: Exchange, body: bytes, reads: Sequence[Request]) -> bytes:
        """Reads come last: they see what the transaction wrote."""
        answer = orjson.loads(body)
        for request in reads:
            answer["entry"][request.index] = self._read(exchange, request)
        return dumps(answer)

    def _read(self, exchange: Exchange, request: Request) -> Entry:
        try:
            return self.dispatch.get(exchange, request)
        except ServiceError as refused:
            return _refused(refused)

    def _batch(self, exchange: Exchange, bundle: Resource) -> Reply:
        shape = [_fault(issue) for issue in self.check(_without_resources(bundle))]
        if shape:
            raise refusal(shape)
        asked, faults = requests(bundle)
        wrong: dict[str, list[Fault]] = {}
        for fault in faults:
            place = ".".join(fault.issue.target.split(".")[:2])
            wrong.setdefault(place, []).append(fault)
        done = [
            (request.index, self._one(exchange, request, wrong.get(request.place, [])))
            for request in sorted(asked, key=_rank)
        ]
        return Reply(
            body=dumps(response_bundle("batch", in_order(done))), headers=exchange.prefer.applied
        )

    def _one(self, exchange: Exchange, request: Request, faults: Sequence[Fault]) -> Entry:
        keeps = request.method == "POST"
        keeping = self.committing.keeping(exchange, _alone(request)) if keeps else nullcontext()
        try:
            with keeping:
                return self._answered(exchange, request, faults)
        except ServiceError as refused:
            return _refused(refused)

    def _answered(self, exchange: Exchange, request: Request, faults: Sequence[Fault]) -> Entry:
        faults = faults or list(_not_covered(exchange, request))
        if faults:
            raise refusal(faults)
        if request.method in READS:
            return self.dispatch.get(exchange, request)
        if self.tasks.is_answer(exchange, request):
            return self.tasks.entry(exchange, request)
        return self._written(exchange, request)

    def _written(self, exchange: Exchange, request: Request) -> Entry:
        sending = _alone(request)
        receipt = self.committing.repeat(exchange, sending) or self.committing.carry_out(
            exchange, ACTIONS[request.method], [request], sending, _entry_wording(exchange)
        )
        return {**orjson.loads(receipt.answer.body)}


def _alone(request: Request) -> Sending:
    """Return an entry of a batch as the transaction of one that it is, and is replayed as."""
    asked = {"method": request.method, "url": request.type}
    if request.if_none_exist:
        asked["ifNoneExist"] = request.if_none_exist
    entry = {"resource": request.resource, "request": asked}
    body = dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    return Sending(body=body, media_type=FHIR_JSON, only_updates=request.method in UPDATES)


def _wording(exchange: Exchange, asked: Sequence[Request]) -> Callable[[Sequence[Done]], Answer]:
    """Return what words the answer to a transaction; reads are filled in when it goes out."""

    def worded(done: Sequence[Done]) -> Answer:
        entries = [(one.request.index, _entry(exchange, one)) for one in done]
        reads = [
            (request.index, {"response": {"status": status_line(200)}})
            for request in asked
            if request.method in READS
        ]
        body = dumps(response_bundle("transaction", in_order([*entries, *reads])))
        return json_answer(200, body)

    return worded


def _entry_wording(exchange: Exchange) -> Callable[[Sequence[Done]], Answer]:
    return lambda done: json_answer(200, dumps(_entry(exchange, done[0])))


def _entry(exchange: Exchange, done: Done) -> Entry:
    return written_entry(done, exchange.prefer.returning)


def _refused(refused: ServiceError) -> Entry:
    response = {"status": status_line(refused.http_status), "outcome": outcome_of(refused)}
    return {"response": response}


def _not_covered(exchange: Exchange, request: Request) -> Iterable[Fault]:
    """Yield a fault for each scope that an entry lacks; reads are checked when they are made."""
    if request.method in READS:
        return
    for letter in letters(request):
        try:
            exchange.require(request.type, letter)
        except Forbidden as refused:
            yield request.fault(403, "forbidden", refused.text, "request")


def _without_resources(bundle: Resource) -> Resource:
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return bundle
    bare = [
        {name: value for name, value in entry.items() if name != "resource"}
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]
    return {**bundle, "entry": bare}


def _fault(issue: Issue) -> Fault:
    return Fault(status=400, issue=issue)


def _identifier(bundle: Resource) -> str:
    identifier = bundle.get("identifier", {})
    value = identifier.get("value", "")
    return f"{identifier.get('system', '')}|{value}" if value else ""


def _rank(request: Request) -> int:
    return _ORDER.index(request.method) if request.method in _ORDER else len(_ORDER)
