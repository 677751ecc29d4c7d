"""The Measures: what each figure means, as published in profiles/."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any, Final

import orjson

from service.bundled import bundled_folder

Resource = dict[str, Any]
# By id: which figures are its groups.
MEASURES: Final = MappingProxyType(
    {
        "patients": ("notified", "identified", "discussed", "assessed", "treated"),
        "notices": ("received", "acknowledged-24h", "acknowledged-72h", "escalated"),
        "answer-hours": ("acknowledged",),
    }
)


@cache
def measure(id_: str) -> Resource:
    """https://hl7.org/fhir/R4/measure.html of this id. Raises KeyError for one that is not ours."""
    if id_ not in MEASURES:
        raise KeyError(id_)
    read: Resource = orjson.loads((bundled_folder("profiles") / f"Measure-{id_}.json").read_bytes())
    return read


def id_of(canonical: str) -> str:
    """Return the id of the Measure with this canonical, with or without version; "" if none."""
    url, _, version = canonical.partition("|")
    for id_ in MEASURES:
        ours = measure(id_)
        if url == ours["url"] and version in ("", ours["version"]):
            return id_
    return ""
