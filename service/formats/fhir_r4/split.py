"""Parting a bundle by patient: each patient's message holds what belongs to that patient.

What points at a patient, directly or through others, belongs to that patient, and with it
everything that it points at in turn, short of what is another patient's. What belongs to
nobody (a bundle's lone Organization) is in every message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from service.formats.fhir_r4.index import Index, conditional, patient_key, tokens
from service.formats.fhir_r4.node import Node, place

_Edges = defaultdict[int, set[int]]  # entries by position


def part_by_patient(index: Index, references: Iterable[Node]) -> list[dict[str, Any]]:
    """Return one bundle a patient, in the order in which they first come.

    The bundle itself where there are not several. The entries of others are None in each, so
    that places keep their numbers.
    """
    ties = _Ties(index, references)
    patients = list(dict.fromkeys(map(ties.patient, ties.known)))
    several = patients[1:]
    return (
        [_narrowed(index.root[0], kept) for kept in _kept(ties, patients)]
        if several
        else [index.root[0]]
    )


class _Ties:
    """Who points at whom. A patient is a key: NHS number, place or address."""

    def __init__(self, index: Index, references: Iterable[Node]) -> None:
        self.points_at: _Edges = defaultdict(set)
        self.pointed_at_by: _Edges = defaultdict(set)
        self.of: defaultdict[int, list[str]] = defaultdict(list)  # entry: keys of its patients
        self.known: list[str] = []
        self.entries = range(len(_entries(index.root[0])))
        self._same: dict[str, str] = {}
        self.patients: set[int] = set()  # entries that are one
        for node in index.by_type.get("Patient", ()):
            self.patients.add(_entry(node))
            self._mention(_entry(node), patient_key(node[0], place(node)))
        for node in references:
            self._reference(index, node)

    def patient(self, key: str) -> str:
        """Return the one key of a patient who is known by several."""
        while key in self._same:
            key = self._same[key]
        return key

    def _mention(self, entry: int, key: str) -> None:
        self.known.append(key)
        self.of[entry].append(key)

    def _reference(self, index: Index, node: Node) -> None:
        here, found = _entry(node), index.resolve(node)
        if found is None:
            self._elsewhere(here, node[0])
        elif found[0].get("resourceType") != "Patient":
            self.points_at[here].add(_entry(found))
            self.pointed_at_by[_entry(found)].add(here)
        elif _is_link(node):
            self._join(
                patient_key(node[1][1][0], place(node[1][1])), patient_key(found[0], place(found))
            )
        else:
            self._mention(here, patient_key(found[0], place(found)))

    def _elsewhere(self, here: int, reference: Mapping[str, Any]) -> None:
        """A patient who is not in the bundle is still another patient."""
        keys = list(_keys_elsewhere(reference))
        for key in keys[1:]:
            self._join(keys[0], key)
        if keys:
            self._mention(here, keys[0])

    def _join(self, key: str, other: str) -> None:
        key, other = self.patient(key), self.patient(other)
        if key != other:
            self._same[key] = other


def _kept(ties: _Ties, patients: list[str]) -> list[set[int]]:
    """Return the positions of each patient's entries."""
    mentioning: defaultdict[str, set[int]] = defaultdict(set)
    for entry, keys in ties.of.items():
        for key in keys:
            mentioning[ties.patient(key)].add(entry)
    start = [mentioning[one] for one in patients]
    own = [_reached(one, ties.pointed_at_by, ties.patients - one) for one in start]
    owned = set().union(*own)
    with_theirs = [_reached(one, ties.points_at, owned - one) for one in own]
    nobodys = set(ties.entries).difference(*with_theirs)
    return [one | nobodys for one in with_theirs]


def _reached(start: set[int], edges: _Edges, barred: set[int]) -> set[int]:
    reached, waiting = set(start), list(start)
    while waiting:
        for entry in edges.get(waiting.pop(), set()) - reached - barred:
            reached.add(entry)
            waiting.append(entry)
    return reached


def _narrowed(bundle: dict[str, Any], kept: set[int]) -> dict[str, Any]:
    entries = [entry if at in kept else None for at, entry in enumerate(_entries(bundle))]
    return {**bundle, "entry": entries}


def _entries(bundle: dict[str, Any]) -> list[Any]:
    held = bundle.get("entry")
    return held if type(held) is list else [held]


def _keys_elsewhere(reference: Mapping[str, Any]) -> Iterator[str]:
    """Yield NHS number or identifier, and address, of a patient who is not here."""
    address = reference.get("reference")
    address = address if type(address) is str else ""
    asked = conditional(address) or reference
    is_patient = asked.get("type") == "Patient" or "Patient/" in address
    stated = "|".join(next(tokens(asked), ())) if is_patient else ""
    if named := patient_key(asked, stated):
        yield named
    if is_patient and address:
        yield address


def _entry(node: Node) -> int:
    """Return the position of the Bundle's entry in which a node stands."""
    while node[1] is not None and node[1][1] is not None:
        node = node[1]
    return node[3]


def _is_link(node: Node) -> bool:
    """Whether a reference is Patient.link.other: two records of one person."""
    return node[2] == "other" and node[1][2] == "link"
