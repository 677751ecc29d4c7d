"""FHIR's data types from the canonical ones: identifiers, concepts, names, references."""

from __future__ import annotations

import re
from typing import Any, Final

from service.fhir.build.context import Context, Json, Resource
from service.fhir.build.identity import Held, system_of
from service.fhir.systems import (
    ABSENT_EXTENSION,
    IDENTIFIER_TYPE,
    ODS,
    PROFILE,
    coding_system,
    identifier_system,
)
from service.fhir.validate.order import in_order
from service.fhir.validate.primitives import LAST_UPDATED
from service.fhir.validate.schema import code_table
from service.model import (
    Address,
    Coded,
    Contact,
    Identifier,
    Moment,
    OdsCode,
    Organisation,
    Patient,
    Practitioner,
    Telecom,
)

ABSENT: Final[Json] = {"extension": [{"url": ABSENT_EXTENSION, "valueCode": "unknown"}]}
PROFILED: Final = frozenset(
    {
        "Communication",
        "DocumentReference",
        "Encounter",
        "Patient",
        "Provenance",
        "ServiceRequest",
        "Task",
    }
)
_CODE: Final = re.compile(r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*")


def present(parts: dict[str, Any]) -> dict[str, Any]:
    """Leave out what has no value: FHIR knows no null, "" or []; false and 0 are values."""
    made = {}
    for name, value in parts.items():  # a loop costs half of a comprehension here
        if value or value == 0:
            made[name] = value
    return made


def plain(text: str | None) -> str | None:
    """Return an NHS number, ODS code, date or time as the plain text that JSON has."""
    return str(text) if text else None


def meta(context: Context, held: Held, tag: Json | None = None) -> Json:
    """Return Resource.meta; the store puts the instant of the commit in."""
    made: Json = {
        "versionId": str(held.version + 1),
        "lastUpdated": LAST_UPDATED,
        "source": f"urn:uuid:{context.origin.message_id}",
    }
    if held.type in PROFILED:
        made["profile"] = [PROFILE + held.type]
    if context.security:
        made["security"] = context.security
    if tag:
        made["tag"] = [tag]
    return made


def event_number(context: Context) -> str:
    """Return the number of this event: ours of the message, and the sender's within it.

    A sender's own is unique within one of its applications only; one message may hold several.
    """
    return f"{context.origin.message_id}-{context.transfer.message.id}"


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Return a Coding."""
    if display:
        return {"system": system, "code": code, "display": display}
    return {"system": system, "code": code}


def concept(system: str, code: str, display: str | None = None, text: str | None = None) -> Json:
    """Return a CodeableConcept with one coding."""
    made: Json = {"coding": [coding(system, code, display)]}
    return made | {"text": text} if text else made


def is_code(text: str) -> bool:
    """Whether FHIR's type `code` allows this text."""
    return _CODE.fullmatch(text) is not None


def coded(given: Coded | None) -> Json | None:
    """Return a CodeableConcept of what was sent; None where nothing was."""
    return (
        None if given is None else concept_of(given.system, given.code, given.display, given.text)
    )


def concept_of(
    system: str | None, code: str | None, display: str | None, text: str | None
) -> Json | None:
    """Return a CodeableConcept; what cannot be a code stands as text."""
    system = coding_system(system) if system else None
    if not code or not is_code(code):
        text = text or display or code
        said = {"system": system, "display": display if display != text else None}
        return present({"coding": [present(said)] if any(said.values()) else None, "text": text})
    made = present({"system": system, "code": code, "display": display})
    return {"coding": [made], "text": text} if text else {"coding": [made]}


def identifier(given: Identifier, context: Context, kind: str) -> Json:
    """Return an Identifier of a resource of type `kind`."""
    sender = context.transfer.message.sender
    types = code_table()["v2-0203"][IDENTIFIER_TYPE]
    named = given.type if given.type in types else None
    return present(
        {
            "type": concept(IDENTIFIER_TYPE, named)
            if named
            else given.type and {"text": given.type},
            "system": system_of(given, sender, kind),
            "value": given.value,
            "assigner": given.system and given.authority and {"display": given.authority},
        }
    )


def identifiers(given: tuple[Identifier, ...], context: Context, kind: str) -> list[Json]:
    """Return every identifier of a resource."""
    return [identifier(each, context, kind) for each in given]


def human_name(who: Patient | Practitioner | Contact) -> Json:
    """Return a HumanName, in parts where the source parts it."""
    return present(
        {
            "text": who.name,
            "family": who.family,
            "given": list(who.given),
            "prefix": [who.prefix] if who.prefix else None,
            "suffix": [who.suffix] if isinstance(who, Patient) and who.suffix else None,
        }
    )


def spoken(who: Practitioner | Contact | Patient) -> str:
    """Return a name as it is spoken, e.g. "Dr Samuel Darwin"; "" where there is none."""
    parts = (who.prefix, *who.given, who.family)
    return who.name or " ".join(part for part in parts if part)


def address(given: Address) -> Json:
    """Return an Address."""
    return present(
        {
            "use": given.use,
            "text": given.text,
            "line": list(given.lines),
            "city": given.city,
            "district": given.district,
            "postalCode": given.postcode,
            "country": given.country,
        }
    )


def telecom(given: Telecom) -> Json:
    """Return a ContactPoint. FHIR wants its kind (cpt-2): it is a telephone or e-mail address."""
    system = given.system or ("email" if "@" in given.value else "phone")
    return present({"system": system, "value": given.value, "use": given.use})


def organisation_reference(given: Organisation, context: Context) -> Json:
    """Return a reference to an organisation, by ODS code if there is one.

    Literal only where the directory has the organisation, and serves it as Organization/[code].
    """
    if given.ods is None:
        return present({"type": "Organization", "display": given.name})
    listed = context.organisation_name(given.ods)
    made: Json = {"reference": f"Organization/{given.ods}"} if listed else {}
    made["type"] = "Organization"
    made["identifier"] = {"system": ODS, "value": str(given.ods)}
    name = given.name or listed
    return made | {"display": name} if name else made


def practitioner_reference(given: Practitioner, context: Context) -> Json:
    """Return a reference to a professional: by number, with all that is known in words."""
    sender = context.transfer.message.sender
    system = identifier_system(given.id_system, sender, "practitioner")
    place = given.organisation
    numbers = ", ".join(each.value for each in given.telecoms)
    words = (spoken(given), given.role, place and organisation_words(place), numbers)
    return present(
        {
            "type": "Practitioner",
            "identifier": given.id and {"system": system, "value": given.id},
            "display": ", ".join(word for word in words if word),
        }
    )


def organisation_words(given: Organisation) -> str:
    """Return "Name (CODE)", or what there is of it."""
    if given.name and given.ods:
        return f"{given.name} ({given.ods})"
    return given.name or given.ods or ""


def period(start: Moment | None, end: Moment | None, context: Context, target: str) -> Json:
    """Return a Period; its end matters more, and its start is kept as far as per-1 allows."""
    begin, finish = plain(start), plain(end)
    if begin and finish and not in_order(begin, finish):
        if begin.startswith(finish):
            begin = finish  # as precise as the end, and no more
        else:
            text = "does not start before it ends, or is not told precisely; the start is left out"
            context.doubt("value", text, target)
            begin = None
    return present({"start": begin, "end": finish})


def organisation(ods: OdsCode, name: str) -> Resource:
    """https://hl7.org/fhir/R4/organization.html, as the directory knows it."""
    return {
        "resourceType": "Organization",
        "id": str(ods),
        "meta": {"profile": [PROFILE + "Organization"]},
        "identifier": [{"system": ODS, "value": str(ods)}],
        "name": name,
    }
