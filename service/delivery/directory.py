"""The organisation directory: who sends, who must know, and by which names and channels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from service import yamlfile
from service.delivery.schedule import DigestSchedule, faults_of_digest, read_schedule
from service.delivery.terms import ALWAYS, Terms, faults_of_terms, read_terms
from service.model import OdsCode, Recipient

Kind = Literal["trust", "gp", "hospice", "community", "pain-service"]

_PRACTICE = re.compile(r"[A-Z][0-9]{5}")  # practices need no entry

# Codes that say that there is no practice, or that it is not known (NHS Data Dictionary,
# GENERAL MEDICAL PRACTICE CODE: not applicable, no registered practice, not known).
NO_PRACTICE = frozenset({OdsCode("V81997"), OdsCode("V81998"), OdsCode("V81999")})


class RoutingFaults(Exception):
    """The directory or the rules cannot be used; `faults` says all that is wrong with them."""

    def __init__(self, faults: Sequence[yamlfile.Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshAddress:
    """Where an organisation collects its messages from MESH."""

    mailbox: str
    workflow: str  # the MESH workflow id that its owner has agreed to


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectoryEntry:
    """One organisation of the directory."""

    ods: OdsCode
    name: str
    kind: Kind
    placeholder: bool = False  # the code is not the organisation's real one
    channels: tuple[str, ...] = ("feed",)
    mesh: MeshAddress | None = None
    fhir_server: str = ""  # base URL of its own server; "": none
    digest: DigestSchedule | None = None  # when it is sent one, and by what
    districts: tuple[str, ...] = ()  # postcode districts (TN2) or areas (CT) served
    teams: tuple[str, ...] = ()
    by_name: bool = False  # whether its exact name, or a team's, reaches it without a code
    open_caseload: bool = False  # whether senders may learn that it has a patient of theirs
    terms: Terms = ALWAYS  # how soon it answers, and who does in its place


class Directory:
    """Organisations by code, and by name where the directory allows that."""

    def __init__(
        self, entries: Mapping[OdsCode, DirectoryEntry], practices: Terms = ALWAYS
    ) -> None:
        self._entries = dict(entries)
        self._practices = practices
        self._names = {
            _plain(name): entry
            for entry in entries.values()
            if entry.by_name
            for name in (entry.name, *entry.teams)
        }

    @classmethod
    def load(cls, folder: Path) -> Directory:
        """Read `directory.yaml` in the folder. Raises RoutingFaults with every fault."""
        document = read(folder, "directory")
        require([*_unusable_terms(document), *faults_of_digest(document)])
        defaults = document.value.get("defaults", {})
        entries = [_entry(written, defaults) for written in document.value["organisations"]]
        require([*_doubles(document, entries), *_addresses(document, entries)])
        practices = read_terms({}, defaults.get("gp", {}))
        return cls({entry.ods: entry for entry in entries}, practices)

    def __iter__(self) -> Iterator[DirectoryEntry]:
        return iter(self._entries.values())

    def by_code(self, ods: OdsCode) -> DirectoryEntry | None:
        """Return the organisation with this ODS code."""
        return self._entries.get(ods)

    def name_of(self, ods: OdsCode) -> str | None:
        """Return the name of the organisation with this ODS code; None if it is not listed."""
        entry = self._entries.get(ods)
        return entry.name if entry else None

    def is_trust(self, ods: OdsCode) -> bool:
        """Whether an organisation sends rather than is sent to."""
        entry = self._entries.get(ods)
        return entry is not None and entry.kind == "trust"

    def terms_of(self, ods: OdsCode | None) -> Terms:
        """Return how soon an organisation answers; a practice's need not be listed."""
        entry = self._entries.get(ods) if ods else None
        if entry:
            return entry.terms
        return self._practices if ods and _PRACTICE.fullmatch(ods) else ALWAYS

    def due(self, recipient: Recipient, urgency: str, released: datetime) -> datetime:
        """Return until when a recipient is to acknowledge."""
        return self.terms_of(recipient.ods).due(urgency, released)

    def by_name(self, name: str) -> DirectoryEntry | None:
        """Return the organisation that lets itself be reached by exactly this name.

        Letter case and the amount of space between words do not matter; nothing else is guessed.
        """
        return self._names.get(_plain(name))

    @property
    def placeholders(self) -> tuple[DirectoryEntry, ...]:
        """The organisations whose code is not their real one."""
        return tuple(entry for entry in self if entry.placeholder)


def read(folder: Path, name: str) -> yamlfile.Document:
    """Return `name`.yaml in the folder, checked by `name`.schema.json beside it.

    Raises RoutingFaults.
    """
    document = yamlfile.read(folder / f"{name}.yaml", f"{name}.yaml")
    require(document.faults)
    schema = json.loads((folder / f"{name}.schema.json").read_text("utf-8"))
    require(yamlfile.check(document, schema))
    return document


def require(faults: Iterable[yamlfile.Fault]) -> None:
    """Raise RoutingFaults if there are any faults."""
    if found := list(faults):
        raise RoutingFaults(found)


def _plain(name: str) -> str:
    return " ".join(name.replace("\u2019", "'").split()).casefold()


def _entry(written: dict[str, Any], defaults: Mapping[str, Any]) -> DirectoryEntry:
    lists = {
        name: tuple(written[name]) for name in ("channels", "districts", "teams") if name in written
    }
    return DirectoryEntry(
        ods=OdsCode(written["ods"]),
        name=written["name"],
        kind=written["kind"],
        placeholder=written.get("placeholder") == "true",
        by_name=written.get("by_name") == "true",
        open_caseload=written.get("open_caseload") == "true",
        mesh=MeshAddress(**written["mesh"]) if "mesh" in written else None,
        fhir_server=written.get("fhir_server", ""),
        digest=read_schedule(written) if "digest" in written else None,
        terms=read_terms(written, defaults.get(written["kind"], {})),
        **lists,
    )


def _unusable_terms(document: yamlfile.Document) -> Iterator[yamlfile.Fault]:
    known = {written["ods"] for written in document.value["organisations"]}
    for kind in document.value.get("defaults", {}):
        yield from faults_of_terms(document, known, "defaults", kind)
    for i in range(len(document.value["organisations"])):
        yield from faults_of_terms(document, known, "organisations", i)


def _doubles(
    document: yamlfile.Document, entries: list[DirectoryEntry]
) -> Iterator[yamlfile.Fault]:
    codes: set[str] = set()
    names: dict[str, OdsCode] = {}
    for i, entry in enumerate(entries):
        if entry.ods in codes:
            yield document.fault(f"{entry.ods} has two entries", "organisations", i, "ods")
        codes.add(entry.ods)
        for name in (entry.name, *entry.teams) if entry.by_name else ():
            if names.setdefault(_plain(name), entry.ods) != entry.ods:
                text = f'"{name}" names two organisations, so it cannot be used without a code'
                yield document.fault(text, "organisations", i, "name")


def _addresses(
    document: yamlfile.Document, entries: list[DirectoryEntry]
) -> Iterator[yamlfile.Fault]:
    """A channel needs its address, and a mailbox is one organisation's."""
    owners: dict[str, OdsCode] = {}
    for i, entry in enumerate(entries):
        if "mesh" in entry.channels and entry.mesh is None:
            text = f"{entry.ods} is to be reached by mesh: say its mesh mailbox and workflow"
            yield document.fault(text, "organisations", i, "channels")
        elif "fhir-server" in entry.channels and not entry.fhir_server:
            text = f"{entry.ods} is to be reached by fhir-server: say its fhir_server (base URL)"
            yield document.fault(text, "organisations", i, "channels")
        elif entry.mesh and owners.setdefault(entry.mesh.mailbox, entry.ods) != entry.ods:
            text = f"the mailbox {entry.mesh.mailbox} is that of {owners[entry.mesh.mailbox]}"
            yield document.fault(text, "organisations", i, "mesh", "mailbox")
