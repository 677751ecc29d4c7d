"""The examples in profiles/examples: what is built of a few invented transfers.

Run this file to write them anew after the builder has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from build_fixtures import HOSPICE, PRACTICE, discharge, made

from service.fhir.build import LAST_UPDATED, binary, organisation
from service.model import Coded, Identifier, Moment, OdsCode, Organisation, Request

FOLDER = Path(__file__).resolve().parents[1] / "profiles" / "examples"
STORED = "2025-03-14T17:05:00.000123Z"  # what the store would have put in
REFERRAL = Request(
    identifiers=(Identifier(value="PAIN-2025-004417", type="PLAC"),),
    priority="urgent",
    service=Coded(
        code="306237005",
        system="http://snomed.info/sct",
        display="Referral to palliative care service",
    ),
    reasons=(Coded(text="Complex cancer pain after intrathecal catheter"),),
    performers=(Organisation(ods=OdsCode("8HX03"), name="Hospice at Home"),),
    starts_at=Moment("2025-03-14"),
    ends_at=Moment("2025-03-21"),
    notes=("Joint pain review within 7 days.",),
)


def examples() -> dict[str, dict[str, Any]]:
    """Return every example by the name of its file."""
    whole = discharge()
    bare = replace(
        whole, sections=(), diagnoses=(), procedures=(), allergies=(), medications=(), documents=()
    )
    referral = made(replace(bare, kind="referral", requests=(REFERRAL,)), HOSPICE)
    found = dict(_all_of(whole))
    found["Organization-hospice"] = organisation(OdsCode("8HX03"), "Hospice at Home")
    found["ServiceRequest-referral"] = referral.resources[-2]
    found["Communication-referral"] = referral.communications[0][1]
    for kind in ("death", "discharge-cancelled"):
        built = made(replace(bare, kind=kind, requests=()), HOSPICE)
        found[f"Communication-{kind}"] = built.communications[0][1]
    return {f"{name}.json": _stored(resource) for name, resource in found.items()}


def _all_of(transfer: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    built = made(transfer, HOSPICE, PRACTICE)
    names = {"DocumentReference": iter(("document", "message"))}
    for resource in built.resources:
        kind = resource["resourceType"]
        yield f"{kind}-{next(names.get(kind, iter(['discharge'])))}", resource
    for to, (_, communication, task) in zip(
        ("hospice", "practice"), built.communications, strict=True
    ):
        yield f"Communication-discharge-{to}", communication
        yield f"Task-discharge-{to}", task
    for content in built.contents:
        yield "Binary-document", binary(content)


def _stored(resource: dict[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(json.dumps(resource).replace(LAST_UPDATED, STORED))
    return stored


def written(resource: dict[str, Any]) -> str:
    """Return an example as its file has it."""
    return json.dumps(resource, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, resource in examples().items():
        (FOLDER / name).write_text(written(resource), "utf-8")
