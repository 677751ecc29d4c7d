"""Public sample messages: each is read, or refused for a stated reason; and what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from fhir_r4_fixtures import MESSAGE, SHARED, write_xml

from service.errors import ServiceError
from service.formats.fhir_r4 import FORMAT, as_written, parse

CORPUS = SHARED / "corpus"
FOLDERS = ("bars-r4-message", "notifications", "itk3-transfer-of-care", "nems-mns", "ers")
FILES = [file for folder in FOLDERS for file in sorted((CORPUS / folder).glob("*"))]
NOT_SENT = {"GET-success.json"}  # of the R4 samples: the answer to a search

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the folder of public sample messages (../shared/corpus) is absent"
)


def outcome(file: Path) -> str:
    """Return what reading a file gives, in a line."""
    body = file.read_bytes()
    if not FORMAT.matches("", body):
        return "not FHIR"
    try:
        (found,) = FORMAT.read(body)
    except ServiceError as refusal:
        return f"refused, {type(refusal).__name__}: {refusal.issues[0].text}"
    issues = f"{len(found.issues)} issues" if found.issues else "clean"
    return f"read, {found.message_type} from {found.claimed_sender or '?'}, {issues}"


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("file", FILES, ids=[f"{f.parent.name}/{f.name}" for f in FILES])
def test_every_sample_is_read_or_refused_for_a_stated_reason(file: Path) -> None:
    told = outcome(file)
    print(f"{file.parent.name}/{file.name}: {told}")  # noqa: T201

    if file.parent.name in {"bars-r4-message", "notifications"}:
        assert told.startswith(
            "read" if file.name not in NOT_SENT else "refused, UnreadableMessage"
        )
    elif file.parent.name in {"itk3-transfer-of-care", "nems-mns"} and file.suffix == ".xml":
        assert told.startswith("refused, UnknownFormat: this is FHIR STU3")
    else:
        assert told


@pytest.mark.corpus
@needs_corpus
def test_the_referral_samples_give_their_requests_patients_and_recipients() -> None:
    paths = (
        "focus().subject.resolve().identifier.where(system.endsWith('/nhs-number')).value",
        "MessageHeader.destination.receiver.resolve().name",
        "focus().status",
    )
    for file in sorted((CORPUS / "bars-r4-message").glob("REFREQ*.xml")):
        (found,) = FORMAT.read(file.read_bytes())
        for text in paths:
            path = FORMAT.compile_path(text)
            assert path.values(found.root), f"{text} in {file.name}"


@pytest.mark.corpus
@needs_corpus
def test_every_place_of_the_samples_can_be_asked_for() -> None:
    for file in FILES:
        try:
            (found,) = FORMAT.read(file.read_bytes())
        except ServiceError:
            continue
        odd = {issue.source for issue in found.issues}
        for leaf in found.leaves():
            if leaf not in odd:
                assert FORMAT.compile_path(leaf).places(found.root) == [leaf]


def microseconds(task: Callable[[], object], times: int) -> float:
    """Return the cost of a task: the best of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            task()
        rounds.append((time.perf_counter() - start) / times)
    return min(rounds) * 1e6


def test_reading_costs_little() -> None:
    body = orjson.dumps(MESSAGE, default=as_written)
    (found,) = FORMAT.read(body)
    path = FORMAT.compile_path("Patient.identifier.where(system='https://x').value")
    costs = {
        "read JSON": (microseconds(lambda: FORMAT.read(body), 100), 1000),
        "read XML": (microseconds(lambda: parse(write_xml(MESSAGE)), 20), 10_000),
        "ask a path": (microseconds(lambda: path.values(found.root), 1000), 50),
    }
    for task, (cost, bound) in costs.items():
        print(f"{task}: {cost:.1f} µs ({len(body)} bytes of JSON)")  # noqa: T201
        assert cost < bound, task
