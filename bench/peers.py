"""`make bench-peers`: a relay and HAPI FHIR in the same run, under the same load.

Transactions of four resources and polls of 20, by several clients. Each runs alone; each is
warmed until two runs in a row agree.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import uuid
from collections.abc import Iterator
from typing import Any

from bench.bodies import NUMBERS, ODS, PATIENTS, RECIPIENT, SENDER
from bench.conversions import measure_against_peer
from bench.figures import tell, tell_median
from bench.load import Client, Target, asking, rate, shared_out
from bench.relay import Running
from bench.relay import serving as relaying
from bench.steady import Rate, warm_up
from sandbox import maven
from sandbox.hapi import Hapi, serving
from sandbox.produced import converter

CLIENTS = 4
A_RUN = 1000  # requests of a repetition, all clients together
HAPI_RUNS = 8  # repetitions before a JVM is warm, at least
WORKERS = 2  # processes of the relay: as many as cores
NHS = "https://fhir.nhs.uk/Id/nhs-number"
_FHIR = "Content-Type: application/fhir+json\r\nAccept: application/fhir+json\r\n"
_NO_STORE = "Cache-Control: no-store\r\n"  # HAPI keeps searches otherwise: no-store is faster
Resource = dict[str, Any]


def main() -> None:
    """Measure both, and tell the figures and their ratios."""
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="repetitions (default 5)")
    parser.add_argument("--requests", type=int, default=A_RUN, help=f"of each (default {A_RUN})")
    chosen = parser.parse_args()
    try:
        with serving(maven.find(), heap="2g") as hapi:
            theirs = measure_hapi(hapi, chosen)
    except (maven.Missing, maven.NotBuilt) as missing:
        sys.exit(str(missing))
    with relaying(SENDER, RECIPIENT, workers=WORKERS) as relay:
        ours = measure_relay(relay, chosen)
    for name in ("ingest", "poll"):
        about = f"{CLIENTS} clients; SQLite, synchronous=FULL ÷ HAPI with H2 in memory"
        tell(f"{name}_vs_hapi", ours[name] / theirs[name], "times", about)
    measure_against_peer(converter(), chosen.repeat)


def measure_hapi(hapi: Hapi, chosen: argparse.Namespace) -> dict[str, float]:
    """Return the medians of HAPI's rates."""
    port = int(hapi.base.rpartition(":")[2].partition("/")[0])
    target = Target(port=port, headers=_FHIR + _NO_STORE)
    ingest = ingesting(target, "/fhir", chosen.requests)
    found = {"ingest": measured("ingest_hapi", ingest, chosen, HAPI_RUNS)}
    [team] = hapi.search(f"Organization?identifier={ODS}|{RECIPIENT}")
    page = f"/fhir/Communication?recipient=Organization/{team['id']}&_sort=-_lastUpdated&_count=20"
    poll = polling(target, [page], chosen.requests)
    found["poll"] = measured("poll_20_hapi", poll, chosen, HAPI_RUNS)
    tell("hapi_rss", hapi.memory(), "MB", "after the load, heap of at most 2 GB")
    return found


def measure_relay(relay: Running, chosen: argparse.Namespace) -> dict[str, float]:
    """Return the medians of our rates."""
    sends = Target(port=relay.port, headers=_FHIR + relay.bearer(SENDER))
    reads = Target(port=relay.port, headers=_FHIR + relay.bearer(RECIPIENT))
    ingest = ingesting(sends, "/fhir", chosen.requests)
    found = {"ingest": measured("ingest_4", ingest, chosen)}
    start = f"/fhir/Communication?recipient:identifier={ODS}|{RECIPIENT}&_count=20"
    pages = list(itertools.islice(_pages(reads, start), 50))
    found["poll"] = measured("poll_20_4", polling(reads, pages, chosen.requests), chosen)
    conditions = f"after the load, {WORKERS} workers, what all processes share counted once"
    tell("serve_rss_4", relay.memory(), "MB", conditions)
    return found


def measured(name: str, run: Rate, chosen: argparse.Namespace, at_least: int = 2) -> float:
    """Warm up, tell the rate, return its median."""
    runs = warm_up(run, at_least)
    rates = [run() for _ in range(chosen.repeat)]
    warm = f"{CLIENTS} clients, {chosen.requests} requests, after {runs} such runs"
    tell_median(f"{name}_rate", rates, "1/s", warm)
    return statistics.median(rates)


def ingesting(target: Target, path: str, requests: int) -> Rate:
    """Return what posts so many transactions, none of them twice."""
    numbers = itertools.count()

    def run() -> float:
        asked = [target.request("POST", path, bundle(next(numbers))) for _ in range(requests)]
        return rate(target.port, shared_out([asking(one) for one in asked], CLIENTS))

    return run


def polling(target: Target, pages: list[str], requests: int) -> Rate:
    """Return what asks for these pages in turn."""
    asked = [target.request("GET", page) for page in pages]
    steps = [asking(one) for one in itertools.islice(itertools.cycle(asked), requests)]
    return lambda: rate(target.port, shared_out(steps, CLIENTS))


def _pages(target: Target, start: str) -> Iterator[str]:
    """Yield the addresses of a feed's full pages."""
    client, page = Client(target.port), start
    while True:
        found = json.loads(client.ask(target.request("GET", page)))
        if len(found.get("entry", ())) < 20:
            client.close()
            return
        yield page
        after = next(one["url"] for one in found["link"] if one["relation"] == "next")
        page = f"/fhir{after.partition('/fhir')[2]}"


def bundle(i: int) -> bytes:
    """A transaction: Patient and Organization if they are new, ServiceRequest, Communication."""
    number = NUMBERS[i % PATIENTS]
    patient, team, request, notice = (f"urn:uuid:{uuid.uuid4()}" for _ in range(4))
    to = {"reference": team, "identifier": {"system": ODS, "value": RECIPIENT}}
    entries = [
        _entry(patient, _patient(number, i), f"identifier={NHS}|{number}"),
        _entry(team, _team(), f"identifier={ODS}|{RECIPIENT}"),
        _entry(request, _request(i, patient, to)),
        _entry(notice, _notice(i, patient, request, to)),
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def _entry(url: str, resource: Resource, if_none_exist: str = "") -> Resource:
    request = {"method": "POST", "url": resource["resourceType"]}
    if if_none_exist:
        request["ifNoneExist"] = if_none_exist
    return {"fullUrl": url, "resource": resource, "request": request}


def _patient(number: str, i: int) -> Resource:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": NHS, "value": number}],
        "name": [{"family": f"XXTESTPATIENT-{i % PATIENTS}", "given": ["Bench"]}],
        "gender": "female",
        "birthDate": "1944-02-03",
    }


def _team() -> Resource:
    named = [{"system": ODS, "value": RECIPIENT}]
    return {"resourceType": "Organization", "identifier": named, "name": "Test hospice"}


def _request(i: int, patient: str, to: Resource) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/referral", "value": f"P{i}"}],
        "status": "active",
        "intent": "order",
        "priority": "urgent",
        "code": {"text": "Referral to palliative care service"},
        "subject": {"reference": patient},
        "performer": [to],
        "authoredOn": "2026-11-20T10:00:00Z",
        "reasonCode": [{"text": "Pain that other treatment does not relieve"}],
    }


def _notice(i: int, patient: str, request: str, to: Resource) -> Resource:
    return {
        "resourceType": "Communication",
        "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/message", "value": f"P{i}"}],
        "status": "in-progress",
        "priority": "urgent",
        "basedOn": [{"reference": request}],
        "subject": {"reference": patient},
        "recipient": [to],
        "sent": "2026-11-20T10:01:00Z",
        "payload": [{"contentString": "Discharged home; please visit. " * 16}],
    }


if __name__ == "__main__":
    main()
