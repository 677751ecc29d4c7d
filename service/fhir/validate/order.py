"""Whether one date or time is before another, as FHIRPath compares them."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def in_order(start: Any, end: Any) -> bool:
    """Whether `start` is certainly not after `end`, both FHIR dateTimes; absent ones are fine.

    As in FHIRPath, two that are equal as far as the less precise one goes are not in order: on
    the same day, a time and a date alone cannot be compared.
    """
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    if "T" in start and "T" in end:
        return _compared(start, end)
    width = min(len(start.partition("T")[0]), len(end.partition("T")[0]))
    if start[:width] == end[:width]:
        return start == end
    return start[:width] < end[:width]


def _compared(start: str, end: str) -> bool:
    try:
        return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
    except ValueError:  # told elsewhere
        return True
