"""What is wrong with a routing file that its schema cannot see: names, codes, days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from service import yamlfile
from service.delivery.directory import Directory
from service.model import OdsCode

PARTS: Final = ("rules", "fallback")
_NAMED: Final = (("area", "areas"), ("marker", "markers"))
_DAYS: Final = ("from", "until")


def rule_faults(document: yamlfile.Document, directory: Directory) -> Iterator[yamlfile.Fault]:
    """Yield what does not fit together in the file, or with the directory."""
    seen: set[str] = set()
    for part in PARTS:
        for i, rule in enumerate(document.value.get(part, ())):
            here = (part, i)
            if rule["id"] in seen:
                yield document.fault(f"two rules are called {rule['id']}", *here, "id")
            seen.add(rule["id"])
            yield from _unknown_names(document, rule, here)
            yield from _wrong_days(document, rule, here)
            for j, to in enumerate(rule["to"]):
                if directory.by_code(OdsCode(to["ods"])) is None:
                    text = f"{to['ods']} is not in the directory"
                    yield document.fault(text, *here, "to", j, "ods")


def _unknown_names(
    document: yamlfile.Document, rule: dict[str, Any], here: tuple[yamlfile.Key, ...]
) -> Iterator[yamlfile.Fault]:
    for condition, names in _NAMED:
        name = rule.get("when", {}).get(condition)
        if name is not None and name not in document.value.get(names, {}):
            yield document.fault(f"no {condition} is called {name}", *here, "when", condition)


def _wrong_days(
    document: yamlfile.Document, rule: dict[str, Any], here: tuple[yamlfile.Key, ...]
) -> Iterator[yamlfile.Fault]:
    days: list[date] = []
    for name in _DAYS:
        try:
            days += [date.fromisoformat(rule[name])] if name in rule else []
        except ValueError:
            yield document.fault(f"{rule[name]} is no day", *here, name)
    if len(days) > 1 and days[1] < days[0]:
        yield document.fault("it ends before it begins", *here, "until")
