"""What `check-mappings` tells: every fault, and what is merely odd."""

from __future__ import annotations

from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from pathlib import Path

from service.formats.source import Format
from service.mapping.advice import Advice, Coverage, Ran, advise, coverage, run
from service.mapping.examples import Example
from service.mapping.loading import Loaded, load_folder
from service.mapping.mapping import Mapping
from service.mapping.spec import Origin
from service.mapping.strays import strays
from service.model import OdsCode, TransferOfCare
from service.yamlfile import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleReport:
    """One example: whether it became what it should, and what of it no rule reads."""

    name: str
    passed: bool
    unread: tuple[str, ...] = ()  # places in the message
    ignored: tuple[str, ...] = ()  # those that the file leaves out on purpose
    named: Origin  # where the mapping names it
    records: tuple[TransferOfCare, ...] = ()  # what it becomes; none of what is refused


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingReport:
    """One mapping file."""

    id: str
    file: str = ""
    version: str = ""
    senders: tuple[tuple[OdsCode, Origin], ...] = ()  # and where the file names each
    rules: int = 0  # how many, inherited ones included
    examples: tuple[ExampleReport, ...] = ()
    advice: tuple[Advice, ...] = ()  # what is odd without being wrong
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole mappings folder."""

    mappings: tuple[MappingReport, ...]
    strays: tuple[Advice, ...] = ()  # files that no mapping names

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault, each once, in the order of files and lines."""
        return tuple(sorted({fault for report in self.mappings for fault in report.faults}))


def check(folder: Path, *, formats: Lookup[str, Format]) -> Report:
    """Return what is wrong or odd about the mappings in `folder`; raises nothing for faults."""
    ran = [(one, run(one)) for one in load_folder(folder, formats)]
    covered = coverage(ran)
    return Report(
        mappings=tuple(_report(one, listed, covered) for one, listed in ran),
        strays=tuple(strays(folder, [one for one, _ in ran])),
    )


def _report(loaded: Loaded, ran: list[Ran], covered: Coverage) -> MappingReport:
    mapping = loaded.mapping
    if mapping is None:
        return MappingReport(id=loaded.id, faults=tuple(loaded.faults))
    return MappingReport(
        id=mapping.id,
        file=loaded.file,
        version=mapping.version,
        senders=tuple(zip(mapping.senders, _senders_at(loaded), strict=False)),
        rules=mapping.rules,
        examples=tuple(
            ExampleReport(
                name=example.name.text,
                passed=not _faults_of(loaded, example.name.text),
                named=example.name.origin,
                records=tuple(one.record for one in ran if one.record and one.example is example),
                **_left_out(mapping, example),
            )
            for example in loaded.examples
        ),
        advice=tuple(advise(loaded, ran, covered)),
        faults=tuple(loaded.faults),
    )


def _senders_at(loaded: Loaded) -> list[Origin]:
    return [sender.origin for sender in loaded.spec.source.senders] if loaded.spec else []


def _left_out(mapping: Mapping, example: Example) -> dict[str, tuple[str, ...]]:
    pairs = [mapping.left_out(source) for source in example.sources]
    return {
        "unread": tuple(dict.fromkeys(place for unread, _ in pairs for place in unread)),
        "ignored": tuple(dict.fromkeys(place for _, ignored in pairs for place in ignored)),
    }


def _faults_of(loaded: Loaded, example: str) -> list[Fault]:
    return [fault for fault in loaded.faults if fault.text.startswith(example)]
