"""The relay's own mailbox: a file that a MESH admin writes, secrets from the environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from service import yamlfile
from service.delivery.directory import Directory
from service.mailbox import MeshAccess
from service.model import OdsCode

PREFIX: Final = "DISCHARGE_RELAY_MESH_"
PASSWORD, SHARED_KEY = PREFIX + "PASSWORD", PREFIX + "SHARED_KEY"
POLL: Final = 300  # seconds between two looks at a mailbox that stays empty
TIMEOUT: Final = 60
_FILES: Final = ("ca", "certificate", "key")


class MeshFaults(Exception):
    """The mailbox cannot be used; `faults` says all that is wrong."""

    def __init__(self, faults: Iterable[object]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshConfiguration:
    """One mailbox of ours, and what is done with what comes there."""

    access: MeshAccess
    senders: Mapping[str, OdsCode]  # mailbox → its organisation
    take_in: tuple[str, ...] = ("TOC_FHIR_*",)
    acknowledgements: tuple[str, ...] = ("*_ACK",)
    poll: float = POLL  # seconds

    @classmethod
    def load(
        cls, path: Path, environment: Mapping[str, str], directory: Directory
    ) -> MeshConfiguration:
        """Read the file, the environment's secrets and the directory's mailboxes.

        URL and MAILBOX of the environment win over the file. Raises MeshFaults with every fault.
        """
        document = yamlfile.read(path, path.name)
        _require(document.faults)
        schema = json.loads((Path(__file__).parent / "mesh.schema.json").read_text("utf-8"))
        _require(yamlfile.check(document, schema))
        written = document.value
        _require([*_missing_secrets(environment), *_missing_files(document, path.parent)])
        _require(_contradictions(document, directory))
        return cls(
            access=_access(written, environment, path.parent),
            senders=dict(_senders(written, directory)),
            poll=float(written.get("poll", POLL)),
            **{
                name: tuple(written[name])
                for name in ("take_in", "acknowledgements")
                if name in written
            },
        )

    def is_message(self, workflow: str) -> bool:
        """Whether what comes under this workflow id is a message to take in."""
        return not self.is_answer(workflow) and _matches(workflow, self.take_in)

    def is_answer(self, workflow: str) -> bool:
        """Whether it answers what was sent from here."""
        return _matches(workflow, self.acknowledgements)


def _matches(workflow: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(workflow, pattern) for pattern in patterns)


def _require(faults: Iterable[object]) -> None:
    if found := list(faults):
        raise MeshFaults(found)


def _access(written: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> MeshAccess:
    files = {name: str(folder / written[name]) for name in _FILES if name in written}
    return MeshAccess(
        url=environment.get(PREFIX + "URL") or written["url"],
        mailbox=environment.get(PREFIX + "MAILBOX") or written["mailbox"],
        password=environment[PASSWORD],
        shared_key=environment[SHARED_KEY].encode(),
        timeout=float(written.get("timeout", TIMEOUT)),
        **files,
    )


def _missing_secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name in (PASSWORD, SHARED_KEY):
        if not environment.get(name):
            yield f"{name} is not set: MESH gives it with the mailbox"


def _missing_files(document: yamlfile.Document, folder: Path) -> Iterator[yamlfile.Fault]:
    for name in _FILES:
        if name in document.value and not (folder / document.value[name]).is_file():
            yield document.fault(f"there is no file {document.value[name]}", name)


def _senders(written: Mapping[str, Any], directory: Directory) -> Iterator[tuple[str, OdsCode]]:
    for entry in directory:
        if entry.mesh:
            yield entry.mesh.mailbox, entry.ods
    for sender in written.get("senders", ()):
        yield sender["mailbox"], OdsCode(sender["ods"])


def _contradictions(document: yamlfile.Document, directory: Directory) -> Iterator[yamlfile.Fault]:
    """A mailbox is one organisation's, here and in the directory."""
    owners = dict(_senders({}, directory))
    for i, sender in enumerate(document.value.get("senders", ())):
        if owners.setdefault(sender["mailbox"], sender["ods"]) != sender["ods"]:
            text = f"the mailbox {sender['mailbox']} is that of {owners[sender['mailbox']]}"
            yield document.fault(text, "senders", i, "mailbox")
