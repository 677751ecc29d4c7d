"""What a team records of a patient in its Task: discussed, assessed or treated, and on which day.

It stands in Task.output, where the recipient's answers are; nothing else says it, and nothing is
inferred from codes of encounters or procedures.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from service.errors import Issue
from service.fhir.search_parameters import Resource
from service.fhir.systems import EVALUATION

OUTCOMES: Final = {
    "discussed": "Discussed by the team",
    "assessed": "Assessed by the team",
    "treated": "Treated by the team",
}


class Outcome(NamedTuple):
    """One thing that was done, on one day."""

    code: str  # one of OUTCOMES
    day: str  # YYYY-MM-DD


def outcomes_of(task: Resource) -> list[Outcome]:
    """Return what a Task says was done; entries that are not readable are left out."""
    return [
        Outcome(code, day)
        for _, output in _recorded(task)
        if (code := _code(output)) in OUTCOMES and (day := _day(output))
    ]


def with_outcomes(task: Resource, done: tuple[Outcome, ...]) -> Resource:
    """Return a Task that says this too; the Task itself if it says it already."""
    there = outcomes_of(task)
    new = [one for one in dict.fromkeys(done) if one not in there]
    return {**task, "output": [*task.get("output", ()), *map(_output, new)]} if new else task


def faults_of_outcomes(before: Resource, after: Resource, today: date) -> Iterator[Issue]:
    """Yield what is wrong with the outcomes that a new version of a Task adds."""
    earlier = before.get("output", ())
    for index, output in _recorded(after):
        if output not in earlier:
            place = f"Task.output[{index}]"
            yield from faults_of_outcome(_code(output), _day(output), today, place)


def faults_of_outcome(code: str, day: str, today: date, place: str) -> Iterator[Issue]:
    """Yield what is wrong with one outcome."""
    if code not in OUTCOMES:
        yield _issue(f"What a team records is {', '.join(OUTCOMES)}.", place)
    if not day:
        yield _issue("Say the day on which it was done: YYYY-MM-DD.", place)
    elif date.fromisoformat(day) > today:
        yield _issue("The day is in the future: record what was done.", place)


def other_answers(task: Resource) -> list[Any]:
    """Return the outputs that record nothing of this: they stay, while a slip may be taken out."""
    return [output for output in task.get("output", ()) if not _codings(output)]


def day_of(text: str) -> str:
    """Return the day of a FHIR date or dateTime; "" for one that is not a whole day."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return ""


def _recorded(task: Resource) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, output in enumerate(task.get("output", ())):
        if _codings(output):
            yield index, output


def _codings(output: dict[str, Any]) -> list[dict[str, Any]]:
    codings = output.get("type", {}).get("coding", ())
    return [one for one in codings if one.get("system") == EVALUATION]


def _code(output: dict[str, Any]) -> str:
    return str(_codings(output)[0].get("code", ""))


def _day(output: dict[str, Any]) -> str:
    return day_of(str(output.get("valueDate") or output.get("valueDateTime") or ""))


def _output(outcome: Outcome) -> dict[str, Any]:
    display = OUTCOMES[outcome.code]
    coding = {"system": EVALUATION, "code": outcome.code, "display": display}
    return {"type": {"coding": [coding]}, "valueDate": outcome.day}


def _issue(text: str, place: str) -> Issue:
    return Issue(severity="error", code="value", text=text, target=place)
