"""The business acknowledgement of an ITK3 message: what its recipients have answered so far.

The relay itself knows no patient; its recipients do. Whoever accepts what was sent knows the
patient; whoever rejects it may say in the reason, with an ITK code, that they do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.errors import NotFound
from service.fhir import itk_codes
from service.fhir.itk_codes import Code
from service.fhir.systems import TASK_ID
from service.itk.answers import ItkAnswers
from service.store import Answer, DeadLetter, Store

_CODE: Final = re.compile(r"\b(?:3000[1-4]|410(?:01|02|22))\b")
Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class BusinessAcknowledgements:
    """Made of the Tasks of what was sent on."""

    store: Store
    answers: ItkAnswers

    def of(self, sender: str, message_id: str) -> Answer | None:
        """Return the acknowledgement of a message, by MessageHeader.id; None: nobody answered.

        One who knows the patient speaks for all; that nobody does is said when all have answered.
        Raises NotFound if this sender sent no such message, or it did not ask.
        """
        kept = self.store.dead_letters.taken(sender, message_id)
        if kept is None or self.answers.business(kept.body, itk_codes.KNOWN) is None:
            raise NotFound("No message of this id asked for a business acknowledgement.")
        said = _said([_code(task) for task in self._tasks(kept)])
        return self.answers.business(kept.body, said) if said else None

    def _tasks(self, kept: DeadLetter) -> Iterator[Resource]:
        """Yield the acknowledgement Task of each recipient."""
        event = f"{kept.id}-{kept.control_id}"
        for ods in self.store.audience("Binary", kept.id):
            key = ("identifier", f"{TASK_ID}|{event}-{ods}")
            for id_, _ in self.store.find(kept.sender, "Task", key):
                task = self.store.read(kept.sender, "Task", id_)
                if task and not task.deleted:
                    yield orjson.loads(task.body)


def _code(task: Resource) -> Code | None:
    reason = orjson.dumps(task.get("statusReason", {})).decode()
    return itk_codes.of_answer(task["status"], _CODE.findall(reason))


def _said(codes: list[Code | None]) -> Code | None:
    """Return what all answers together say of the patient."""
    for code in (itk_codes.DECEASED, itk_codes.KNOWN):
        if code in codes:
            return code
    told = [code for code in codes if code]
    return told[0] if told and len(told) == len(codes) else None
