"""`Mappings`: all mappings of a folder, and which of them serves a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Lookup
from pathlib import Path
from typing import Final

from service.errors import AmbiguousMessage, Issue, NotServed, UnmappedMessage
from service.formats.source import Format, SourceMessage
from service.mapping.loading import Loaded, MappingFaults, all_faults, load_folder
from service.mapping.mapping import Mapping
from service.model import OdsCode
from service.yamlfile import Fault

# BaRS has a code of its own for what a receiver has not implemented (501), whatever it holds.
_BOOKINGS: Final = frozenset({"message:booking-request", "message:booking-response"})
# What is read by no mapping here on purpose, and why.
_PLANNED: Final = "it tells of what is planned, which is not read: nothing has happened yet"
_UNPLANNED: Final = "it takes back what was planned, which is not read"
_LINKED: Final = "it links records or takes them apart without merging them, which is not read"
_NOT_READ: Final = {
    **dict.fromkeys(("ADT^A14", "ADT^A15", "ADT^A16"), _PLANNED),
    **dict.fromkeys(("ADT^A25", "ADT^A26", "ADT^A27"), _UNPLANNED),
    **dict.fromkeys(("ADT^A24", "ADT^A37"), _LINKED),
}
_V2_IN_XML: Final = re.compile(r"[A-Z]{3}_[A-Z]\d\d|ACK")  # the root element
_AS_ER7: Final = "HL7 v2 in XML is not read; send it with | and ^, as HL7 v2 mostly is"


class Mappings:
    """The mappings in force. `reload` replaces them all at once; reading needs no lock."""

    def __init__(
        self, folder: Path, formats: Lookup[str, Format], mappings: Sequence[Mapping]
    ) -> None:
        self.folder = folder
        self.formats = formats
        self._in_force = _InForce(mappings)

    @classmethod
    def load(
        cls, folder: Path, *, formats: Lookup[str, Format], keep_good: bool = False
    ) -> Mappings:
        """Load the mappings of a folder and run their examples.

        Raises MappingFaults with every fault of every file; with `keep_good` only if no
        mapping is left, and `reload` tells the faults again.
        """
        loaded = load_folder(folder, formats)
        good = [one.mapping for one in loaded if one.mapping and not one.faults]
        faults = all_faults(loaded)
        if not good:
            faults = faults or [Fault(file=str(folder), text="there is no mapping file here")]
        if faults and not (keep_good and good):
            raise MappingFaults(faults)
        return cls(folder, formats, good)

    def reload(self) -> list[Fault]:
        """Take the folder as it is now, and return its faults.

        A mapping with a fault keeps the version that was in force; one whose file is gone
        is gone.
        """
        loaded = load_folder(self.folder, self.formats)
        before = self._in_force.by_id
        chosen = (one.mapping if not one.faults else before.get(one.id) for one in loaded)
        self._in_force = _InForce([mapping for mapping in chosen if mapping])
        return all_faults(loaded)

    def accept_examples(self) -> list[Path]:
        """Write the expected records anew where they differ, and return their files."""
        return accept_examples(load_folder(self.folder, self.formats, expected=False), self.folder)

    def __iter__(self) -> Iterator[Mapping]:
        return iter(self._in_force.by_id.values())

    def by_id(self, mapping_id: str) -> Mapping:
        """Return one mapping. Raises UnmappedMessage if there is none of this name."""
        try:
            return self._in_force.by_id[mapping_id]
        except KeyError:
            raise UnmappedMessage("there is no mapping of this name") from None

    def choose(self, sender: OdsCode, source: SourceMessage, mapping_id: str = "") -> Mapping:
        """Return the mapping of that name if it fits the message; without a name, which serves.

        Raises UnmappedMessage that says why not.
        """
        if not mapping_id:
            return self.for_source(sender, source)
        mapping = self.by_id(mapping_id)
        if mapping.format != source.format:
            raise UnmappedMessage(f"the mapping {mapping.id} is for {mapping.format}")
        if not mapping.holds(source):
            raise UnmappedMessage(issues=[_takes(mapping)])
        return mapping

    def for_source(self, sender: OdsCode, source: SourceMessage) -> Mapping:
        """Return the mapping that serves a message of this sender.

        The sender's own first, then the base mapping of the format, which puts a notice on
        the record. Raises UnmappedMessage with the reason for every candidate.
        """
        own = self._in_force.own.get((source.format, sender), ())
        base = self._in_force.base.get(source.format, ())
        mapping = _chosen(own, source) or _chosen(base, source)
        if mapping is None and source.message_type in _BOOKINGS:
            raise NotServed
        if mapping is None:
            raise UnmappedMessage(issues=list(_reasons(sender, source, own, base)))
        return mapping


class _InForce:
    """One set of mappings, indexed."""

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        self.by_id = {mapping.id: mapping for mapping in mappings}
        self.own: dict[tuple[str, OdsCode], tuple[Mapping, ...]] = {}
        self.base: dict[str, tuple[Mapping, ...]] = {}
        for mapping in mappings:
            if mapping.is_base:
                self.base[mapping.format] = (*self.base.get(mapping.format, ()), mapping)
            for sender in mapping.senders:
                key = (mapping.format, sender)
                self.own[key] = (*self.own.get(key, ()), mapping)


def accept_examples(loaded: list[Loaded], folder: Path) -> list[Path]:
    """Write what the examples become now as what is expected of them."""
    written = []
    for example in (example for one in loaded for example in one.examples):
        file = example.expected_file(folder)
        before = file.read_text("utf-8") if file.exists() else ""
        if not example.faults and before != example.made:
            file.write_text(example.made, "utf-8")
            written.append(file)
    return written


def _chosen(candidates: Sequence[Mapping], source: SourceMessage) -> Mapping | None:
    """Return the one candidate whose `when` holds, else the one without a `when`."""
    matching = [
        mapping for mapping in candidates if mapping.condition and mapping.condition(source.root)
    ] or [mapping for mapping in candidates if mapping.condition is None]
    if len(matching) > 1:
        named = " and ".join(mapping.id for mapping in matching)
        raise AmbiguousMessage(f"more than one mapping serves this message: {named}")
    return matching[0] if matching else None


def _reasons(
    sender: OdsCode, source: SourceMessage, own: Sequence[Mapping], base: Sequence[Mapping]
) -> Iterator[Issue]:
    if source.message_type in _NOT_READ:
        yield _reason(f"{source.message_type}: {_NOT_READ[source.message_type]}")
    elif source.format == "xml" and _V2_IN_XML.fullmatch(source.message_type):
        yield _reason(_AS_ER7)
    sent = f"a message of type {source.message_type}" if source.message_type else "this message"
    whose = f"no mapping of {sender}'s" if own else f"no mapping, and {sender} has none of its own"
    yield _reason(f"{sent} ({source.format}) has {whose}")
    for mapping in (*own, *base):
        yield _takes(mapping)


def _takes(mapping: Mapping) -> Issue:
    takes = mapping.description or f"messages where {mapping.when}"
    return _reason(f"{mapping.id} takes: {takes}")


def _reason(text: str) -> Issue:
    return Issue(severity="error", code="not-supported", text=text)
