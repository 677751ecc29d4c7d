"""Routing rules: what `routing.yaml` says, compiled to tests on the facts of a transfer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from service import yamlfile
from service.delivery.directory import Directory, read, require
from service.delivery.record_paths import condition_on_record
from service.delivery.rule_faults import PARTS, rule_faults
from service.model import Address, Coded, Diagnosis, OdsCode, Procedure, Request, TransferOfCare

Role = Literal["action", "information"]
Found = Diagnosis | Procedure | Coded

_POSTCODE = re.compile(r"(([A-Z]{1,2})[0-9][0-9A-Z]?)(?:[0-9][A-Z]{2})?")
_ICD_10 = re.compile(r"icd-?10|2\.16\.840\.1\.113883\.6\.3\b", re.IGNORECASE)
_SNOMED_CT = "http://snomed.info/sct"
_SCTID = re.compile(r"[0-9]{6,18}")
_NO_HOME = frozenset({"old", "work", "billing"})  # address uses: nobody is found there, or lives
_NOWHERE = "ZZ"  # pseudo postcodes: ZZ99 3VZ is no fixed abode, ZZ99 3WZ not known
_PLACES = frozenset({"area", "district"})  # conditions on where the patient lives


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What rules ask about a transfer; codes without dots."""

    places: frozenset[str]  # postcode districts of where the patient lives, and their areas
    services: frozenset[str]
    specialty: str
    destination: str
    diagnoses: tuple[str, ...]  # ICD-10
    findings: frozenset[str]  # SNOMED CT: diagnoses, procedures, the reason for the stay
    unaddressed: bool  # something is asked, and nobody is named for action
    record: TransferOfCare  # for conditions as mappings have them

    @property
    def has_several_homes(self) -> bool:
        """Whether the patient may be found in several postcode districts."""
        return len([place for place in self.places if not place.isalpha()]) > 1


Test = Callable[[Facts], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule; it holds when its kind fits and every test does."""

    id: str
    kinds: frozenset[str]
    tests: tuple[tuple[str, Test], ...]  # each with its words for a person
    elsewhere: tuple[Test, ...] | None  # all but those on place; None: it asks for no place
    to: tuple[tuple[OdsCode, Role], ...]
    since: date = date.min  # first and last day on which it is in force, Europe/London
    until: date = date.max

    @property
    def is_always_in_force(self) -> bool:
        """Whether it has neither a first nor a last day."""
        return self.since == date.min and self.until == date.max

    @property
    def words_of_days(self) -> str:
        """Its days, for a person."""
        begins = f"from {self.since}" if self.since != date.min else ""
        ends = f"until {self.until}" if self.until != date.max else ""
        return f"in force {' '.join(filter(None, (begins, ends)))}"

    def is_in_force(self, day: date) -> bool:
        """Whether it counts on this day."""
        return self.since <= day <= self.until

    def holds(self, facts: Facts) -> bool:
        """Whether every condition holds (the kind was looked at before)."""
        return all(test(facts) for _, test in self.tests)

    def may_hold(self, facts: Facts) -> bool:
        """Whether it would hold if it were known that the patient lives in its place."""
        return self.elsewhere is not None and all(test(facts) for test in self.elsewhere)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What `routing.yaml` says, and where it says it."""

    version: str
    every: tuple[Rule, ...]
    fallback: tuple[Rule, ...]  # asked where nobody else was found
    document: yamlfile.Document


def load(folder: Path, directory: Directory) -> Rules:
    """Read `routing.yaml` in the folder. Raises RoutingFaults with every fault."""
    document = read(folder, "routing")
    require([*rule_faults(document, directory), *_wrong_conditions(document)])
    value = document.value
    tests = _Tests(value.get("areas", {}), value.get("markers", {}))
    return Rules(
        version=value["version"],
        every=tuple(_rule(written, tests) for written in value["rules"]),
        fallback=tuple(_rule(written, tests) for written in value.get("fallback", ())),
        document=document,
    )


def marker_tests(written: Mapping[str, Any]) -> dict[str, Test]:
    """Return the test of every marker in what routing.yaml says."""
    tests = _Tests(written.get("areas", {}), written.get("markers", {}))
    return {name: tests.of("marker", name)[1] for name in written.get("markers", {})}


def facts_of(transfer: TransferOfCare, *, addressed: bool) -> Facts:
    """Return what rules ask about a transfer; `addressed` says that somebody is to act on it."""
    stay = transfer.encounter
    specialty = stay.specialty if stay else None
    destination = stay.discharge_destination if stay else None
    return Facts(
        places=frozenset(_places(transfer.patient.addresses)),
        services=frozenset(_services(transfer.requests)),
        specialty=(specialty.code if specialty else None) or "",
        destination=(destination.code if destination else None) or "",
        diagnoses=tuple(_icd_10(_found(transfer))),
        findings=frozenset(_snomed(_found(transfer))),
        unaddressed=not addressed and bool(transfer.requests),
        record=transfer,
    )


def _places(addresses: Collection[Address]) -> Iterator[str]:
    for address in addresses:
        if address.use in _NO_HOME or not address.postcode:
            continue
        match = _POSTCODE.fullmatch(address.postcode.replace(" ", "").upper())
        if match and match[2] != _NOWHERE:
            yield from match.groups()


def _services(requests: Collection[Request]) -> Iterator[str]:
    """Yield what is asked for and why: "palliative care" is sent as either."""
    for request in requests:
        for coded in (request.service, *request.reasons):
            if coded and coded.code and coded.system in {_SNOMED_CT, None}:
                yield coded.code


def _found(transfer: TransferOfCare) -> list[Found]:
    """Return what is said of the patient's condition, in codes."""
    reason = transfer.encounter.reason if transfer.encounter else None
    return [*transfer.diagnoses, *transfer.procedures, *([reason] if reason else [])]


def _icd_10(found: Collection[Found]) -> Iterator[str]:
    for each in found:
        if each.code and (each.system is None or _ICD_10.search(each.system)):
            yield _undotted(each.code)


def _snomed(found: Collection[Found]) -> Iterator[str]:
    for each in found:
        if each.code and each.system in {_SNOMED_CT, None}:
            yield each.code.strip()


def _undotted(code: str) -> str:
    return code.replace(".", "").strip().upper()


class _Tests:
    """Compiles conditions; areas and markers are looked up by name."""

    def __init__(
        self, areas: Mapping[str, list[str]], markers: Mapping[str, dict[str, list[str]]]
    ) -> None:
        self._areas, self._markers = areas, markers

    def of(self, name: str, value: Any) -> tuple[str, Test]:
        """Return the words and the test of one condition."""
        if name == "area":
            return f"area {value}", _lives_in(self._areas[value])
        if name == "marker":
            any_of = [self.of(*item)[1] for item in self._markers[value].items()]
            return f"marker {value}", lambda facts: any(test(facts) for test in any_of)
        if name == "unaddressed":
            return name, lambda facts: facts.unaddressed
        if name == "record":
            holds = condition_on_record(value)
            return value, lambda facts: holds(facts.record)
        return f"{name} {', '.join(value)}", _CODED[name](value)


def _lives_in(places: list[str]) -> Test:
    wanted = frozenset(places)
    return lambda facts: not wanted.isdisjoint(facts.places)


def _is_asked_for(codes: list[str]) -> Test:
    wanted = frozenset(codes)
    return lambda facts: not wanted.isdisjoint(facts.services)


def _is_under(codes: list[str]) -> Test:
    wanted = frozenset(codes)
    return lambda facts: facts.specialty in wanted


def _goes_to(codes: list[str]) -> Test:
    wanted = frozenset(codes)
    return lambda facts: facts.destination in wanted


def _has(codes: list[str]) -> Test:
    concepts = frozenset(code for code in codes if _SCTID.fullmatch(code))
    beginnings = tuple(_undotted(code) for code in codes if code not in concepts)
    return lambda facts: (
        any(code.startswith(beginnings) for code in facts.diagnoses)
        or not concepts.isdisjoint(facts.findings)
    )


_CODED: Mapping[str, Callable[[list[str]], Test]] = {
    "district": _lives_in,
    "service": _is_asked_for,
    "specialty": _is_under,
    "destination": _goes_to,
    "diagnosis": _has,
}


def _rule(written: dict[str, Any], tests: _Tests) -> Rule:
    when = written.get("when", {})
    elsewhere = tuple(tests.of(*item)[1] for item in when.items() if item[0] not in _PLACES)
    return Rule(
        id=written["id"],
        kinds=frozenset(written["kinds"]),
        tests=tuple(tests.of(*condition) for condition in when.items()),
        elsewhere=None if _PLACES.isdisjoint(when) else elsewhere,
        to=tuple((OdsCode(to["ods"]), to["role"]) for to in written["to"]),
        since=date.fromisoformat(written.get("from", date.min.isoformat())),
        until=date.fromisoformat(written.get("until", date.max.isoformat())),
    )


def _wrong_conditions(document: yamlfile.Document) -> Iterator[yamlfile.Fault]:
    value = document.value
    asked: list[tuple[tuple[yamlfile.Key, ...], Mapping[str, Any]]] = [
        (("markers", name), marker) for name, marker in value.get("markers", {}).items()
    ]
    for part in PARTS:
        for i, rule in enumerate(value.get(part, ())):
            asked.append(((part, i, "when"), rule.get("when", {})))
    for place, conditions in asked:
        try:
            condition_on_record(conditions.get("record", "exists kind"))
        except ValueError as wrong:
            yield document.fault(str(wrong), *place, "record")
