"""Words that look like what a rule asks for, where no code says it: a person is to look.

No rule holds by words: "not for palliative care" holds them as well. So they make a warning, and
send nothing to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service import yamlfile
from service.delivery.directory import read, require
from service.delivery.rules import Facts, Rule, Test, marker_tests
from service.errors import Issue
from service.model import Coded, Diagnosis, Document, Procedure, Request, TransferOfCare

_WARNED = (
    "words or a local code look like {}, and no code says so: whoever rules would tell of that "
    "is not told"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """The words of one marker, and the rules that ask for it."""

    marker: str
    words: re.Pattern[str]
    holds: Test
    rules: tuple[Rule, ...]

    def issue(self, transfer: TransferOfCare, facts: Facts) -> Issue | None:
        """Return a warning if words tell what no code of the transfer does, and a rule asks for."""
        if self.holds(facts) or not any(self._asks(rule, transfer, facts) for rule in self.rules):
            return None
        for target, text in _texts(transfer):
            if self.words.search(text):
                told = _WARNED.format(self.marker)
                return Issue(severity="warning", code="incomplete", text=told, target=target)
        return None

    def _asks(self, rule: Rule, transfer: TransferOfCare, facts: Facts) -> bool:
        needed = any(name == "unaddressed" for name, _ in rule.tests)
        return transfer.kind in rule.kinds and (facts.unaddressed or not needed)


def load(folder: Path, rules: Collection[Rule]) -> tuple[Watch, ...]:
    """Read what `routing.yaml` in the folder has under `watched`. Raises RoutingFaults."""
    document = read(folder, "routing")
    require(_dangling(document))
    tests = marker_tests(document.value)
    return tuple(
        _watch(written, tests[written["marker"]], rules)
        for written in document.value.get("watched", ())
    )


def _watch(written: dict[str, Any], holds: Test, rules: Collection[Rule]) -> Watch:
    words = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in written["words"])
    asked = f"marker {written['marker']}"
    return Watch(
        marker=written["marker"],
        words=re.compile(rf"\b(?:{words})\b", re.IGNORECASE),
        holds=holds,
        rules=tuple(rule for rule in rules if any(name == asked for name, _ in rule.tests)),
    )


def _dangling(document: yamlfile.Document) -> Iterator[yamlfile.Fault]:
    for i, watch in enumerate(document.value.get("watched", ())):
        if watch["marker"] not in document.value.get("markers", {}):
            text = f"no marker is called {watch['marker']}"
            yield document.fault(text, "watched", i, "marker")


def _texts(transfer: TransferOfCare) -> Iterator[tuple[str, str]]:
    """Yield what is said in few words about the patient's condition and care, with its field."""
    for name in ("diagnoses", "procedures", "documents", "requests"):
        for i, each in enumerate(getattr(transfer, name)):
            yield from ((f"{name}[{i}]", text) for text in _said(each) if text)
    stay = transfer.encounter
    if stay is None:
        return
    for name in ("reason", "specialty", "discharge_destination"):
        yield from ((f"encounter.{name}", text) for text in _words(getattr(stay, name)) if text)
    for name in ("ward", "discharged_to"):
        place = getattr(stay, name)
        text = getattr(place, "name", None) if name == "discharged_to" else place
        if text:
            yield f"encounter.{name}", text


def _said(each: Diagnosis | Procedure | Document | Request) -> Iterator[str | None]:
    if isinstance(each, Document):
        yield each.title
        yield from _words(each.type)
    elif isinstance(each, Request):
        for coded in (each.service, each.category, *each.reasons):
            yield from _words(coded)
    else:
        yield from (each.code, each.display, each.text)


def _words(coded: Coded | None) -> tuple[str | None, ...]:
    return (coded.code, coded.display, coded.text) if coded else ()
