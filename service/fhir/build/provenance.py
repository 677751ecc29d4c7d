"""Provenance: who sent the message, what made FHIR of it, and which message it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from service import __version__
from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held
from service.fhir.build.parts import concept, meta, plain, practitioner_reference, present
from service.fhir.systems import MAPPING, PROVENANCE_ROLE, local_system

_ROLES: Final = {
    name: concept(PROVENANCE_ROLE, name, name.capitalize())
    for name in ("author", "assembler", "enterer")
}


def provenance(
    context: Context, held: Held, targets: Sequence[Json], original: Json | None
) -> Resource:
    """https://hl7.org/fhir/R4/provenance.html, one for each message."""
    message, origin = context.transfer.message, context.origin
    return present(
        {
            "resourceType": "Provenance",
            "id": held.id,
            "meta": meta(context, held),
            "target": list(targets),
            "occurredDateTime": plain(message.occurred_at or message.sent_at),
            "recorded": context.instant,
            "policy": [_policy(origin.mapping, origin.mapping_version)],
            "agent": _agents(context),
            "entity": [
                {"role": "source", "what": _message(context, original), **_claims(context)},
            ],
        }
    )


@lru_cache(maxsize=1024)
def _policy(mapping: str, version: str) -> str:
    return f"{MAPPING}{quote(mapping)}|{quote(version)}"


def _agents(context: Context) -> list[Json]:
    operator = context.transfer.message.operator
    agents = [
        {"type": _ROLES["author"], "who": context.sender},
        {
            "type": _ROLES["assembler"],
            "who": {"type": "Device", "display": f"Discharge Relay {__version__}"},
        },
    ]
    if operator:
        who = practitioner_reference(operator, context)
        agents.append({"type": _ROLES["enterer"], "who": who})
    return agents


def _message(context: Context, original: Json | None) -> Json:
    message = context.transfer.message
    times = (
        (message.sent_at, "sent"),
        (message.occurred_at, "happened"),
        (message.recorded_at, "entered"),
    )
    told = [f"{what} {when}" for when, what in times if when]
    system = local_system(message.sender, "message")
    return present(
        {
            "reference": original and original["reference"],
            "identifier": {"system": system, "value": message.id},
            "display": ", ".join([message.event or "Message", *told]),
        }
    )


def _claims(context: Context) -> Json:
    """Return what the message says of where it comes from, beside what we know."""
    message = context.transfer.message
    claimed = message.claimed_sender
    words = [
        f"application {message.application}" if message.application else None,
        f"claimed sender {claimed}" if claimed and claimed != message.sender else None,
    ]
    said = "; ".join(word for word in words if word)
    return {"agent": [{"who": {"type": "Device", "display": said}}]} if said else {}
