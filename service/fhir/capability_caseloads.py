"""What the CapabilityStatement says of teams' lists of patients, each one a Group."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from service.fhir.systems import CANONICAL, PROFILE

CASELOAD: Final = "caseload-"  # begins what a caseload's route is called
_CODES: Final = {"read": "read", "put": "update", "patch": "patch"}  # route → interaction
_OPERATIONS: Final = {
    "member_add": "member-add",
    "member_remove": "member-remove",
    "load": "import",
    "reviews": "reviews",
    "decide": "decide",
}
_TOLD: Final = (
    "The caseload of the client's own team, Group/caseload-ODS: there before it is first written. "
    "Every other Group is as if it were not there."
)


def caseload_claims(interactions: Collection[str]) -> list[dict[str, Any]]:
    """Return the entry of Group, or none where caseloads are not served."""
    codes = [code for route, code in _CODES.items() if CASELOAD + route in interactions]
    if not codes:
        return []
    return [
        {
            "type": "Group",
            "supportedProfile": [f"{PROFILE}Group"],
            "documentation": _TOLD,
            "interaction": [{"code": code} for code in codes],
            "versioning": "versioned-update",
            "readHistory": False,
            "updateCreate": False,
            "operation": [
                {"name": name, "definition": f"{CANONICAL}/OperationDefinition/Group-{name}"}
                for route, name in _OPERATIONS.items()
                if CASELOAD + route in interactions
            ],
        }
    ]
