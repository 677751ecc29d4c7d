"""What became of one message and why, as JSON and as a table: source beside output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from service.conversion import Attempt
from service.delivery.routing import Explanation, Routing
from service.errors import Issue
from service.formats import FORMATS, SourceMessage
from service.mapping import Mapping, shortened
from service.model import Recipient

Json = dict[str, Any]
MOST_UNREAD: Final = 1_000  # places that are listed of one message
MOST_LEAVES: Final = 20_000  # values of a message in which what nobody reads is looked for
_HEADING: Final = ("Target", "Value", "Source", "By", "Rule")
_REASONS: Final = {
    "named": "the message names it",
    "performer": "it is asked to do what the message requests",
    "discharged-to": "it takes the patient over",
    "gp-practice": "it is the patient's GP practice",
    "caseload": "it has the patient in its care",
    "holds-what-changes": "it was told before of what changes now",
}


def explained(attempt: Attempt) -> Json:
    """Return one message as JSON, every value with what was sent and which rule took it.

    The shape is described in docs/explaining.md.
    """
    unread, ignored = _left_out(attempt)
    return {
        "message_id": attempt.source.message_id,
        "type": attempt.source.message_type,
        "format": attempt.source.format,
        "sender": attempt.sender,
        "kind": attempt.transfer.kind if attempt.transfer else None,
        "mapping": _mapping(attempt.mapping),
        "issues": [told_issue(issue) for issue in attempt.issues],
        "fields": attempt.trace.as_dicts(values=True) if attempt.trace else [],
        "unread": [{"source": at, "value": _text(attempt.source, at)} for at in unread],
        "ignored": ignored,
        "unread_listed": not _is_vast(attempt.source),
    }


def explained_rules(attempt: Attempt, routing: Routing) -> list[Json]:
    """Return every routing rule, whether it holds, and which of its conditions do."""
    if attempt.transfer is None:
        return []
    return [told_rule(each) for each in routing.explain(attempt.transfer)]


def told_rule(given: Explanation) -> Json:
    """Return a rule as JSON, without whom it leads to: that is not a sender's to know."""
    asked = [{"condition": words, "holds": holds} for words, holds in given.conditions]
    return {"rule": given.rule, "holds": given.held, "conditions": asked}


def told_issue(issue: Issue) -> Json:
    """Return an issue as JSON, what is empty left out."""
    return {name: value for name, value in asdict(issue).items() if value}


def told_recipient(given: Recipient) -> Json:
    """Return who is told, and why in words."""
    return {
        "ods": given.ods,
        "name": given.name,
        "role": given.role,
        "because": list(reasons(given.because)),
    }


def reasons(because: str) -> Iterator[str]:
    """Yield in words why somebody is told, from the codes that the routing gives."""
    for reason in filter(None, because.split(", ")):
        kind, _, rule = reason.partition(":")
        yield f"rule {rule} of routing.yaml" if kind == "rule" else _REASONS.get(kind, reason)


def as_table(attempt: Attempt) -> list[tuple[str, ...]]:
    """Return the values, what no rule reads, and the recipients as rows, headings first."""
    heading, *rows = attempt.trace.as_table() if attempt.trace else [_HEADING]
    unread, _ = _left_out(attempt)
    rows += [("(not read)", _text(attempt.source, at), at, "no rule reads it", "") for at in unread]
    rows += [_recipient_row(each) for each in attempt.recipients]
    return [heading, *rows]


def _recipient_row(given: Recipient) -> tuple[str, ...]:
    named = f"{given.ods or ''} {given.name or ''}".strip()
    return ("(recipient)", named, "", f"for {given.role}", ", ".join(reasons(given.because)))


def _left_out(attempt: Attempt) -> tuple[Sequence[str], Sequence[str]]:
    """Return the places that no rule reads: by mistake perhaps, and on purpose."""
    if attempt.mapping is None or _is_vast(attempt.source):
        return (), ()
    unread, ignored = attempt.mapping.left_out(attempt.source)
    return unread[:MOST_UNREAD], ignored[:MOST_UNREAD]


def _is_vast(source: SourceMessage) -> bool:
    """Whether a message has so many values that nobody would look through them."""
    return next(islice(source.leaves(), MOST_LEAVES, None), None) is not None


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
