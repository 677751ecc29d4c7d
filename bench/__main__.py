"""`make bench`: one JSON line a figure: name, value, unit, conditions."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from bench.bodies import ODS, PATIENTS, RECIPIENT, SENDER, Body, discharge, transaction
from bench.conversions import measure_conversions
from bench.figures import tell, tell_median
from bench.relay import Running, serving

WARM_UP = 500  # requests, not counted
PAGE = 20  # Communications a poll
FHIR = "application/fhir+json"


def main() -> None:
    """Measure what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000, help="a repetition (default 3000)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (default 3)")
    chosen = parser.parse_args()
    with serving(SENDER, RECIPIENT) as relay:
        tell("ready", relay.ready_after, "s", "from start to the first answer of /ready")
        for name, path, kind, body in (
            ("ingest_transaction", "/fhir", FHIR, transaction),
            ("ingest_hl7v2", "/hl7v2", "application/hl7-v2", discharge),
        ):
            measure(name, chosen, relay, poster(relay, path, kind, body))
        measure("poll_20", chosen, relay, poller(relay, f"_count={PAGE}"))
        measure("poll_nothing_new", chosen, relay, poller(relay, "", at_end=True))
        conditions = "after the load, all serving processes, what they share counted once"
        tell("serve_rss", relay.memory(), "MB", conditions)
    measure_conversions(chosen.repeat)


def measure(
    name: str, chosen: argparse.Namespace, relay: Running, request: Callable[[int], None]
) -> None:
    """Run one scenario with one client; tell its rate and the CPU that the server spent."""
    for i in range(WARM_UP):
        request(i)
    rates, costs = [], []
    for repetition in range(chosen.repeat):
        first = WARM_UP + repetition * chosen.messages
        spent, begun = relay.cpu(), time.perf_counter()
        for i in range(first, first + chosen.messages):
            request(i)
        seconds = time.perf_counter() - begun
        rates.append(chosen.messages / seconds)
        costs.append((relay.cpu() - spent) / chosen.messages * 1000)
    conditions = f"1 client, 1 process, SQLite synchronous=FULL, {chosen.messages} requests"
    conditions += f", {PATIENTS} patients"
    tell_median(f"{name}_cpu", costs, "ms", conditions)
    tell_median(f"{name}_rate", rates, "1/s", conditions)


def poster(relay: Running, path: str, media_type: str, body: Body) -> Callable[[int], None]:
    """Return what posts message `i` and insists that it is taken."""
    connection = relay.connect()
    headers = {
        "Content-Type": media_type,
        "Authorization": f"Bearer {relay.tokens[SENDER]}",
    }

    def post(i: int) -> None:
        connection.request("POST", path, body(i), headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status not in (200, 201):
            raise SystemExit(f"{path} answered {response.status}: {answer[:2000].decode()}")

    return post


def poller(relay: Running, query: str, *, at_end: bool = False) -> Callable[[int], None]:
    """Return what polls a page of the recipient's feed and follows `next`, or stays at the end."""
    connection = relay.connect()
    headers = {"Authorization": f"Bearer {relay.tokens[RECIPIENT]}"}
    start = f"/fhir/Communication?recipient:identifier={ODS}|{RECIPIENT}&{query}".rstrip("&")
    at = start

    def poll(_: int) -> None:
        nonlocal at
        connection.request("GET", at, headers=headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{at} answered {response.status}: {answer[:2000].decode()}")
        following, count = page(answer)
        at = following if count or at_end else start

    return poll


def page(answer: bytes) -> tuple[str, int]:
    """Return the address of the next page, and how many Communications this one has."""
    bundle = json.loads(answer)
    following = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
    return following.partition("/fhir")[1] + following.partition("/fhir")[2], len(
        bundle.get("entry", [])
    )


if __name__ == "__main__":
    main()
