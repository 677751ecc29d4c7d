"""What became of a message and why, as JSON and as a table: source beside output, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from service.conversion import Attempt
from service.delivery.routing import Routing
from service.errors import Issue
from service.formats import FORMATS, SourceMessage
from service.mapping import Mapping, shortened
from service.model import Recipient

Json = dict[str, Any]
MOST_UNREAD: Final = 1_000  # places that are listed of one message
_REASONS: Final = {
    "named": "the message names it",
    "performer": "it is asked to do what the message requests",
    "discharged-to": "it takes the patient over",
    "gp-practice": "it is the patient's GP practice",
    "caseload": "it has the patient in its care",
    "holds-what-changes": "it was told before of what changes now",
}


def explained(attempt: Attempt, routing: Routing | None = None) -> Json:
    """Return one message as JSON; with `routing` every rule too, and what of it held.

    The shape is in docs/explaining.md.
    """
    unread, ignored = _left_out(attempt)
    told: Json = {
        "message_id": attempt.source.message_id,
        "type": attempt.source.message_type,
        "format": attempt.source.format,
        "sender": attempt.sender,
        "outcome": "refused" if attempt.refusal else "converted",
        "mapping": _mapping(attempt.mapping),
        "kind": attempt.transfer.kind if attempt.transfer else None,
        "issues": [_issue(issue) for issue in attempt.issues],
        "fields": attempt.trace.as_dicts(values=True) if attempt.trace else [],
        "unread": [{"source": at, "value": _text(attempt.source, at)} for at in unread],
        "ignored": ignored,
        "recipients": [_recipient(each) for each in recipients(attempt)],
    }
    if routing and attempt.transfer:
        rules = routing.explain(attempt.transfer)
        told["rules"] = [_rule(each.rule, each.held, each.conditions) for each in rules]
    return told


def recipients(attempt: Attempt) -> Sequence[Recipient]:
    """Return who is told of the message, if it is taken in."""
    return attempt.draft.recipients if attempt.draft else ()


def as_table(attempt: Attempt) -> list[tuple[str, ...]]:
    """Return the values, what no rule reads, and the recipients as rows, headings first."""
    heading, *rows = attempt.trace.as_table() if attempt.trace else [_HEADING]
    unread, _ = _left_out(attempt)
    rows += [("(not read)", _text(attempt.source, at), at, "no rule reads it", "") for at in unread]
    rows += [
        ("(recipient)", f"{each.ods} {each.name or ''}".strip(), "", f"for {each.role}", because)
        for each in recipients(attempt)
        for because in [", ".join(_reasons(each))]
    ]
    return [heading, *rows]


_HEADING: Final = ("Target", "Value", "Source", "By", "Rule")


def _left_out(attempt: Attempt) -> tuple[list[str], list[str]]:
    """Return the places that no rule reads: by mistake perhaps, and on purpose."""
    if attempt.mapping is None:
        return [], []
    unread, ignored = attempt.mapping.left_out(attempt.source)
    return unread[:MOST_UNREAD], ignored[:MOST_UNREAD]


def _text(source: SourceMessage, place: str) -> str:
    """Return what stands at a place, if its name is a path that leads there."""
    try:
        path = FORMATS[source.format].compile_path(place)
    except ValueError:
        return ""
    return shortened(", ".join(path.values(source.root)))


def _mapping(mapping: Mapping | None) -> Json | None:
    if mapping is None:
        return None
    return {
        "id": mapping.id,
        "version": mapping.version,
        "file": f"{mapping.id}.yaml",
        "is_base": mapping.is_base,
    }


def _issue(issue: Issue) -> Json:
    return {name: value for name, value in asdict(issue).items() if value}


def _recipient(given: Recipient) -> Json:
    return {
        "ods": given.ods,
        "name": given.name,
        "role": given.role,
        "because": list(_reasons(given)),
    }


def _reasons(given: Recipient) -> Iterator[str]:
    """Yield in words why somebody is told."""
    for reason in given.because.split(", "):
        kind, _, rule = reason.partition(":")
        yield f"rule {rule} of routing.yaml" if kind == "rule" else _REASONS.get(kind, reason)


def _rule(name: str, held: bool, conditions: Sequence[tuple[str, bool]]) -> Json:
    asked = [{"condition": words, "holds": holds} for words, holds in conditions]
    return {"rule": name, "holds": held, "conditions": asked}
