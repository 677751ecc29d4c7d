"""What the demo shows of Communication, ServiceRequest and Task, in a person's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from service.cli.terminal import printable

Resource = dict[str, Any]
Rows = list[tuple[str, str]]
_NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"


def communication_rows(communication: Resource) -> Rows:
    """Return what a team wants to know first, empty lines left out."""
    subject = communication.get("subject", {})
    return _filled(
        ("what", _words(communication.get("topic"))),
        ("patient", _person(subject)),
        ("from", _organisation(communication.get("sender", {}))),
        ("to", ", ".join(map(_organisation, communication.get("recipient", [])))),
        ("role", ", ".join(filter(None, (tag.get("display") for tag in _tags(communication))))),
        ("urgency", communication.get("priority", "")),
        ("sent", _time(communication.get("sent", ""))),
        *(("says", payload["contentString"]) for payload in _texts(communication)),
        ("documents", str(len(communication.get("about", [])) or "")),
        *(("doubtful", note["text"]) for note in communication.get("note", [])),
        ("resource", f"Communication/{communication['id']}"),
    )


def request_rows(request: Resource) -> Rows:
    """Return what is asked, by whom and of whom."""
    return _filled(
        ("asks for", _words(request.get("code"))),
        ("kind", ", ".join(_words(category) for category in request.get("category", []))),
        ("status", f"{request.get('status', '')}, intent {request.get('intent', '')}"),
        ("urgency", request.get("priority", "")),
        ("because", "; ".join(_words(reason) for reason in request.get("reasonCode", []))),
        ("by", _organisation(request.get("requester", {}))),
        ("of", ", ".join(map(_organisation, request.get("performer", [])))),
        ("asked on", _time(request.get("authoredOn", ""))),
        *(("note", note["text"]) for note in request.get("note", [])),
        ("resource", f"ServiceRequest/{request['id']}"),
    )


def is_for_action(communication: Resource) -> bool:
    """Whether its recipient is to do something, not only to know."""
    return any(tag.get("code") == "FA" for tag in _tags(communication))


def sender_row(communication: Resource, tasks: Sequence[Resource]) -> tuple[str, ...]:
    """Return how far one Communication has come, as its sender sees it."""
    focus = f"Communication/{communication['id']}"
    states = [task["status"] for task in tasks if task.get("focus", {}).get("reference") == focus]
    return (
        _words(communication.get("topic")),
        ", ".join(map(_organisation, communication.get("recipient", []))),
        communication["status"],
        _time(communication.get("received", "")) or "not yet",
        ", ".join(states),
    )


def _tags(resource: Resource) -> list[Resource]:
    tags: list[Resource] = resource["meta"].get("tag", [])
    return tags


def _filled(*rows: tuple[str, str]) -> Rows:
    return [(name, printable(text)) for name, text in rows if text.strip(" ,;")]


def _texts(communication: Resource) -> Iterator[Resource]:
    return (part for part in communication.get("payload", []) if "contentString" in part)


def _words(concept: Resource | None) -> str:
    """Return a CodeableConcept as text: its own, else what its codes are called."""
    if not concept:
        return ""
    names = [c.get("display") or c.get("code", "") for c in concept.get("coding", [])]
    return str(concept.get("text") or next(filter(None, names), ""))


def _person(reference: Resource) -> str:
    identifier = reference.get("identifier", {})
    number = identifier.get("value", "") if identifier.get("system") == _NHS_NUMBER else ""
    return ", ".join(filter(None, (reference.get("display"), number and f"NHS number {number}")))


def _organisation(reference: Resource) -> str:
    code = reference.get("identifier", {}).get("value", "")
    name = reference.get("display", "")
    return f"{name} ({code})" if name and code else name or code


def _time(text: str) -> str:
    return text[:16].replace("T", " ")
