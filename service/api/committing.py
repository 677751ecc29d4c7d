"""The transaction engine: prepare, recognise, commit, and again when others were faster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import orjson

from service.api.exchange import Exchange
from service.api.preparation import Preparation, Prepared
from service.api.reply import FHIR_JSON
from service.errors import Issue, ServiceError, Unavailable
from service.fhir.bundle import Request
from service.fhir.bundle_answer import Done
from service.fhir.bundle_identity import Target
from service.fhir.search_parameters import Resource
from service.model import Instant, OdsCode
from service.store import (
    LAST_UPDATED,
    Answer,
    Check,
    Commit,
    Concerned,
    Delivery,
    RawMessage,
    Receipt,
    Reference,
    Stale,
    Store,
    Write,
)

TRIES: Final = 5  # attempts that others may overtake before the client is asked to try again
CREATED: Final = 201


class Recognition(Protocol):
    """What a transaction comes to beside the resources in it (service/recognition.py)."""

    @property
    def writes(self) -> tuple[Write, ...]: ...
    @property
    def deliveries(self) -> tuple[Delivery, ...]: ...
    @property
    def checks(self) -> tuple[Check, ...]: ...
    @property
    def shared(self) -> tuple[Reference, ...]: ...
    @property
    def concerned(self) -> tuple[Concerned, ...]: ...
    @property
    def issues(self) -> tuple[Issue, ...]: ...
    @property
    def mapping(self) -> str: ...
    @property
    def mapping_version(self) -> str: ...


Recognise = Callable[[OdsCode, dict[str, Any], str], Recognition]
Word = Callable[[Sequence[Done]], Answer]  # what was done → how the client is told


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """A request's bytes, and under which name they are known when they come again."""

    body: bytes
    media_type: str
    identifier: str = ""  # Bundle.identifier, "system|value"
    kept_as: str = ""  # id of the dead letter that is replayed
    only_updates: bool = False  # PUT A, PUT B and PUT A again must end at A
    digest: bytes = field(init=False)  # SHA-256 of the bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.body).digest())

    @property
    def control_id(self) -> str:
        """The sender's own name for it, else its content."""
        return self.identifier or f"sha256:{self.digest.hex()}"


BAD_INPUT: Final = (400, 422)  # HTTP statuses of what its sender must mend


class Committing:
    """Carries out transactions; a request of its own is a transaction of one."""

    def __init__(
        self,
        store: Store,
        preparation: Preparation,
        recognise: Recognise,
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._preparation = store, preparation
        self._recognise, self._new_id = recognise, new_id

    def repeat(self, exchange: Exchange, sending: Sending) -> Receipt | None:
        """Return the first answer to a message that is known. Raises ConflictingMessage.

        An update without a name is carried out however often it comes: it changes nothing then.
        """
        if sending.only_updates and not sending.identifier:
            return None
        return self._store.repeat(exchange.client.organisation, sending.control_id, sending.digest)

    def carry_out(
        self,
        exchange: Exchange,
        action: str,
        requests: Sequence[Request],
        sending: Sending,
        word: Word,
    ) -> Receipt:
        """Write what the requests ask for, all or nothing, and what follows from it.

        `word` makes the answer of what was done. Raises the error that tells every fault.
        """
        for _ in range(TRIES):
            prepared = self._preparation.prepare(exchange, requests)
            try:
                return self._commit(exchange, action, prepared, sending, word)
            except Stale:
                continue
        raise Unavailable("Others changed the same resources at the same time; send it again.")

    def _commit(
        self,
        exchange: Exchange,
        action: str,
        prepared: Prepared,
        sending: Sending,
        word: Word,
    ) -> Receipt:
        owner, id_ = exchange.client.organisation, sending.kept_as or self._new_id()
        writes = tuple(prepared.writes(owner))
        seen = self._recognise(owner, prepared.bundle(), id_) if writes else None
        bodies = _bodies(seen)
        done = [_done(prepared, target, bodies) for target in prepared.targets]
        answer = word(_with_issues(done, seen.issues if seen else ()))
        if not writes or seen is None:
            return Receipt(message_id="", repeated=False, answer=answer)
        is_told = bool(seen.deliveries) and not sending.only_updates
        known_as = sending.control_id if is_told or sending.identifier else id_
        message = RawMessage(
            id=id_,
            sender=owner,
            control_id=known_as,
            digest=sending.digest,
            media_type=sending.media_type,
            body=sending.body,
            received_at=exchange.now,
            mapping=seen.mapping,
            mapping_version=seen.mapping_version,
            issues=seen.issues,
        )
        return self._store.commit(
            Commit(
                message=message,
                answer=answer,
                writes=(*_others(writes, bodies), *seen.writes),
                deliveries=seen.deliveries,
                checks=_once((*prepared.checks, *seen.checks)),
                shared=tuple(dict.fromkeys((*prepared.shared, *seen.shared))),
                concerned=seen.concerned,
                audit=(exchange.audit(action, prepared.kind, id_),),
                replay=bool(sending.kept_as),
            )
        )

    @contextmanager
    def keeping(self, exchange: Exchange, sending: Sending) -> Iterator[None]:
        """Keep the bytes, as a dead letter, of what is refused for what it says."""
        try:
            yield
        except ServiceError as refused:
            if refused.http_status in BAD_INPUT:
                self.refuse(exchange, sending, refused.issues)
            raise

    def refuse(self, exchange: Exchange, sending: Sending, issues: Iterable[Issue]) -> None:
        """Keep the bytes of what was refused, as a dead letter."""
        message = RawMessage(
            id=sending.kept_as or self._new_id(),
            sender=exchange.client.organisation,
            control_id=sending.identifier,
            digest=sending.digest,
            media_type=sending.media_type,
            body=sending.body,
            received_at=exchange.now,
        )
        self._store.refuse(message, tuple(issues))


def _bodies(seen: Recognition | None) -> dict[str, bytes]:
    """Return what the relay writes itself, by reference: it takes the place of what was posted."""
    if seen is None:
        return {}
    delivered = [delivery.communication for delivery in seen.deliveries]
    return {f"{write.type}/{write.id}": write.body for write in (*seen.writes, *delivered)}


def _others(writes: Iterable[Write], bodies: dict[str, bytes]) -> Iterable[Write]:
    return (write for write in writes if f"{write.type}/{write.id}" not in bodies)


def _once(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(dict.fromkeys(checks))


def _done(prepared: Prepared, target: Target, bodies: dict[str, bytes]) -> Done:
    """Return what becomes of one request. An instant that is not yet known is LAST_UPDATED."""
    new = target.reference not in prepared.unchanged and (
        target.outcome != "existing" or target.known is None
    )
    version = target.prior + 1 if new else target.prior
    return Done(
        request=target.request,
        status=CREATED if target.outcome == "created" else 200,
        reference=target.reference,
        version=version,
        updated=LAST_UPDATED.decode() if new else _instant(target),
        resource=_resource(prepared, target, bodies),
    )


def _instant(target: Target) -> str:
    return Instant(target.known.updated).isoformat() if target.known else ""


def _resource(
    prepared: Prepared, target: Target, bodies: dict[str, bytes]
) -> Resource | orjson.Fragment | None:
    if target.reference in bodies:
        return orjson.Fragment(bodies[target.reference])  # it is only shown, if at all
    if target.reference in prepared.kept:
        return prepared.kept[target.reference]
    return target.known.resource if target.known else None


def json_answer(status: int, body: bytes, *headers: tuple[str, str]) -> Answer:
    """Return an answer in FHIR JSON."""
    return Answer(status=status, media_type=FHIR_JSON, body=body, headers=headers)


def _with_issues(done: Sequence[Done], issues: tuple[Issue, ...]) -> list[Done]:
    """Tell what was doubtful in the whole at its first entry."""
    return [replace(done[0], issues=issues), *done[1:]] if done and issues else list(done)
