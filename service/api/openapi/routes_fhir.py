"""What is told of the routes below the FHIR endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from service.api.openapi.told import (
    BUNDLE,
    FORM,
    OPERATES,
    OUTCOME,
    PARAMETERS,
    PARTIAL,
    PATCH,
    READS,
    REPRESENTED,
    RESOURCE,
    RESULTS,
    SEARCHES,
    SENDS,
    UNLESS,
    WRITES,
    Content,
    Told,
)

_WRITTEN: Final[Mapping[int, Content | None]] = {200: RESOURCE}
_CREATED: Final[Mapping[int, Content | None]] = {200: RESOURCE, 201: RESOURCE}
_BUNDLED: Final[Mapping[int, Content | None]] = {200: BUNDLE, 201: OUTCOME}

_ENDPOINT: Final = {
    "capabilities": Told(
        open=True, gives={200: RESOURCE}, refuses=(304,), parameters=(*REPRESENTED, UNLESS[0])
    ),
    "search-type": Told(
        scope="s",
        gives={200: BUNDLE},
        heads=("ETag", "Preference-Applied"),
        refuses=(*SEARCHES, 501),
        parameters=(*RESULTS, UNLESS[0], "Prefer"),
        searches=True,
    ),
    "search-post": Told(
        scope="s",
        takes=FORM,
        gives={200: BUNDLE},
        refuses=(*SEARCHES, 413, 415, 501),
        parameters=(*REPRESENTED, "Prefer"),
    ),
    "read": Told(
        scope="r",
        as_kept=True,
        gives={200: RESOURCE},
        heads=("ETag", "Last-Modified"),
        refuses=(*READS, 501),
        parameters=(*PARTIAL, *UNLESS),
    ),
    "vread": Told(
        scope="r",
        as_kept=True,
        gives={200: RESOURCE},
        heads=("ETag", "Last-Modified"),
        refuses=(*READS, 501),
        parameters=(*PARTIAL, *UNLESS),
    ),
    "history-instance": Told(
        scope="r",
        gives={200: BUNDLE},
        refuses=(*READS, 501),
        parameters=(*REPRESENTED, "_since", "_at", "_count", "_cursor"),
    ),
    "create": Told(
        scope="c",
        takes=RESOURCE,
        gives=_CREATED,
        heads=("ETag", "Last-Modified", "Location", "Preference-Applied"),
        refuses=(*WRITES, 501),
        parameters=(*REPRESENTED, "identifier", "If-None-Exist", "Prefer"),
    ),
    "update": Told(
        scope="u",
        takes=RESOURCE,
        gives=_WRITTEN,
        heads=("ETag", "Last-Modified", "Preference-Applied"),
        refuses=(*WRITES, 501),
        parameters=(*REPRESENTED, "If-Match", "Prefer"),
    ),
    "conditional-update": Told(
        scope="u",
        takes=RESOURCE,
        gives=_CREATED,
        heads=("ETag", "Last-Modified", "Preference-Applied"),
        refuses=(*WRITES, 501),
        parameters=(*REPRESENTED, "identifier", "If-Match", "Prefer"),
    ),
    "patch": Told(
        scope="u",
        takes=PATCH,
        gives=_WRITTEN,
        heads=("ETag", "Last-Modified", "Preference-Applied"),
        refuses=(*WRITES, 501),
        parameters=(*REPRESENTED, "If-Match", "Prefer"),
    ),
    "conditional-patch": Told(
        scope="u",
        takes=PATCH,
        gives=_WRITTEN,
        heads=("ETag", "Last-Modified", "Preference-Applied"),
        refuses=(*WRITES, 501),
        parameters=(*REPRESENTED, "identifier", "If-Match", "Prefer"),
    ),
    "transaction": Told(
        takes=BUNDLE,
        gives=_BUNDLED,
        refuses=(*WRITES, 429, 501),
        parameters=(*REPRESENTED, "Prefer"),
    ),
    "$process-message": Told(
        scope="c",
        of="Communication",
        takes=Content(schema="Message"),
        gives=_BUNDLED,
        refuses=SENDS,
        parameters=REPRESENTED,
    ),
    "$acknowledge": Told(
        scope="u",
        of="Task",
        takes=PARAMETERS,
        gives={200: RESOURCE},
        refuses=OPERATES,
        parameters=(*REPRESENTED, "Prefer"),
    ),
    "$acknowledge-many": Told(
        scope="u",
        of="Task",
        takes=PARAMETERS,
        gives={200: BUNDLE},
        refuses=OPERATES,
        parameters=REPRESENTED,
    ),
}
_SUBSCRIPTION: Final = {
    "subscription-search-type": Told(
        scope="s",
        of="Subscription",
        gives={200: BUNDLE},
        refuses=(400,),
        parameters=REPRESENTED,
        searches=True,
    ),
    "subscription-search-post": Told(
        scope="s",
        of="Subscription",
        takes=FORM,
        gives={200: BUNDLE},
        refuses=(400, 413, 415),
        parameters=REPRESENTED,
    ),
    "subscription-create": Told(
        scope="c",
        of="Subscription",
        takes=Content(schema="Subscription"),
        gives={201: RESOURCE},
        heads=("ETag", "Location"),
        refuses=OPERATES,
        parameters=REPRESENTED,
    ),
    "subscription-read": Told(
        scope="r", of="Subscription", gives=_WRITTEN, refuses=READS, parameters=REPRESENTED
    ),
    "subscription-update": Told(
        scope="u",
        of="Subscription",
        takes=Content(schema="Subscription"),
        gives=_WRITTEN,
        refuses=WRITES,
        parameters=(*REPRESENTED, "If-Match"),
    ),
    "subscription-delete": Told(scope="d", of="Subscription", gives={204: None}, refuses=(404,)),
    "subscription-patch-refused": Told(scope="u", of="Subscription", takes=PATCH, refuses=(405,)),
    "$status": Told(
        scope="r",
        of="Subscription",
        takes=PARAMETERS,
        gives={200: BUNDLE},
        refuses=OPERATES,
        parameters=REPRESENTED,
    ),
    "$status-many": Told(
        scope="r",
        of="Subscription",
        takes=PARAMETERS,
        gives={200: BUNDLE},
        refuses=OPERATES,
        parameters=(*REPRESENTED, "id", "status"),
    ),
    "$events": Told(
        scope="r",
        of="Subscription",
        takes=PARAMETERS,
        gives={200: BUNDLE},
        refuses=OPERATES,
        parameters=(*REPRESENTED, "eventsSinceNumber", "eventsUntilNumber", "content"),
    ),
}
_CASELOAD: Final = {
    "read": Told(scope="r", of="Group", gives=_WRITTEN, refuses=(404,), parameters=REPRESENTED),
    "put": Told(
        scope="u", of="Group", takes=RESOURCE, gives=_WRITTEN, refuses=WRITES,
        parameters=(*REPRESENTED, "If-Match"),
    ),
    "patch": Told(
        scope="u", of="Group", takes=PATCH, gives=_WRITTEN, refuses=WRITES,
        parameters=(*REPRESENTED, "If-Match"),
    ),
    "reviews": Told(
        scope="r", of="Group", gives={200: PARAMETERS}, refuses=(404,), parameters=REPRESENTED
    ),
    "load": Told(
        scope="u",
        of="Group",
        takes=Content(schema="Text", types=("text/csv",)),
        gives={200: OUTCOME},
        refuses=OPERATES,
        parameters=(*REPRESENTED, "dryRun", "replace"),
    ),
    **{
        name: Told(
            scope="u", of="Group", takes=PARAMETERS, gives={200: OUTCOME}, refuses=OPERATES,
            parameters=REPRESENTED,
        )
        for name in ("member_add", "member_remove", "decide")
    },
}  # fmt: skip
_EVALUATED: Final = Told(
    scope="r", of="MeasureReport", takes=PARAMETERS, gives={200: RESOURCE}, refuses=OPERATES,
    parameters=(*REPRESENTED, "periodStart", "periodEnd", "reportType", "subject", "reporter"),
)  # fmt: skip
_MEASURE: Final = {
    "search-type": Told(
        scope="r", of="Measure", gives={200: BUNDLE}, refuses=(400,),
        parameters=(*REPRESENTED, "_id", "url"),
    ),
    "search-post": Told(
        scope="r", of="Measure", takes=FORM, gives={200: BUNDLE}, refuses=(400, 413, 415),
        parameters=REPRESENTED,
    ),
    "read": Told(
        scope="r", of="Measure", gives={200: RESOURCE}, refuses=(304, 404),
        parameters=(*REPRESENTED, UNLESS[0]),
    ),
    "$evaluate-measure": _EVALUATED,
    "$evaluate-measure-of": replace(_EVALUATED, parameters=(*_EVALUATED.parameters, "measure")),
}  # fmt: skip
FHIR_ROUTES: Final[Mapping[str, Told]] = {
    **{f"fhir.{name}": told for name, told in (_ENDPOINT | _SUBSCRIPTION).items()},
    "fhir.batch": _ENDPOINT["transaction"],
    **{f"caseloads.{name}": told for name, told in _CASELOAD.items()},
    **{f"measures.{name}": told for name, told in _MEASURE.items()},
}
