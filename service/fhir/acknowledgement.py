"""The parameters of $acknowledge, and the Provenance of a clinical answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, get_args

from service.errors import BadRequest, Issue
from service.fhir.outcomes import Outcome, day_of, faults_of_outcome
from service.fhir.search_parameters import Resource
from service.fhir.systems import ODS, PROVENANCE_ROLE
from service.fhir.task import Acknowledgement, Status

MAX_COMMUNICATIONS: Final = 500  # of one $acknowledge
_STATUSES: Final = get_args(Status)
_ONCE: Final = ("status", "reason", "practitioner", "role")
_KNOWN: Final = (*_ONCE, "outcome")
NOT_IN_BULK: Final = "A clinical answer is given to one Communication at a time."


def read_acknowledgement(parameters: Resource | None, today: date) -> Acknowledgement:
    """Read the parameters of Communication/…/$acknowledge; none is a technical receipt.

    status: received | accepted | rejected | completed; reason: CodeableConcept or string;
    practitioner and role: string; outcome, any number: parts code and date. Raises BadRequest
    with every fault.
    """
    given = list(_given(parameters))
    faults = [*_unknown(given, _KNOWN), *_repeated(given), *_bad_status(given)]
    faults += _bad_outcomes(given, today)
    if faults:
        raise BadRequest("The parameters are not understood.", faults)
    said = {one["name"]: one for _, one in given}
    return Acknowledgement(
        status=_text(said.get("status", {})) or "received",  # type: ignore[arg-type]  # checked
        reason=_reason(said.get("reason")),
        practitioner=_text(said.get("practitioner", {})),
        role=_text(said.get("role", {})),
        outcomes=tuple(_outcome(one) for _, one in given if one["name"] == "outcome"),
    )


def read_list(parameters: Resource | None) -> list[str]:
    """Read the parameters of Communication/$acknowledge: the ids of `communication`, 1 to 500.

    Raises BadRequest with every fault, a clinical status among them.
    """
    given = list(_given(parameters))
    faults = [*_unknown(given, ("communication", "status")), *_clinical(given)]
    ids = [_id(one) for _, one in given if one["name"] == "communication"]
    if not 1 <= len(ids) <= MAX_COMMUNICATIONS or not all(ids):
        text = f"Name 1 to {MAX_COMMUNICATIONS} Communications by communication (Reference)."
        faults.append(_issue("required", "Parameters.parameter", text))
    if faults:
        raise BadRequest("The parameters are not understood.", faults)
    return list(dict.fromkeys(ids))


def acknowledgement_provenance(
    target: str, organisation: str, said: Acknowledgement, now: str
) -> Resource:
    """https://hl7.org/fhir/R4/provenance.html of a clinical answer: who said it, for whom."""
    system = {"identifier": {"system": ODS, "value": organisation}}
    who = ", ".join(part for part in (said.practitioner, said.role) if part)
    agent: dict[str, Any] = {
        "type": {"coding": [{"system": PROVENANCE_ROLE, "code": "performer"}]},
        "who": {"display": who} if who else system,
    }
    if who:
        agent["onBehalfOf"] = system
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": now,
        "activity": {"text": " ".join(("Task", said.status, *(o.code for o in said.outcomes)))},
        "agent": [agent],
    }


Given = Sequence[tuple[int, Mapping[str, Any]]]


def _given(parameters: Resource | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if parameters is None:
        return
    if parameters.get("resourceType") != "Parameters":
        raise BadRequest("The body of $acknowledge is a Parameters resource, or nothing.")
    yield from enumerate(parameters.get("parameter", ()))


def _unknown(given: Given, known: Sequence[str]) -> Iterator[Issue]:
    for index, one in given:
        if one["name"] not in known:
            text = f"There is no such parameter here: {', '.join(known)}."
            yield _issue("not-supported", f"Parameters.parameter[{index}].name", text)


def _repeated(given: Given) -> Iterator[Issue]:
    seen: set[str] = set()
    for index, one in given:
        if one["name"] in seen and one["name"] in _ONCE:
            yield _issue("invalid", f"Parameters.parameter[{index}]", "It is given twice.")
        seen.add(one["name"])


def _bad_status(given: Given) -> Iterator[Issue]:
    for index, one in given:
        if one["name"] == "status" and _text(one) not in _STATUSES:
            text = f"The status is {', '.join(_STATUSES[:-1])} or {_STATUSES[-1]}."
            yield _issue("value", f"Parameters.parameter[{index}]", text)


def _bad_outcomes(given: Given, today: date) -> Iterator[Issue]:
    for index, one in given:
        if one["name"] == "outcome":
            place = f"Parameters.parameter[{index}]"
            yield from faults_of_outcome(*_outcome(one), today, place)


def _outcome(one: Mapping[str, Any]) -> Outcome:
    parts = {part["name"]: part for part in one.get("part", ())}
    code, when = parts.get("code", {}), parts.get("date", {})
    return Outcome(
        str(code.get("valueCode") or code.get("valueCoding", {}).get("code", "")),
        day_of(str(when.get("valueDate") or when.get("valueDateTime") or "")),
    )


def _clinical(given: Given) -> Iterator[Issue]:
    for index, one in given:
        if one["name"] == "status" and _text(one) != "received":
            yield _issue("business-rule", f"Parameters.parameter[{index}]", NOT_IN_BULK)


def _text(one: Mapping[str, Any]) -> str:
    concept = one.get("valueCodeableConcept", {})
    reference = one.get("valueReference", {})
    found = one.get("valueCode") or one.get("valueString")
    return str(found or concept.get("text", "") or reference.get("display", ""))


def _reason(one: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if one is None:
        return None
    concept: Mapping[str, Any] = one.get("valueCodeableConcept", {})
    text = _text(one)
    return concept or ({"text": text} if text else None)


def _id(one: Mapping[str, Any]) -> str:
    reference = one.get("valueReference", {}).get("reference", "") or one.get("valueString", "")
    kind, _, id_ = f"/{reference}".rpartition("/")
    return id_ if kind in ("", "/Communication") or kind.endswith("/Communication") else ""


def _issue(code: str, target: str, text: str) -> Issue:
    return Issue(severity="error", code=code, text=text, target=target)
