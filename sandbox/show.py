"""Trusts send to a running relay; what a FHIR server has of it is read back and shown.

`python -m sandbox.show RELAY DATABASE FHIR-SERVER` does it with addresses that are given.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import requests
from joserfc.jwk import ECKey

from sandbox.mappings import HOSPICE, SHIPPED
from service.demo import KINGS, PARTIES, SENDINGS, Caller, Sending, register
from service.fhir.systems import NHS_NUMBER, ODS
from service.store import open_store

WITHIN: Final = 120  # seconds until everything has arrived
CANCELLED: Final = Sending(
    by=KINGS,
    what="the discharge is cancelled, HL7 v2 ADT^A13",
    example="examples/rjz-a13-cancelled.hl7",
    path="/hl7v2",
    media_type="application/hl7-v2",
)
Resource = dict[str, Any]


def show(relay: str, database: str, server: str) -> None:
    """Print what is sent, how it is answered, and what the FHIR server has then.

    Raises DemoFailed, TimeoutError, HTTPError.
    """
    keys = register(database)
    _sent(relay, keys, SENDINGS)
    _arrived(database)
    _tell(server)
    _sent(relay, keys, [CANCELLED])
    _arrived(database)
    _tell(server)


def _sent(relay: str, keys: dict[str, ECKey], sendings: Iterable[Sending]) -> None:
    for sending in sendings:
        caller = Caller(sending.by, keys[sending.by.id], relay)
        answered = caller.post_example(sending, SHIPPED)
        print(f"{sending.by.name} sends {sending.what}: {answered}", flush=True)


def _arrived(database: str) -> None:
    """Wait until the hospice's feed has gone to its server. Raises TimeoutError."""
    until = time.monotonic() + WITHIN
    with open_store(database) as store:
        while time.monotonic() < until:
            place, head = store.channels.place(HOSPICE, "fhir-server"), store.head(HOSPICE)
            if place.n == head.n:
                print(f"Forwarded up to event {head.n} of {HOSPICE}.\n", flush=True)
                return
            time.sleep(0.1)
    raise TimeoutError(f"not forwarded: {place.state}, {place.reason}")


def _tell(server: str) -> None:
    """Print each notice, as its team finds it on its own server."""
    asked = f"Communication?recipient.identifier={ODS}|{HOSPICE}&_include=Communication:subject"
    found = list(_read(server, f"{asked}&_sort=sent"))
    people = {f"Patient/{one['id']}": one for one in found if one["resourceType"] == "Patient"}
    for one in found:
        if one["resourceType"] == "Communication":
            who = _named(people.get(one["subject"]["reference"], {}))
            what = one["topic"].get("text", "")
            print(f"  Communication/{one['id']}  {one['status']:12} {what:22} {who}")
            print(f"    {one['payload'][0]['contentString'][:110]}")
    print(flush=True)


def _named(patient: Resource) -> str:
    numbers = [i["value"] for i in patient.get("identifier", ()) if i.get("system") == NHS_NUMBER]
    names = [name.get("family", "") for name in patient.get("name", ())]
    return " ".join([*names[:1], *numbers])


def _read(server: str, query: str) -> Iterator[Resource]:
    session = requests.Session()
    session.trust_env = False  # a proxy has no business on the loopback
    session.headers["Cache-Control"] = "no-store"
    answer = session.get(f"{server}/{query}", timeout=60)
    answer.raise_for_status()
    for entry in answer.json().get("entry", ()):
        yield entry["resource"]


if __name__ == "__main__":
    print(f"Clients: {', '.join(party.id for party in PARTIES)}")
    show(*sys.argv[1:4])
