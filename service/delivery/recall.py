"""A notice for a team that is told by its caseload: a copy of one that is nobody's yet.

Each message that caseloads may be about makes such a notice. The teams who have the patient get
theirs at once; it is kept for those who will have the patient later.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from service.delivery.directory import Directory
from service.delivery.terms import first_deadline
from service.delivery.writes import as_write
from service.fhir.build import Built
from service.fhir.systems import COMMUNICATION_ID, ODS, TASK_ID
from service.model import Instant, OdsCode, Recipient
from service.store import RELAY, Delivery, KeptOccurrence, Recall

Resource = dict[str, Any]
NOBODY: Final = OdsCode("CASELOAD")
FOR_NOBODY: Final = Recipient(ods=NOBODY, role="information", because="caseload")
_TOLD_LATER: Final = "Information: told when the patient was put on the caseload; sent first at {}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A Communication and its Task, addressed to NOBODY."""

    communication: Resource
    task: Resource

    def packed(self) -> bytes:
        """Return it as it is kept."""
        return zlib.compress(orjson.dumps([self.communication, self.task]), 1)

    @classmethod
    def unpacked(cls, body: bytes) -> Notice:
        """Return it as it was."""
        communication, task = orjson.loads(zlib.decompress(body))
        return cls(communication=communication, task=task)


def without_nobodys(built: Built) -> tuple[Built, Notice | None]:
    """Return what was built for somebody, and the notice that is nobody's, if there is one."""
    told = tuple(one for one in built.communications if one[0].ods != NOBODY)
    for to, communication, task in built.communications:
        if to.ods == NOBODY:
            notice = Notice(communication=communication, task=task)
            return replace(built, communications=told), notice
    return built, None


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressing:
    """Makes a team's own notice of one that is nobody's."""

    directory: Directory
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def delivery(
        self, notice: Notice, team: OdsCode, kind: str, nhs_number: str, sender: str
    ) -> Delivery:
        """Return the delivery to a team; the sender sees it if the team's caseload is open."""
        discreet = self.is_discreet(team)
        owner = OdsCode(RELAY if discreet else sender)
        told, task = self._addressed(notice, team)
        terms = self.directory.terms_of(team)
        return Delivery(
            recipient=team,
            kind=kind,
            communication=as_write(told, owner),
            task=as_write(task, owner),
            patient_id=told["subject"]["reference"].removeprefix("Patient/"),
            nhs_number=nhs_number,
            discreet=discreet,
            deadline=first_deadline(terms, FOR_NOBODY.role, task, self.clock()),
        )

    def recall(self, told: KeptOccurrence, team: OdsCode) -> Recall:
        """Return what a team is told later of an occurrence."""
        notice = Notice.unpacked(told.body)
        first = notice.communication["sent"]
        now = Instant.of(self.clock()).isoformat()
        notes = [*notice.communication.get("note", ()), {"text": _TOLD_LATER.format(first)}]
        communication = {**notice.communication, "sent": now, "note": notes}
        task = {**notice.task, "authoredOn": now, "lastModified": now}
        again = Notice(communication=communication, task=task)
        delivery = self.delivery(again, team, told.kind, told.nhs_number, told.sender)
        return Recall(occurrence=told, delivery=delivery)

    def is_discreet(self, team: OdsCode) -> bool:
        """Whether a sender must not learn that this team has a patient of its."""
        entry = self.directory.by_code(team)
        return not (entry and entry.open_caseload)

    def _addressed(self, notice: Notice, team: OdsCode) -> tuple[Resource, Resource]:
        whom = self._reference(team)
        told = {
            **notice.communication,
            "id": self.new_id(),
            "identifier": [_numbered(one, team) for one in notice.communication["identifier"]],
            "recipient": [whom],
        }
        urgency = told.get("priority", "routine")
        due = self.directory.due(Recipient(ods=team), urgency, self.clock())
        task = {
            **notice.task,
            "id": self.new_id(),
            "identifier": [_numbered(one, team) for one in notice.task["identifier"]],
            "focus": {"reference": f"Communication/{told['id']}"},
            "owner": whom,
            "restriction": {"period": {"end": due.isoformat(timespec="seconds")}},
        }
        return told, task

    def _reference(self, team: OdsCode) -> Resource:
        named = self.directory.name_of(team)
        made: Resource = {"reference": f"Organization/{team}"} if named else {}
        made |= {"type": "Organization", "identifier": {"system": ODS, "value": str(team)}}
        return made | {"display": named} if named else made


def _numbered(identifier: Mapping[str, Any], team: OdsCode) -> Resource:
    """Return an identifier with the team in the place of nobody."""
    if identifier.get("system") not in (COMMUNICATION_ID, TASK_ID):
        return dict(identifier)
    return {**identifier, "value": identifier["value"].removesuffix(NOBODY) + team}
