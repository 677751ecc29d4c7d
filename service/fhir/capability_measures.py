"""What the CapabilityStatement says of Measures and of their figures."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

MEASURES: Final = "measure-"  # begins what a Measure's route is called
_EVALUATE: Final = "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure"
_SEARCHED: Final = {
    "_id": ("token", "Resource-id"),
    "url": ("uri", "Measure-url"),
}
_TOLD: Final = (
    "The figures that the collaboration is judged by. $evaluate-measure takes periodStart and "
    "periodEnd, and subject or reporter (Organization/ODS); a team sees those of what was sent to "
    "it, a trust those of what it sent. Numbers from 1 to 4 are not told."
)


def measure_claims(interactions: Collection[str]) -> list[dict[str, Any]]:
    """Return the entry of Measure, or none where it is not served."""
    codes = [code for code in ("read", "search-type") if MEASURES + code in interactions]
    if not codes:
        return []
    is_evaluated = f"{MEASURES}$evaluate-measure" in interactions
    operation = [{"name": "evaluate-measure", "definition": _EVALUATE}]
    return [
        {
            "type": "Measure",
            "documentation": _TOLD,
            "interaction": [{"code": code} for code in codes],
            "versioning": "no-version",
            "readHistory": False,
            "updateCreate": False,
            "searchParam": [
                {
                    "name": name,
                    "definition": f"http://hl7.org/fhir/SearchParameter/{definition}",
                    "type": kind,
                }
                for name, (kind, definition) in _SEARCHED.items()
            ],
            **({"operation": operation} if is_evaluated else {}),
        }
    ]
