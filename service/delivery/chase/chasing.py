"""Sees to it that somebody answers: a reminder, then another team, and the sender is told.

Each step is one transaction with a number of its own (Task and step), so that it is done once,
however many workers there are and whenever one of them is killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog

from service.delivery.chase.facts import Facts, look
from service.delivery.chase.planning import Plan, Planner
from service.delivery.directory import Directory
from service.delivery.writes import as_write
from service.errors import Issue, NonconformantResource, Unavailable
from service.fhir.search_parameters import Resource
from service.log import without_values
from service.model import Instant, OdsCode
from service.store import (
    Answer,
    Commit,
    Delivery,
    RawMessage,
    Reached,
    Stale,
    Store,
    Waiting,
    Write,
)

_log = structlog.get_logger()
_NO_ANSWER: Final = Answer(status=200, media_type="", body=b"")
_BROKEN: Final = timedelta(minutes=5)  # until a step that cannot be done is tried again
_TRIES: Final = 5
_MEDIA_TYPE: Final = "application/vnd.discharge-relay.step+json"


class Chasing:
    """Takes the steps that are due."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        check: Callable[[Resource], list[Issue]],
    ) -> None:
        self._store, self._clock, self._new_id, self._check = store, clock, new_id, check
        self._planner = Planner(store=store, directory=directory, clock=clock, new_id=new_id)

    def turn(self) -> int:
        """Take every step that is due; return how many. Raises Unavailable."""
        taken = 0
        while due := self._store.deadlines.due(Instant.of(self._clock())):
            for waiting in due:
                self._take_safely(waiting)
                taken += 1
        return taken

    def _take_safely(self, waiting: Waiting) -> None:
        """Take a step; one that cannot be taken does not keep the others waiting."""
        try:
            self._take(waiting)
        except Unavailable:
            raise
        except Exception as fault:
            _log.error("step not taken", step=waiting.step, exception=without_values(fault))
            later = Instant.of(self._clock() + _BROKEN)
            self._store.deadlines.put_off(waiting, later)

    def _take(self, waiting: Waiting) -> None:
        for _ in range(_TRIES):
            try:
                self._take_once(waiting)
            except Stale:  # somebody answered meanwhile: look again
                continue
            return
        raise Stale("others change the same Task all the time")

    def _take_once(self, waiting: Waiting) -> None:
        facts = look(self._store, waiting)
        plan = self._planner.plan(facts) if facts else None
        if facts is None or plan is None:
            self._store.deadlines.end(waiting)
            return
        receipt = self._store.commit(self._commit(facts, plan))
        if receipt.repeated:  # another worker was faster
            return
        _log.info("step taken", step=waiting.step, organisation=waiting.recipient)

    def _commit(self, facts: Facts, plan: Plan) -> Commit:
        """Return the step as one transaction. Raises NonconformantResource."""
        self._require_conformance(plan)
        waiting, prior = facts.waiting, int(facts.task["meta"]["versionId"])
        said = {"task": waiting.task_id, "step": waiting.step, "about": waiting.message_id}
        body = orjson.dumps(said)
        task = as_write(plan.task, OdsCode(waiting.sender), prior=prior, keeps_audience=True)
        return Commit(
            message=RawMessage(
                id=self._new_id(),
                sender=waiting.sender,
                control_id=f"{_MEDIA_TYPE}|{waiting.task_id}|{waiting.step}",
                digest=hashlib.sha256(body).digest(),
                media_type=_MEDIA_TYPE,
                body=body,
                received_at=Instant.of(self._clock()),
            ),
            answer=_NO_ANSWER,
            writes=(_with_step(task, plan), *plan.writes),
            deliveries=tuple(plan.deliveries),
            shared=plan.shared,
        )

    def _require_conformance(self, plan: Plan) -> None:
        made = [plan.task, *_resources(plan.deliveries)]
        faults = [fault for one in made for fault in self._check(one)]
        errors = [fault for fault in faults if fault.severity in ("error", "fatal")]
        if errors:
            raise NonconformantResource(issues=errors)


def _with_step(write: Write, plan: Plan) -> Write:
    reached = (*write.reached, Reached("escalated")) if plan.escalated else write.reached
    return replace(write, step=plan.step, reached=reached)


def _resources(deliveries: Sequence[Delivery]) -> Iterator[Resource]:
    for delivery in deliveries:
        yield orjson.loads(delivery.communication.body)
        if delivery.task:
            yield orjson.loads(delivery.task.body)
