"""`make bench`: one JSON line a figure: name, value, unit, conditions."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench import floor
from bench.bodies import ODS, PATIENTS, RECIPIENT, SENDER, Body, discharge, to_many, transaction
from bench.conversions import measure_conversions
from bench.figures import tell, tell_median
from bench.relay import Running, serving
from bench.waiting import measure_long_poll

WIDTHS = (1, 5, 50)  # recipients of one message
CLIENTS = 4
PAGE = 20  # Communications a poll
FHIR = "application/fhir+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much is measured."""

    messages: int  # a repetition
    repeat: int
    warm_up: int = 500  # requests, not counted

    def fewer(self, times: int) -> Amount:
        """Return less of it, for what takes longer."""
        return replace(self, messages=self.messages // times, warm_up=self.warm_up // times)


def main() -> None:
    """Measure what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000, help="a repetition (default 3000)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (default 3)")
    chosen = parser.parse_args()
    amount = Amount(messages=chosen.messages, repeat=chosen.repeat)
    with serving(SENDER, RECIPIENT) as relay:
        tell("ready", relay.ready_after, "s", "from start to the first answer of /ready")
        measure_requests(relay, amount)
        measure_long_poll(relay)
        rate = measure_crowd("ingest_4_clients", relay.port, relay.bearer(SENDER), amount)
        conditions = "after the load, all serving processes, what they share counted once"
        tell("serve_rss", relay.memory(), "MB", conditions)
    with floor.serving() as port:
        most = measure_crowd("floor_4_clients", port, "", amount)
    told = f"{CLIENTS} clients, 1 process: all that a message needs ÷ storing its bytes durably"
    tell("ingest_vs_floor", rate / most, "times", told)
    measure_conversions(chosen.repeat)


def measure_requests(relay: Running, amount: Amount) -> None:
    """Tell what each kind of request costs."""
    for name, path, kind, body in (
        ("ingest_transaction", "/fhir", FHIR, transaction),
        ("ingest_hl7v2", "/hl7v2", "application/hl7-v2", discharge),
    ):
        measure(name, amount, relay, poster(relay, path, kind, body))
    for width in WIDTHS:
        post = poster(relay, "/fhir", FHIR, to_many(width))
        measure(f"fan_out_{width}", amount.fewer(width), relay, post)
    measure("poll_20", amount, relay, poller(relay, f"_count={PAGE}"))
    measure("poll_nothing_new", amount, relay, poller(relay, "", at_end=True))


def measure_crowd(name: str, port: int, headers: str, amount: Amount) -> float:
    """Tell how many transactions a second several clients get through, and return it."""
    run = floor.posting(port, headers, CLIENTS, amount.messages // 2)
    run()
    rates = [run() for _ in range(amount.repeat)]
    tell_median(f"{name}_rate", rates, "1/s", f"{CLIENTS} clients, 1 process, transactions")
    return statistics.median(rates)


def measure(name: str, amount: Amount, relay: Running, request: Callable[[int], None]) -> None:
    """Run one scenario with one client; tell its rate and the CPU that the server spent."""
    for i in range(amount.warm_up):
        request(i)
    rates, costs = [], []
    for repetition in range(amount.repeat):
        first = amount.warm_up + repetition * amount.messages
        spent, begun = relay.cpu(), time.perf_counter()
        for i in range(first, first + amount.messages):
            request(i)
        seconds = time.perf_counter() - begun
        rates.append(amount.messages / seconds)
        costs.append((relay.cpu() - spent) / amount.messages * 1000)
    conditions = f"1 client, 1 process, SQLite synchronous=FULL, {amount.messages} requests"
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
