"""Messages that retention can be tried on, and what it did with them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from service.model import Instant
from service.store import Commit, Deadline, Keep, Passed, Step, Store
from tests.store_samples import commit, delivery, message, new_id, write

NHS = "9990123454"
SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
YEAR = 365
A_YEAR = Keep(messages=YEAR, resources=YEAR, audit=YEAR)
ANSWERED = Deadline(role="action", due=0, step=Step())


def today() -> Instant:
    """The real time."""
    return Instant(time.time_ns() // 1000)


def discharge(*recipients: str, nhs_number: str = "", content: bytes = b"", **given: Any) -> Commit:
    """A message with a patient and an encounter; every recipient has answered unless it is said."""
    deadline = given.pop("deadline", ANSWERED)
    keys = (("identifier", f"{SYSTEM}|{nhs_number}"),) if nhs_number else ()
    patient = write("Patient", "RJZ", *keys)
    stay = write("Encounter", "RJZ", ("patient", f"Patient/{patient.id}"))
    told = tuple(
        replace(delivery(r, patient_id=patient.id, nhs_number=nhs_number), deadline=deadline)
        for r in recipients
    )
    about = [one.communication.id for one in told]
    return commit(
        message=message(content or new_id().encode()),
        writes=(patient, stay),
        deliveries=tuple(
            replace(d, task=replace(d.task, keys=(("focus", f"Communication/{about[k]}"),)))
            for k, d in enumerate(told)
            if d.task
        ),
        **given,
    )


def run(store: Store, keep: Keep = A_YEAR, *, remove: bool = True) -> list[Passed]:
    return list(store.retention.run(keep, remove=remove))


def state(store: Store, organisation: str, type_: str, id_: str) -> str:
    found = store.read(organisation, type_, id_)
    return "unknown" if found is None else "gone" if found.deleted else "kept"


def tally(passed: list[Passed]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for one in passed:
        key = (one.what, one.stays)
        found[key] = found.get(key, 0) + one.many
    return found
