"""A small directory, its rules, and transfers for the tests of routing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.delivery.routing import Routing
from service.model import (
    Address,
    Coded,
    Encounter,
    Message,
    OdsCode,
    Organisation,
    Patient,
    TransferOfCare,
)

MAPPINGS = Path(__file__).parents[1] / "mappings"

DIRECTORY = """
organisations:
  - {ods: RJZ, name: King's, kind: trust, by_name: true}
  - {ods: RWF, name: Maidstone and Tunbridge Wells, kind: trust}
  - ods: 8HX01
    placeholder: true
    name: East Hospice
    kind: hospice
    by_name: true
    teams: [East Hospice at Home]
  - {ods: 8PX01, placeholder: true, name: Pain Service, kind: pain-service}
"""

RULES = """
version: "1"
areas:
  east: [CT, TN23]
markers:
  palliative:
    diagnosis: [Z51.5, "103735009"]
    specialty: ["315"]
    destination: ["88"]
    service: ["306237005"]
rules:
  - id: palliative-east
    kinds: [discharge, death]
    when: {area: east, marker: palliative}
    to: [{ods: 8HX01, role: information}]
  - id: unaddressed-pain
    kinds: [referral]
    when: {service: ["306109009"], unaddressed: true}
    to: [{ods: 8PX01, role: action}]
  - id: pain-in-tn2
    kinds: [discharge]
    when: {district: [TN2], specialty: ["191"], diagnosis: [G89]}
    to: [{ods: 8PX01, role: action}, {ods: RJZ, role: information}]
"""


def folder(path: Path, directory: str = DIRECTORY, rules: str = RULES) -> Path:
    """Write both files, and the shipped schemas, into a folder."""
    for name in ("directory.schema.json", "routing.schema.json"):
        shutil.copy(MAPPINGS / name, path / name)
    (path / "directory.yaml").write_text(directory, "utf-8")
    (path / "routing.yaml").write_text(rules, "utf-8")
    return path


@pytest.fixture(scope="module")
def routing(tmp_path_factory: pytest.TempPathFactory) -> Routing:
    return Routing.load(folder(tmp_path_factory.mktemp("mappings")))


def transfer(kind: str = "discharge", **fields: Any) -> TransferOfCare:
    """A transfer from King's of a patient without GP practice or address, unless given."""
    message = Message(id="1", sender=OdsCode("RJZ"))
    patient = fields.pop("patient", Patient())
    return TransferOfCare(kind=kind, message=message, patient=patient, **fields)  # type: ignore[arg-type]


def living_at(postcode: str, **fields: Any) -> Patient:
    return Patient(addresses=(Address(postcode=postcode),), **fields)


def registered_at(ods: str | None, name: str | None = None) -> Patient:
    return Patient(gp_practice=Organisation(ods=OdsCode(ods) if ods else None, name=name))


def stay(specialty: str | None = None, destination: str | None = None) -> Encounter:
    encounter = Encounter()
    if specialty:
        encounter = replace(encounter, specialty=Coded(code=specialty))
    if destination:
        encounter = replace(encounter, discharge_destination=Coded(code=destination))
    return encounter
