"""A caseload as a FHIR Group, and back: https://hl7.org/fhir/R4/group.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from service.caseload.member import FaultyMember, Member, read_member
from service.errors import Issue, NonconformantResource
from service.fhir.index import ods_code
from service.fhir.systems import NHS_NUMBER, ODS, PROFILE, ROUTING_BASIS
from service.model import OdsCode
from service.store import Basis, Entry, ListState

Resource = dict[str, Any]
ENTRY: Final = PROFILE.rpartition("/")[0] + "/caseload-entry"
_PREFIX: Final = "caseload-"
_CODE: Final = {
    "coding": [{"system": ROUTING_BASIS, "code": "caseload", "display": "Caseload"}],
    "text": "Caseload",
}
_TEXTS: Final = {"family": "family", "given": "given", "postcode": "postcode"}


def group_id(team: OdsCode) -> str:
    """Return the id of a team's Group: there is one, and it is found by the ODS code."""
    return f"{_PREFIX}{team}"


def as_group(
    team: OdsCode, name: str | None, entries: Sequence[Entry], state: ListState
) -> Resource:
    """Return a team's list as a Group."""
    whose: Resource = {"type": "Organization", "identifier": {"system": ODS, "value": str(team)}}
    group: Resource = {
        "resourceType": "Group",
        "id": group_id(team),
        "meta": {
            "versionId": str(state.version),
            "lastUpdated": state.updated.isoformat(),
            "profile": [f"{PROFILE}Group"],
        },
        "active": True,
        "type": "person",
        "actual": True,
        "code": _CODE,
        "name": f"Caseload of {name or team}",
        "quantity": len(entries),
        "managingEntity": {**whose, "display": name} if name else whose,
    }
    return group | {"member": [_member(entry) for entry in entries]} if entries else group


def _member(entry: Entry) -> Resource:
    period = {"start": entry.starts} | ({"end": entry.ends} if entry.ends else {})
    return {
        "id": entry.id,
        "extension": [{"url": ENTRY, "extension": list(_details(entry))}],
        "entity": {
            "type": "Patient",
            "identifier": {"system": NHS_NUMBER, "value": entry.nhs_number},
        },
        "period": period,
    }


def _details(entry: Entry) -> Iterator[Resource]:
    yield {"url": "birthDate", "valueDate": entry.birth_date}
    for name in _TEXTS:
        if text := getattr(entry, name):
            yield {"url": name, "valueString": text}
    yield {"url": "basis", "valueCodeableConcept": _concept(entry.basis)}
    yield from ({"url": "kind", "valueCode": kind} for kind in entry.kinds)
    yield {"url": "added", "valueInstant": entry.added.isoformat()}
    if entry.added_by:
        yield {"url": "addedBy", "valueString": entry.added_by}


def _concept(basis: Basis) -> Resource:
    coded = {"system": basis.system, "code": basis.code}
    coding = {name: text for name, text in coded.items() if text}
    told: Resource = {"coding": [coding]} if basis.code else {}
    return told | ({"text": basis.text} if basis.text else {})


def read_group(team: OdsCode, group: Resource, today: str) -> list[Member]:
    """Return the patients of a Group that a team sends; members that are inactive are left out.

    Raises NonconformantResource with every fault and its place.
    """
    faults = list(_faults_of_list(team, group))
    members: list[Member] = []
    for i, member in enumerate(group.get("member", ())):
        if member.get("inactive"):
            continue
        try:
            members.append(read_member(said_of(member), today))
        except FaultyMember as faulty:
            faults += [_fault(fault.text, _place(i, fault.field)) for fault in faulty.faults]
    faults += _doubles(group)
    if faults:
        raise NonconformantResource(issues=faults)
    return members


def _faults_of_list(team: OdsCode, group: Resource) -> Iterator[Issue]:
    if group.get("type") != "person" or group.get("actual") is not True:
        yield _fault("a caseload is an actual Group of persons", "Group.type")
    if "managingEntity" in group and ods_code(group["managingEntity"]) != team:
        yield _fault("a caseload is kept by its own team", "Group.managingEntity")
    if "characteristic" in group:
        yield _fault("a caseload names its patients, not what they have", "Group.characteristic")


def _doubles(group: Resource) -> Iterator[Issue]:
    seen: set[str] = set()
    for i, member in enumerate(group.get("member", ())):
        number = said_of(member).get("nhs_number", "")
        if number in seen and not member.get("inactive"):
            yield _fault("the patient is there twice", _place(i, "nhs_number"))
        seen.add(number)


def said_of(member: Mapping[str, Any]) -> dict[str, str]:
    """Return what a Group.member says, as texts by field."""
    period = member.get("period", {})
    identifier = member.get("entity", {}).get("identifier", {})
    said = {"start": period.get("start", "")[:10], "end": period.get("end", "")[:10]}
    if identifier.get("system") == NHS_NUMBER:
        said["nhs_number"] = identifier.get("value", "").replace(" ", "")
    return said | said_in(
        [
            part
            for extension in member.get("extension", ())
            if extension.get("url") == ENTRY
            for part in extension.get("extension", ())
        ]
    )


def said_in(parts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what parts named as in the extension say, as texts by field."""
    said: dict[str, str] = {}
    kinds = []
    for part in parts:
        name = part.get("url") or part.get("name")
        if name == "birthDate":
            said["birth_date"] = part.get("valueDate", "")
        elif name in _TEXTS:
            said[_TEXTS[name]] = part.get("valueString", "")
        elif name == "kind":
            kinds.append(part.get("valueCode", ""))
        elif name == "basis":
            said |= _basis(part.get("valueCodeableConcept", {}))
    return said | ({"kinds": " ".join(kinds)} if kinds else {})


def _basis(concept: Mapping[str, Any]) -> dict[str, str]:
    coding: Mapping[str, Any] = next(iter(concept.get("coding", ())), {})
    return {
        "basis_system": coding.get("system", ""),
        "basis_code": coding.get("code", ""),
        "basis_text": concept.get("text", "") or coding.get("display", ""),
    }


def _place(index: int, field: str) -> str:
    inner = {
        "nhs_number": "entity.identifier",
        "start": "period.start",
        "end": "period.end",
    }
    below = inner.get(field, f"extension('{ENTRY}')")
    return f"Group.member[{index}].{below}"


def _fault(text: str, target: str) -> Issue:
    return Issue(severity="error", code="value", text=text, target=target)
