"""What is said of who has not answered: one line each, without a patient's values."""

from __future__ import annotations

from datetime import datetime

from service.delivery.chase.facts import Facts
from service.delivery.hours import LONDON
from service.fhir.search_parameters import Resource


def reminder(facts: Facts) -> str:
    """Say until when an answer is waited for."""
    has = "Your system has it; nobody" if facts.task["status"] == "received" else "Nobody"
    return f"Reminder: {has} has acknowledged this yet. Please do so by {_due(facts.task)}."


def report(name: str, facts: Facts) -> str:
    """Say who is late."""
    only = " (its system has received it)" if facts.task["status"] == "received" else ""
    return f"{name} has not acknowledged this by {_due(facts.task)}{only}."


def after_a_rejection(name: str, task: Resource) -> str:
    """Say who will not act, with the reason that was given."""
    reason = task.get("statusReason", {})
    codings = reason.get("coding", ())
    said = reason.get("text") or next((c.get("display") or c.get("code") for c in codings), "")
    return f"{name} has rejected this{f': {said}' if said else ''}."


def on_duty(name: str, opening: datetime) -> str:
    """Say that a team is closed."""
    return f"{name} is closed until {_time(opening)}; please act in its place until then."


def asked_instead(name: str) -> str:
    """Say who is asked in its place."""
    return f"{name} is asked to act in its place."


def nobody_instead(facts: Facts) -> str:
    """Say that nobody else is asked, and why."""
    if facts.is_restricted:
        return "The record is restricted: nobody else is told of it by itself."
    return "Nobody else is asked: the directory names nobody who was not asked before."


def taken_on(name: str) -> str:
    """Tell whoever was asked first that another acts."""
    return (
        f"{name} has acknowledged this in your place. What was asked of you stays to be answered."
    )


def taken_from(name: str) -> str:
    """Tell whoever was asked in another's place that it need not act."""
    return f"{name} has acknowledged this: you need not act in its place any more."


def _due(task: Resource) -> str:
    return _time(datetime.fromisoformat(task["restriction"]["period"]["end"]))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%a %-d %b %Y, %H:%M}"
