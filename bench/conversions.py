"""Conversion alone, from bytes to FHIR as JSON: every format, and side by side with a peer."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson
import psutil

from bench.bodies import SENDER
from bench.figures import spread, tell, tell_median
from bench.long_discharge import long_discharge
from bench.steady import Rate, in_turns, warm_up
from sandbox import maven
from sandbox.produced import Example, converter, mapping_examples
from service.conversion import Converter
from service.formats.fhir_r4.json_reader import as_written
from service.model import OdsCode

VARIANTS: Final = 100  # messages that are converted in turn
A_RUN: Final = 100  # messages that are timed together
JIT_RUNS: Final = 12  # before that a JVM is still compiling, however well two runs agree
_ABOUT: Final = "a second of one core's time; converted, validated and written as JSON; no store"
# One example of each kind of source, by its file among the mappings' examples.
KINDS: Final = {
    "hl7v2_adt": "rjz-a03-home.hl7",
    "hl7v2_ref": "rjz-i12-hospice.hl7",
    "hl7v2_mdm_pdf": "rpa-t02-pdf.hl7",
    "hl7v2_orm": "base-o01-consult.hl7",
    "hl7v2_oru": "base-r01-letter.hl7",
    "fhir_message": "rwf-message-referral.json",
    "fhir_transaction": "rj1-transaction-referral.json",
    "fhir_document": "rwf-document-discharge.json",
    "stu3_referral": "base-stu3-referral.xml",
    "itk3_discharge": "base-itk3-discharge.xml",
    "cda_itk2": "base-cda-itk2-discharge.xml",
    "cda_ccda": "base-cda-ccda-discharge.xml",
    "letter_json": "rjz-letter-json.json",
    "letter_csv": "rpa-list-csv.csv",
    "letter_xml": "rnq-kettering-discharge.xml",
    "letter_html": "rvv-letter-html.htm",
    "letter_docx": "rjz-letter-docx.docx",
    "letter_pdf": "rjz-letter-pdf.pdf",
}


def measure_conversions(repetitions: int) -> None:
    """Tell the rate of every format, then of the peer and of ours on the same messages."""
    ours = converter()
    by_file = {example.name.rpartition(" ")[2]: example for example in mapping_examples()}
    for kind, file in KINDS.items():
        measure_kind(ours, kind, by_file[file], repetitions)
    measure_against_peer(ours, repetitions)


def measure_kind(ours: Converter, kind: str, example: Example, repetitions: int) -> None:
    """Tell how many a second of one kind."""
    convert = partial(converted, ours, example.body, example.mapping_id, example.sender)
    a_run = max(2, round(0.3 / _seconds(convert)))
    rate = partial(_rate, [convert] * a_run)
    warm_up(rate)
    rates = [found for (found,) in in_turns(repetitions, rate)]
    conditions = f"{len(example.body)} bytes, {_ABOUT}"
    tell_median(f"convert_{kind}", rates, "1/s", conditions)


def measure_against_peer(ours: Converter, repetitions: int) -> None:
    """Tell `convert_vs_lfh`: our rate by that of LinuxForHealth's converter."""
    bodies = [long_discharge(i) for i in range(VARIANTS)]
    own = partial(_rate, [partial(converted, ours, one, "", OdsCode(SENDER)) for one in bodies])
    about = f"ADT^A03 of {len(bodies[0])} bytes, {VARIANTS} in turn, {_ABOUT}"
    warm_up(own)
    try:
        with peer(bodies) as theirs:
            runs = warm_up(theirs, JIT_RUNS)
            pairs = in_turns(repetitions, own, theirs)
    except (maven.Missing, maven.NotBuilt) as missing:
        tell_median("convert_a03", [own() for _ in range(repetitions)], "1/s", about)
        tell("convert_vs_lfh", None, "times", f"not measured: {missing}")
        return
    tell_median("convert_a03", [one for one, _ in pairs], "1/s", about)
    warm = f"after {runs * A_RUN} messages to warm up"
    tell_median("convert_a03_lfh", [one for _, one in pairs], "1/s", f"{about}; {warm}")
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    tell("convert_vs_lfh", ratio, "times", about, spread([a / b for a, b in pairs]))


@contextmanager
def peer(bodies: Sequence[bytes]) -> Iterator[Rate]:
    """Yield what runs LinuxForHealth's converter once. Raises Missing, NotBuilt."""
    with TemporaryDirectory() as folder:
        for i, body in enumerate(bodies):
            Path(folder, f"{i:04d}.hl7").write_bytes(body)
        command = maven.find().command("lfh", "Convert", folder)
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        ) as process:
            assert process.stdin
            assert process.stdout
            questions, answers = process.stdin, process.stdout

            def rate() -> float:
                questions.write(f"{A_RUN}\n")
                nanoseconds = int(answers.readline().split()[0])
                return A_RUN / nanoseconds * 1e9

            yield rate
            questions.close()


def converted(ours: Converter, body: bytes, mapping_id: str, sender: OdsCode) -> bytes:
    """Return the Bundles of a body as JSON."""
    made = ours.convert(body, mapping_id=mapping_id, sender=sender)
    return orjson.dumps(made, default=as_written)


def _rate(calls: Sequence[Callable[[], bytes]]) -> float:
    """Return how many calls a second of processor time, that of our children too."""
    begun = _processor_time()
    for call in calls:
        call()
    return len(calls) / (_processor_time() - begun)


def _seconds(call: Callable[[], bytes]) -> float:
    begun = time.perf_counter()
    call()
    call()
    return (time.perf_counter() - begun) / 2


def _processor_time() -> float:
    """Seconds; PDF and HTML are opened by a process of ours."""
    children = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(one.cpu_times()[:2]) for one in children)


if __name__ == "__main__":
    measure_conversions(5)
