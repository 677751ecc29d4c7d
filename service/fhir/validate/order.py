"""Whether one date or time is before another, where both are told precisely enough."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def in_order(start: Any, end: Any) -> bool:
    """Return False only where two FHIR dateTimes certainly stand the wrong way round."""
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    if "T" in start and "T" in end:
        return _compared(start, end)
    width = min(len(start.partition("T")[0]), len(end.partition("T")[0]))
    return start[:width] <= end[:width]


def _compared(start: str, end: str) -> bool:
    try:
        return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
    except ValueError:  # told elsewhere
        return True
