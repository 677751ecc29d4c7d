"""What a recipient is sent of an event: the Communication and what it refers to.

Read at the time of sending, so that what a recipient may not see, or no longer, is not sent.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping

from service.fhir.index import ods_code
from service.fhir.notice import Reference, mentioned
from service.fhir.search_parameters import Resource
from service.formats.fhir_r4.json_reader import read_json
from service.store import Event, Store, Stored

_STEPS = 3  # Communication → Encounter → Condition → …
_NOT_FOLLOWED = {"Communication"}  # earlier ones were sent by themselves
_NOTICES = 1000  # about one patient
_OVER = {"stopped", "entered-in-error"}


class Contents:
    """Reads for one sending; `organisations` are those of the directory, by ODS code."""

    def __init__(self, store: Store, organisations: Mapping[str, Resource]) -> None:
        self._store, self._organisations = store, organisations

    def of(self, recipient: str, event: Event) -> tuple[Resource, list[Resource]]:
        """Return the Communication of an event, and the others: its Task first."""
        communication = read_json(event.body)
        return communication, self.around(recipient, communication)

    def around(self, recipient: str, focus: Resource) -> list[Resource]:
        """Return what a resource refers to, and that to; of a Communication its Task first."""
        found: dict[Reference, Resource] = {}
        if focus["resourceType"] == "Communication":
            for task in self._tasks(recipient, focus["id"]):
                found["Task", task["id"]] = task
        wanted = set(mentioned([focus, *found.values()]))
        for _ in range(_STEPS):
            new = self._visible(recipient, wanted - found.keys())
            found |= new
            wanted = set(mentioned(list(new.values())))
        return list(found.values())

    @property
    def store(self) -> Store:
        """Where it is read from."""
        return self._store

    def tasks(self, recipient: str, communication_id: str) -> list[Resource]:
        """Return the recipient's Tasks about a Communication."""
        return list(self._tasks(recipient, communication_id))

    def withdrawn(self, recipient: str, communication: Resource) -> list[Resource]:
        """Return the earlier notices about the patient that nobody goes by, and their Tasks."""
        about = communication.get("subject", {}).get("reference", "")
        found: list[Resource] = []
        for stored in self._store.stream(
            recipient, "Communication", count=_NOTICES, key=("patient", about)
        ):
            notice = read_json(stored.body)
            if notice["status"] in _OVER and _is_to(recipient, notice):
                found += [notice, *self._tasks(recipient, notice["id"])]
        return [one for one in found if one["id"] != communication["id"]]

    def _tasks(self, recipient: str, communication_id: str) -> Iterator[Resource]:
        key = ("focus", f"Communication/{communication_id}")
        for stored in self._store.stream(recipient, "Task", key=key):
            yield read_json(stored.body)

    def _visible(self, recipient: str, wanted: set[Reference]) -> dict[Reference, Resource]:
        asked = sorted(one for one in wanted if one[0] not in _NOT_FOLLOWED)
        listed = {
            (kind, id_): self._organisations[id_]
            for kind, id_ in asked
            if kind == "Organization" and id_ in self._organisations
        }
        stored = self._store.read_many(recipient, [one for one in asked if one not in listed])
        kept = {place: one for place, one in stored.items() if not one.deleted}
        return {**listed, **{place: self._resource(one) for place, one in kept.items()}}

    def _resource(self, stored: Stored) -> Resource:
        if not stored.media_type:
            return read_json(stored.body)
        return {
            "resourceType": "Binary",
            "id": stored.id,
            "contentType": stored.media_type,
            "data": b64encode(stored.body).decode(),
        }


def _is_to(recipient: str, notice: Resource) -> bool:
    return any(ods_code(one) == recipient for one in notice.get("recipient", ()))
