"""What the store costs by itself: `python -m bench.store [--database URL]`, JSON lines.

CPU is this process's: on PostgreSQL the server's comes on top.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from bench.figures import tell, tell_median
from service.app import new_id
from service.model import Instant
from service.store import (
    LAST_UPDATED,
    Answer,
    Check,
    Commit,
    Delivery,
    Key,
    RawMessage,
    Store,
    Write,
    migrate,
    open_store,
)

SENDER = "RJZ"
FEEDS = 20  # recipients that the messages go to in turn
RAW = b"MSH|^~\\&|EPIC|RJZ\r" * 250  # about 4.5 KB
TEXT = "x" * 700  # what a resource has beside its head
PAGE = 20  # Communications a poll
READS = 3000


def main() -> None:
    """Measure commits of 5 resources and polls, on SQLite unless told otherwise."""
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("--database", default="", help="URL of an empty database")
    parser.add_argument("--commits", type=int, default=2000, help="a repetition (default 2000)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (default 3)")
    chosen = parser.parse_args()
    with opened(chosen.database) as store:
        for name, recipients, threads in (
            ("store_commit", 1, 1),
            ("store_commit_fan_out", 3, 1),
            ("store_commit_8_threads", 1, 8),
        ):
            measure_commits(name, chosen, store, recipients, threads)
        measure_reads("store_poll_20", store, lambda head, i: max(0, head - PAGE - i % 50))
        measure_reads("store_poll_nothing_new", store, lambda head, _: head)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Yield a store on a fresh SQLite file, or on the database named."""
    with TemporaryDirectory() as folder:
        url = url or f"sqlite:///{Path(folder, 'bench.db')}"
        migrate(url)
        with open_store(url) as store:
            yield store


def measure_commits(
    name: str, chosen: argparse.Namespace, store: Store, recipients: int, threads: int
) -> None:
    """Commit from so many threads at once; tell the rate and the CPU of one commit."""
    rates, costs = [], []
    for _ in range(chosen.repeat):
        commits = [message(i, recipients) for i in range(chosen.commits)]
        lots = [commits[k::threads] for k in range(threads)]
        workers = [Thread(target=commit_all, args=(store, lot)) for lot in lots]
        spent, begun = time.process_time(), time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        rates.append(chosen.commits / (time.perf_counter() - begun))
        costs.append((time.process_time() - spent) / chosen.commits * 1e6)
    conditions = f"5 resources, recipients and Tasks: {recipients}, threads: {threads}"
    tell_median(f"{name}_cpu", costs, "us", conditions)
    tell_median(f"{name}_rate", rates, "1/s", conditions)


def commit_all(store: Store, commits: list[Commit]) -> None:
    """Commit one after the other."""
    for commit in commits:
        store.commit(commit)


def measure_reads(name: str, store: Store, after: Callable[[int, int], int]) -> None:
    """Read a feed's pages; tell the CPU of one."""
    head = store.head("F0").n
    spent = time.process_time()
    for i in range(READS):
        store.feed("F0", after(head, i), PAGE)
    cost = (time.process_time() - spent) / READS * 1e6
    tell(f"{name}_cpu", cost, "us", f"feed of {head}, {READS} reads, 1 thread")


def message(number: int, recipients: int) -> Commit:
    """Return a discharge as the pipeline commits it, of a patient not seen before."""
    mrn = ("identifier", f"https://fhir.nhs.uk/{SENDER}/Id/MR|{new_id()}")
    patient = write("Patient", mrn, ("identifier", f"https://fhir.nhs.uk/Id/nhs-number|{number}"))
    about = ("patient", f"Patient/{patient.id}")
    encounter = write("Encounter", about, ("identifier", f"visit|{number}"))
    stay = ("encounter", f"Encounter/{encounter.id}")
    request = write("ServiceRequest", about, stay, ("identifier", f"order|{number}"))
    document = write("DocumentReference", about, stay)
    provenance = write("Provenance", ("target", f"ServiceRequest/{request.id}"))
    return Commit(
        message=raw(),
        answer=Answer(status=200, media_type="application/hl7-v2", body=b"MSA|AA|1"),
        writes=(patient, encounter, request, document, provenance),
        deliveries=tuple(
            delivery(f"F{(number + k) % FEEDS}", patient.id, about, stay) for k in range(recipients)
        ),
        checks=(Check(owner=SENDER, type="Patient", key=mrn, expected=()),),
    )


def write(type_: str, *keys: Key) -> Write:
    """Return a first version."""
    id_ = new_id()
    head = f'{{"resourceType":"{type_}","id":"{id_}","meta":{{"versionId":"1","lastUpdated":"'
    body = head.encode() + LAST_UPDATED + f'"}},"text":"{TEXT}"}}'.encode()
    return Write(type=type_, id=id_, version=1, body=body, owner=SENDER, keys=keys)


def delivery(recipient: str, patient: str, *keys: Key) -> Delivery:
    """Return a Communication with its Task."""
    communication = write("Communication", *keys, ("recipient", f"ods|{recipient}"))
    focus = ("focus", f"Communication/{communication.id}")
    return Delivery(
        recipient=recipient,
        kind="discharge",
        communication=communication,
        task=write("Task", *keys, focus, ("owner", f"ods|{recipient}")),
        patient_id=patient,
    )


def raw() -> RawMessage:
    """Return the bytes that came, under an id of their own."""
    return RawMessage(
        id=new_id(),
        sender=SENDER,
        control_id=new_id(),
        digest=hashlib.sha256(RAW).digest(),
        media_type="application/hl7-v2",
        body=RAW,
        received_at=Instant(time.time_ns() // 1000),
        mapping="base/hl7v2-adt",
        mapping_version="1",
    )


if __name__ == "__main__":
    main()
