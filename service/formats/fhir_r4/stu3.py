"""Telling STU3 from R4: the two share a namespace, so evidence decides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from service.formats.fhir_r4.index import type_of
from service.formats.fhir_r4.node import Node, place

# https://hl7.org/fhir/R4/diff.html: types that R4 no longer has
_GONE: Final = frozenset(
    {
        *("BodySite", "DataElement", "DeviceComponent", "EligibilityRequest"),
        *("EligibilityResponse", "ExpansionProfile", "ImagingManifest", "ProcedureRequest"),
        *("ProcessRequest", "ProcessResponse", "ReferralRequest", "Sequence"),
        "ServiceDefinition",
    }
)
_PROFILE: Final = re.compile(
    r"https?://(?:fhir\.nhs\.uk|fhir\.hl7\.org\.uk|hl7\.org/fhir)/"
    r"(?:STU3/|StructureDefinition/CareConnect-)"
)


def stu3_evidence(resources: Iterable[Node]) -> str:
    """Return the place of the first element that only STU3 has; "" where there is none."""
    for node in resources:
        found = _evidence(node[0])
        if found:
            return f"{place(node)}.{found}".lstrip(".")
    return ""


def _evidence(resource: dict[str, Any]) -> str:
    kind = type_of(resource)
    if kind in _GONE:
        return "resourceType"
    if kind == "MessageHeader":
        if type(resource.get("event")) is dict:
            return "event"
        if "timestamp" in resource:
            return "timestamp"
    return "meta.profile" if _claims_profile(resource.get("meta")) else ""


def _claims_profile(meta: Any) -> bool:
    profiles = meta.get("profile") if type(meta) is dict else None
    listed = profiles if type(profiles) is list else [profiles]
    return any(type(one) is str and _PROFILE.match(one) is not None for one in listed)
