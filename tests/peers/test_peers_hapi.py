"""A relay forwards to a real HAPI FHIR server: it arrives, follows changes, and is found there."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.bodies import nhs_number
from sandbox.hapi import Hapi
from sandbox.produced import mapping_examples
from service.app import Relay, take_in
from service.fhir.digest import DIGEST
from service.fhir.systems import NHS_NUMBER, ODS
from service.model import OdsCode
from tests.digest_days import days_on
from tests.fhir_server_relay import arrived, forwarding, place
from tests.hl7v2_letters import a03
from tests.mesh_relay import eventually
from tests.mllp_wire import quick_relay

pytest_plugins = ["tests.store_fixtures", "tests.peers.hapi_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]
HOSPICE, OTHER = "8HX03", "8HX01"
_OTHERS = count(500)  # patients: HAPI lives longer than a test
Resource = dict[str, Any]


@pytest.fixture
def source(sqlite_url: str) -> Iterator[Relay]:
    """A relay whose feeds are forwarded."""
    with quick_relay(sqlite_url) as running:
        yield running


@pytest.fixture
def number() -> str:
    """The NHS number of a patient whom this HAPI has not seen."""
    return nhs_number(next(_OTHERS))


def send(relay: Relay, body: bytes) -> None:
    [answer] = relay.pipeline.receive_hl7v2(OdsCode("RJZ"), "application/hl7-v2", body)
    assert b"MSA|AA" in answer.body


def forward(relay: Relay, hapi: Hapi, *teams: str) -> None:
    """Send until everything has arrived."""
    with forwarding(relay, hapi.base, *(teams or (HOSPICE,))):
        eventually(lambda: all(arrived(relay, ods) for ods in teams or (HOSPICE,)), 120)


def kind(communication: Resource) -> str:
    return str(communication["topic"]["coding"][0]["code"])


def test_a_discharge_is_found_there_with_all_that_it_refers_to(
    source: Relay, hapi: Hapi, number: str
) -> None:
    send(source, a03(nhs_number=number))

    forward(source, hapi)

    [notice] = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}")
    assert kind(notice) == "discharge"
    encounter = hapi.get(notice["encounter"]["reference"])
    assert encounter["status"] == "finished"
    [task] = hapi.search(f"Task?focus=Communication/{notice['id']}")
    assert task["status"] == "requested"
    sender = hapi.get(notice["sender"]["reference"])
    assert {"system": ODS, "value": "RJZ"} in [
        {name: one[name] for name in ("system", "value")} for one in sender["identifier"]
    ]
    document = hapi.get(notice["about"][0]["reference"])
    attached = document["content"][0]["attachment"]["url"]
    assert number.encode() in b64decode(hapi.get(attached)["data"])


def test_what_arrives_conforms_there_too_and_what_does_not_is_found(
    source: Relay, hapi: Hapi, number: str
) -> None:
    send(source, a03(nhs_number=number))

    forward(source, hapi)

    [notice] = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}")
    patient = hapi.get(notice["subject"]["reference"])
    for resource in (notice, patient, hapi.get(notice["encounter"]["reference"])):
        assert hapi.validate(resource) == []
    assert hapi.validate({**notice, "status": "not-done"})  # dr-com-1: without a reason
    assert hapi.validate({**patient, "gender": "F"})


def test_an_update_and_a_retraction_follow(source: Relay, hapi: Hapi, number: str) -> None:
    send(source, a03(nhs_number=number))
    forward(source, hapi)
    send(
        source,
        a03(
            nhs_number=number,
            control_id="K2",
            event="A08",
            sent="20261121090000",
            postcode="TN1 1ZZ",
        ),
    )
    forward(source, hapi)

    [patient] = hapi.search(f"Patient?identifier={NHS_NUMBER}|{number}")
    assert patient["meta"]["versionId"] == "2"
    assert patient["address"][0]["postalCode"] == "TN1 1ZZ"

    send(source, a03(nhs_number=number, control_id="K3", event="A13", sent="20261122090000"))
    forward(source, hapi)

    told = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}")
    states = {kind(one): one["status"] for one in told}
    assert (states["discharge"], states["discharge-cancelled"]) == ("stopped", "in-progress")
    [discharge] = [one for one in told if kind(one) == "discharge"]
    [task] = hapi.search(f"Task?focus=Communication/{discharge['id']}")
    assert task["status"] == "cancelled"
    [encounter] = hapi.search(f"Encounter?patient.identifier={NHS_NUMBER}|{number}")
    assert encounter["status"] == "in-progress"


def test_what_is_sent_twice_is_there_once(source: Relay, hapi: Hapi, number: str) -> None:
    send(source, a03(nhs_number=number))
    forward(source, hapi)

    source.store.channels.resume(HOSPICE, "fhir-server", 0)
    forward(source, hapi)

    [notice] = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}")
    [patient] = hapi.search(f"Patient?identifier={NHS_NUMBER}|{number}")
    assert patient["meta"]["versionId"] == "1"
    assert len(hapi.search(f"Organization?identifier={ODS}|RJZ")) == 1
    assert notice["status"] == "in-progress"


def test_a_conflict_is_tried_again_until_it_is_there(
    source: Relay, hapi: Hapi, number: str
) -> None:
    send(source, a03(nhs_number=number))
    forward(source, hapi)
    [patient] = hapi.search(f"Patient?identifier={NHS_NUMBER}|{number}")

    with changing(hapi, patient), forwarding(source, hapi.base, HOSPICE):
        conflicts, n = 0, 0
        until = time.monotonic() + 120
        while not conflicts and time.monotonic() < until:
            n += 1
            send(
                source,
                a03(
                    nhs_number=number,
                    control_id=f"K{n + 1}",
                    event="A08",
                    sent=f"202611211{n // 60:01d}{n % 60:02d}00",
                    postcode=f"TN{n % 9} 1ZZ",
                ),
            )
            eventually(lambda: arrived(source, HOSPICE) or "409" in place(source, HOSPICE).reason)
            conflicts += "409" in place(source, HOSPICE).reason
    assert conflicts
    forward(source, hapi)

    told = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}&_count=200")
    assert len(told) == n + 1
    [now] = hapi.search(f"Patient?identifier={NHS_NUMBER}|{number}")
    assert now["address"][0]["postalCode"] == f"TN{n % 9} 1ZZ"


@contextmanager
def changing(hapi: Hapi, patient: Resource) -> Iterator[None]:
    """Others write the same patient all the time."""
    stop = threading.Event()
    writers = [
        threading.Thread(target=_write, args=(hapi.base, patient, f"writer-{n}", stop))
        for n in range(3)
    ]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def _write(base: str, patient: Resource, name: str, stop: threading.Event) -> None:
    session = requests.Session()
    session.trust_env = False
    for n in count():
        if stop.is_set():
            return
        changed = {**patient, "contact": [{"name": {"text": f"XXTEST {name} {n}"}}]}
        session.put(
            f"{base}/Patient/{patient['id']}",
            data=json.dumps(changed),
            headers={"Content-Type": "application/fhir+json"},
            timeout=60,
        )


def test_two_teams_that_share_a_server_share_what_they_are_sent(
    source: Relay, hapi: Hapi, number: str
) -> None:
    send(source, a03(nhs_number=number))
    send(source, a03(nhs_number=number, control_id="K2", postcode="CT1 1ZZ", sent="20261121090000"))

    forward(source, hapi, HOSPICE, OTHER)

    told = hapi.search(f"Communication?patient.identifier={NHS_NUMBER}|{number}")
    assert {one["recipient"][0]["identifier"]["value"] for one in told} == {HOSPICE, OTHER}
    assert len(hapi.search(f"Patient?identifier={NHS_NUMBER}|{number}")) == 1


def test_everything_that_the_mappings_examples_become_is_taken(source: Relay, hapi: Hapi) -> None:
    for example in mapping_examples():
        take_in(source, example.sender, "", example.body, example.mapping_id)
    teams = [entry.ods for entry in source.routing.directory if source.store.head(entry.ods).n]

    with forwarding(source, hapi.base, *teams):
        eventually(lambda: all(arrived(source, ods) or parked(source, ods) for ods in teams), 200)

    assert len(teams) > 3
    assert not [place(source, ods).reason for ods in teams if parked(source, ods)]


def parked(relay: Relay, ods: str) -> bool:
    return place(relay, ods).state == "parked"


def test_a_digest_arrives_as_lists_of_what_it_lists(
    sqlite_url: str, tmp_path: Path, hapi: Hapi
) -> None:
    schedule = '{at: "08:00", by: fhir-server}'
    days = days_on(sqlite_url, tmp_path, None, schedule, hapi.base)
    with days.relay.store:
        days.discharge(1)
        days.at("2026-03-03 08:00")
        days.discharge(2)
        days.at("2026-03-04 08:00")
        notices = days.relay.store.feed(HOSPICE, 0, 9).events
        days.opened[0].close()

    number = f"identifier={DIGEST}|{HOSPICE}/2026-03-04/2"
    [new], [unanswered] = (
        hapi.search(f"List?{number}/new"),
        hapi.search(f"List?{number}/unanswered"),
    )
    listed = [one["entry"][0]["item"]["reference"] for one in (unanswered, new)]
    assert listed == [f"Communication/{event.id}" for event in notices]
    assert hapi.get(listed[1])["recipient"][0]["identifier"]["value"] == HOSPICE
    assert hapi.validate(new) == hapi.validate(unanswered) == []
