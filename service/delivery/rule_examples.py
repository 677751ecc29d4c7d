"""The load gate of routing rules: examples that must be told to exactly whom they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from service import yamlfile
from service.delivery.rule_faults import PARTS
from service.model import (
    Address,
    Coded,
    Diagnosis,
    Encounter,
    Message,
    OdsCode,
    Organisation,
    Patient,
    Recipient,
    Request,
    TransferOfCare,
)

SENDER: Final = OdsCode("X9999")  # nobody's: who sends an example that does not say
_SNOMED_CT: Final = "http://snomed.info/sct"
Route = Callable[[TransferOfCare, date | None], tuple[Recipient, ...]]


def wrong_examples(document: yamlfile.Document, route: Route) -> Iterator[yamlfile.Fault]:
    """Yield in what each example of a file is told to others than it says."""
    for i, example in enumerate(document.value.get("examples", ())):
        day = example.get("on")
        try:
            asked = date.fromisoformat(day) if day else None
        except ValueError:
            yield document.fault(f"{day} is no day", "examples", i, "on")
            continue
        if asked is None and any(map(_is_dated, _rules(document))):
            text = "say on which day: rules here have a first or last one"
            yield document.fault(f"example {example['id']}: {text}", "examples", i)
            continue
        told = {str(each.ods): each for each in route(as_transfer(example), asked)}
        for text in _differences(example["to"], told):
            yield document.fault(f"example {example['id']}: {text}", "examples", i, "to")


def _rules(document: yamlfile.Document) -> Iterator[Mapping[str, Any]]:
    for part in PARTS:
        yield from document.value.get(part, ())


def _is_dated(rule: Mapping[str, Any]) -> bool:
    """Whether it is in force on some days alone: an example must not fail one day by itself."""
    return "from" in rule or "until" in rule


def _differences(wanted: Mapping[str, str], told: Mapping[str, Recipient]) -> Iterator[str]:
    for ods, role in wanted.items():
        if ods not in told:
            yield f"{ods} is not told"
        elif told[ods].role != role:
            yield f"{ods} is told for {told[ods].role}, not for {role}"
    for ods, each in told.items():
        if ods not in wanted:
            yield f"{ods} is told too, for {each.role} ({each.because})"


def as_transfer(example: Mapping[str, Any]) -> TransferOfCare:
    """Return the transfer that an example describes in a few words; its patient is nobody."""
    practice = example.get("practice")
    codes = example.get("diagnosis", ())
    return TransferOfCare(
        kind=example["kind"],
        message=Message(id="example", sender=OdsCode(example.get("sender", SENDER))),
        patient=Patient(
            addresses=(Address(postcode=example["postcode"]),) if "postcode" in example else (),
            gp_practice=Organisation(ods=OdsCode(practice)) if practice else None,
            restricted=example.get("restricted") == "true",
        ),
        encounter=_stay(example),
        diagnoses=tuple(Diagnosis(code=code) for code in codes),
        requests=tuple(
            Request(service=Coded(code=code, system=_SNOMED_CT), status="active")
            for code in example.get("service", ())
        ),
        recipients=tuple(
            Recipient(ods=OdsCode(ods), role=role) for ods, role in example.get("named", {}).items()
        ),
    )


def _stay(example: Mapping[str, Any]) -> Encounter:
    specialty, destination = example.get("specialty"), example.get("destination")
    return Encounter(
        specialty=Coded(code=specialty) if specialty else None,
        discharge_destination=Coded(code=destination) if destination else None,
    )
