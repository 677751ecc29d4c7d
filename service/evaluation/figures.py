"""The figures: what each counts, from notices and from what teams recorded.

The Measures of profiles/ say the same in words; what nobody recorded is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Final

from service.store import OUTCOMES, Done, Noticed

_HOUR: Final = 3_600_000_000  # microseconds
# What is counted, with the heading of its column.
COUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "notified": "patients",
        "identified": "identified",
        "discussed": "discussed",
        "assessed": "assessed",
        "treated": "treated",
        "sent": "sent",
        "received": "received",
        "asked": "asked to act",
        "acknowledged": "acknowledged",
        "acknowledged-24h": "within 24 h",
        "acknowledged-72h": "within 72 h",
        "escalated": "escalated",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The figures of one team, trust or month, or of all."""

    label: str  # an ODS code, a month; "" for all
    name: str = ""
    counts: Mapping[str, int | None]  # by COUNTS; None: suppressed
    hours: float | None = None  # the median until an acknowledgement; None: none, or suppressed


def figures(label: str, name: str, notices: Sequence[Noticed], done: Iterable[Done]) -> Row:
    """Count exactly: nothing is suppressed yet."""
    asked = [one for one in notices if is_asked(one)]
    hours = [(one.answered - one.sent) / _HOUR for one in asked if one.answered is not None]
    counts: dict[str, int | None] = {
        "notified": _patients(notices),
        "identified": _patients(asked),
        **{step: _patients(one for one in done if one.step == step) for step in OUTCOMES},
        "sent": len(notices),
        "received": sum(one.received is not None for one in notices),
        "asked": len(asked),
        "acknowledged": len(hours),
        "acknowledged-24h": sum(taken <= 24 for taken in hours),  # noqa: PLR2004
        "acknowledged-72h": sum(taken <= 72 for taken in hours),  # noqa: PLR2004
        "escalated": sum(one.escalated is not None for one in asked),
    }
    return Row(
        label=label, name=name, counts=counts, hours=round(median(hours), 1) if hours else None
    )


def is_asked(one: Noticed) -> bool:
    """Whether a team was to act on a notice, unless that was taken back before it answered."""
    return one.role == "action" and (one.cancelled is None or one.answered is not None)


def _patients(of: Iterable[Noticed | Done]) -> int:
    """Count people: by NHS number, else by the sending trust's record of them."""
    return len({one.nhs_number or one.patient_id for one in of} - {""})
