"""A file of rows taken in row by row: one that is refused does not keep the others back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from service.errors import Issue, ServiceError, Unavailable
from service.fhir.outcome import operation_outcome
from service.formats import SourceMessage
from service.store import Answer, Receipt

FHIR_JSON: Final = "application/fhir+json; charset=utf-8"
Take = Callable[[SourceMessage], Receipt]


def are_rows(sources: Sequence[SourceMessage]) -> bool:
    """Whether a body holds several messages that each have bytes of their own."""
    return len(sources) > 1 and all(source.raw for source in sources)


def take_rows(sources: Sequence[SourceMessage], take: Take) -> Receipt:
    """Take in every row by itself, and return one receipt that tells of each.

    A row that was taken in before gets its first answer again, so a file may be sent again as a
    whole once its wrong rows are mended. The status is that of the worst row. Raises Unavailable
    if the store cannot be written: then nothing of the rest was taken.
    """
    outcomes = [_outcome(source, take) for source in sources]
    refused = [one for one in outcomes if isinstance(one, ServiceError)]
    told = [_summary(len(outcomes), len(refused))]
    body = operation_outcome(told)
    for source, outcome in zip(sources, outcomes, strict=True):
        body["issue"] += _issues(_place(source), outcome)
    status = max((one.http_status for one in refused), default=201)
    answer = Answer(status=status, media_type=FHIR_JSON, body=orjson.dumps(body))
    taken = [one for one in outcomes if isinstance(one, Receipt)]
    first = taken[0].message_id if taken else ""
    repeated = all(one.repeated for one in taken) and not refused
    return Receipt(message_id=first, repeated=repeated, answer=answer)


def _outcome(source: SourceMessage, take: Take) -> Receipt | ServiceError:
    try:
        return take(source)
    except Unavailable:
        raise
    except ServiceError as refusal:
        return refusal


def _summary(rows: int, refused: int) -> Issue:
    if not refused:
        return Issue(
            severity="information", code="informational", text=f"All {rows} rows are stored."
        )
    text = f"{refused} of {rows} rows were refused; the others are stored. "
    text += "Mend these and send the file again: no row is taken in twice."
    return Issue(severity="error", code="processing", text=text)


def _place(source: SourceMessage) -> str:
    place: str = getattr(source, "place", "")
    return place


def _issues(place: str, outcome: Receipt | ServiceError) -> Iterator[dict[str, Any]]:
    """Yield what was told of one row, with the row's place."""
    if isinstance(outcome, ServiceError):
        issues = [replace(one, source=_within(place, one.source)) for one in outcome.issues]
        yield from operation_outcome(issues, outcome.http_status)["issue"]
        return
    for issue in orjson.loads(outcome.answer.body)["issue"]:
        yield {**issue, "diagnostics": f"{place}: {issue.get('diagnostics', '')}"}


def _within(place: str, source: str) -> str:
    return source if source.startswith(place) else ", ".join(filter(None, (place, source)))
