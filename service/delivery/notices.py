"""What a subscriber may be told of events: looked at when it is sent, not when it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.delivery.contents import Contents
from service.fhir.index import ods_code
from service.fhir.notification import Notified
from service.fhir.search_parameters import Resource
from service.fhir.topics import Topic
from service.formats.fhir_r4.json_reader import read_json
from service.store import Event, Store, Stored

May = Callable[[str, str], bool]  # resource type and letter: whether the client's rights cover it


class Notices:
    """Reads for one sending."""

    def __init__(self, store: Store, contents: Contents) -> None:
        self._store, self._contents = store, contents

    def of(
        self, recipient: str, topic: Topic, events: Sequence[Event], *, full: bool, may: May
    ) -> list[Notified]:
        """Return the events; of one that may not be seen any more the number alone."""
        asked = [(topic.kind, event.id) for event in events]
        seen = self._store.read_many(recipient, asked) if may(topic.kind, "r") else {}
        told = []
        for event in events:
            stored = seen.get((topic.kind, event.id))
            focus = _theirs(recipient, stored) if stored else None
            told.append(self._notified(recipient, topic, event, focus, full=full, may=may))
        return told

    def _notified(
        self,
        recipient: str,
        topic: Topic,
        event: Event,
        focus: Resource | None,
        *,
        full: bool,
        may: May,
    ) -> Notified:
        if focus is None:
            return Notified(n=event.n, at=event.updated)
        others = self._contents.around(recipient, focus) if full else []
        readable = [one for one in others if may(one["resourceType"], "r")]
        return Notified(
            n=event.n,
            at=event.updated,
            focus=f"{topic.kind}/{event.id}",
            resources=(focus, *readable) if full else (),
        )


def _theirs(recipient: str, stored: Stored) -> Resource | None:
    """Return a resource that is still its recipient's to be told of."""
    if stored.deleted:
        return None
    resource: Resource = read_json(stored.body)
    if stored.type == "Task" and ods_code(resource.get("owner")) != recipient:
        return None
    return resource
