"""How long after a commit a client that waits for it has it: the latency of a long poll."""

from __future__ import annotations

import json
import statistics
import time
from queue import SimpleQueue
from threading import Thread
from typing import Final

from bench.bodies import ODS, RECIPIENT, SENDER, transaction
from bench.figures import spread, tell
from bench.load import Client, Target
from bench.relay import Running

NOTICES: Final = 200
APART: Final = 0.02  # seconds between an arrival and the next message, so that the poll waits again
_FHIR: Final = "Content-Type: application/fhir+json\r\n"


def measure_long_poll(relay: Running, notices: int = NOTICES) -> None:
    """Tell the median and the 99th percentile in milliseconds."""
    taken = sorted(latencies(relay, notices))
    conditions = f"{notices} notices one after the other; from the sender's answer to the reader's"
    tell("longpoll_p50", statistics.median(taken) * 1e3, "ms", conditions)
    worst = taken[min(len(taken) - 1, round(len(taken) * 0.99))]
    tell("longpoll_p99", worst * 1e3, "ms", conditions, spread([one * 1e3 for one in taken]))


def latencies(relay: Running, notices: int) -> list[float]:
    """Return for each message how long after its answer the waiting reader had it, in seconds."""
    arrived: SimpleQueue[float] = SimpleQueue()
    end = _end_of_feed(relay)
    reader = Thread(target=_read, args=(relay, end, notices, arrived), daemon=True)
    reader.start()
    sends = Target(port=relay.port, headers=_FHIR + relay.bearer(SENDER))
    client, taken = Client(relay.port), []
    for i in range(notices):
        time.sleep(APART)
        client.ask(sends.request("POST", "/fhir", transaction(10_000_000 + i)))
        committed = time.perf_counter()
        taken.append(max(0.0, arrived.get(timeout=60) - committed))
    reader.join()
    client.close()
    return taken


def _read(relay: Running, at: str, notices: int, arrived: SimpleQueue[float]) -> None:
    """Follow the feed from its end, waiting each time, until so many notices have come."""
    headers = relay.bearer(RECIPIENT) + "Prefer: wait=25\r\n"
    target = Target(port=relay.port, headers=headers)
    client = Client(relay.port)
    while notices:
        bundle = json.loads(client.ask(target.request("GET", at)))
        now = time.perf_counter()
        for _ in bundle.get("entry", ()):
            arrived.put(now)
            notices -= 1
        at = _next(bundle)
    client.close()


def _end_of_feed(relay: Running) -> str:
    target = Target(port=relay.port, headers=relay.bearer(RECIPIENT))
    client = Client(relay.port)
    at = f"/fhir/Communication?recipient:identifier={ODS}|{RECIPIENT}&_count=1000"
    while True:
        bundle = json.loads(client.ask(target.request("GET", at)))
        at = _next(bundle)
        if not bundle.get("entry"):
            client.close()
            return at


def _next(bundle: dict[str, list[dict[str, str]]]) -> str:
    after = next(one["url"] for one in bundle["link"] if one["relation"] == "next")
    return f"/fhir{after.partition('/fhir')[2]}"
