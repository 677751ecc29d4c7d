"""What holds of whatever anybody sends: refused or read, soon, in little memory, and kept."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from service import log
from service.app import Relay
from service.conversion import Converter
from service.errors import Issue, ServiceError
from service.explaining.message import MOST_LEAVES, explained
from service.formats import FORMATS
from tests.fuzz_samples import Sample
from tests.relay_client import Team

LONGEST = 2.0  # seconds of processor time
MOST_MEMORY = 200 * 1024 * 1024  # bytes more than before
MOST_SENT = 20  # messages of one body through HTTP: a batch of thousands takes its time
HANGS = 30  # seconds on the clock, with others at work beside
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_ADDRESSES = {
    "hl7v2": ("/hl7v2", "application/hl7-v2"),
    "fhir-r4": ("/fhir/$process-message", "application/fhir+json"),
    "fhir-stu3": ("/fhir/$process-message", "application/fhir+json"),
    "cda": ("/cda", "application/xml"),
}


class Hung(Exception):
    """A case did not end."""


@contextmanager
def bounded() -> Iterator[None]:
    """Fail if what is inside takes too long or too much memory.

    Without garbage collection: what the test itself keeps would be walked through every time.
    """
    _forget_peak()
    gc.disable()
    memory, began = _memory("VmRSS"), time.process_time()
    before = signal.signal(signal.SIGALRM, _hung)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert time.process_time() - began < LONGEST
    assert _memory("VmHWM") - memory < MOST_MEMORY


def _hung(*_: object) -> None:
    raise Hung


def _forget_peak() -> None:
    with suppress(OSError):
        _RESET.write_text("5")


def _memory(name: str) -> int:
    """Resident memory in bytes, now or at most; 0 where the system does not say."""
    try:
        [line] = [one for one in _STATUS.read_text().splitlines() if one.startswith(name)]
    except (OSError, ValueError):
        return 0
    return int(line.split()[1]) * 1024


def read_or_refused(name: str, body: bytes, sample: Sample, converter: Converter) -> None:
    """Read it as its format and take every message as far as it comes."""
    issues: list[Issue] = []
    with bounded():
        try:
            sources = FORMATS[name].read(body)
        except ServiceError as refusal:
            issues += refusal.issues
            sources = ()
        for source in sources[:3]:
            issues += source.issues
            list(islice(source.leaves(), MOST_LEAVES))
    assert bool(sources) or bool(issues)
    with bounded():
        try:
            attempts = converter.attempts(
                body, mapping_id=sample.mapping, sender=sample.sender, most=2
            )
        except ServiceError as refusal:
            issues += refusal.issues
            attempts = []
        issues += [issue for attempt in attempts for issue in attempt.issues]
    assert_silent(" ".join(f"{i.text} {i.source} {i.target}" for i in issues), body, sample)


def explained_or_refused(body: bytes, sample: Sample, converter: Converter) -> None:
    """Explain it: that takes longer than to take it in, and breaks as little."""
    with suppress(ServiceError):
        for attempt in converter.attempts(
            body, mapping_id=sample.mapping, sender=sample.sender, tracing=True, most=1
        ):
            explained(attempt)


def warm_up(every: Sequence[Sample], converter: Converter) -> None:
    """Let everything be loaded and compiled that the first message of a kind costs."""
    for sample in every:
        with suppress(ServiceError):
            for attempt in converter.attempts(
                sample.body, mapping_id=sample.mapping, sender=sample.sender, tracing=True
            ):
                explained(attempt)
    gc.collect()
    gc.freeze()  # as a worker does: what stays is not walked through at every collection


def assert_silent(said: str, body: bytes, sample: Sample) -> None:
    """Assert that nothing of the patient stands in what an error or a log line says."""
    told = [secret for secret in sample.secrets if secret in said]
    assert not told, f"{sample.name}: {len(told)} values of the patient are told: {said[:2000]}"


@contextmanager
def _logging() -> Iterator[None]:
    """Log as the service does, without keeping loggers that other tests would meet."""
    before = structlog.get_config()
    log.configure("INFO")
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


@dataclass
class Wire:
    """A relay's HTTP face, and the database behind it."""

    relay: Relay
    database: Path
    logged: io.StringIO = field(default_factory=io.StringIO)
    teams: dict[str, Team] = field(default_factory=dict)

    def post(self, name: str, body: bytes, sample: Sample) -> None:
        """Send it; whatever is answered must be true, and none of our faults."""
        team = self.teams.setdefault(sample.sender, Team.of(self.relay, sample.sender))
        path, media_type = _ADDRESSES.get(name, ("", "application/octet-stream"))
        address = path or f"/intake/{sample.mapping}"
        if (not path and not sample.mapping) or _count(name, body) > MOST_SENT:
            return
        with redirect_stderr(self.logged), _logging():
            answer = team.post(address, body, media_type)
        said = answer.get_data().decode("utf-8", "replace")
        assert answer.status_code not in (500, 503), said[:2000]  # 501: a booking is not made here
        if answer.status_code < 400:
            assert self._is_stored(name, body), said[:2000]
        else:
            told = _diagnostics(said)
            assert_silent(told, body, sample)
        assert_silent(self.logged.getvalue(), body, sample)
        self.logged.truncate(0)
        self.logged.seek(0)

    def _is_stored(self, name: str, body: bytes) -> bool:
        """Whether the body, or every message in it, is among the messages that were taken in."""
        parts = [source.raw or body for source in FORMATS[name].read(body)]
        digests = [hashlib.sha256(part).digest() for part in parts]
        whole = hashlib.sha256(body).digest()
        with closing(sqlite3.connect(self.database)) as connection:
            asked = "SELECT count(*) FROM message WHERE digest = ? AND state = 'committed'"
            kept = {d: connection.execute(asked, (d,)).fetchone()[0] for d in (whole, *digests)}
        return bool(kept[whole]) or all(kept[digest] for digest in digests)


def _count(name: str, body: bytes) -> int:
    """How many messages a body holds."""
    with suppress(ServiceError):
        return len(FORMATS[name].read(body))
    return 0


def _diagnostics(said: str) -> str:
    """What an OperationOutcome or an ACK says in words; all of any other answer.

    An ACK repeats MSH-3 to MSH-6 and MSH-10 as they came, as the standard has it.
    """
    if said.startswith("MSH"):
        segments = [segment.split("|") for segment in said.split("\r")]
        return " ".join("|".join(s[3:] if s[0] == "MSA" else s) for s in segments if s[0] != "MSH")
    try:
        outcome: Any = json.loads(said)
    except ValueError:
        return said
    issues = outcome.get("issue", ()) if isinstance(outcome, dict) else ()
    return " ".join(str(issue) for issue in issues) or said
