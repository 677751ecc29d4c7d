"""What is told of a route beside its address: what it takes, what it answers, who may call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.api.negotiation import FORM_TYPE, PATCH_TYPE

FHIR: Final = ("application/fhir+json", "application/fhir+xml")
JSON: Final = ("application/json",)
ANY: Final = ("*/*",)
XML: Final = ("application/xml",)
ER7: Final = ("application/hl7-v2",)

# Resource types that have paths of their own, beside those for any type.
DESCRIBED: Final = (
    *("Communication", "DocumentReference", "Encounter", "Organization"),
    *("Patient", "ServiceRequest", "Task"),
)
READS: Final = (304, 400, 404, 410)
SEARCHES: Final = (304, 400, 404, 410, 429)
OPERATES: Final = (400, 404, 409, 410, 413, 415, 422)
WRITES: Final = (400, 404, 405, 409, 410, 412, 413, 415, 422)
SENDS: Final = (400, 404, 409, 413, 415, 422, 501)

REPRESENTED: Final = ("_format", "_pretty")
PARTIAL: Final = (*REPRESENTED, "_summary", "_elements")
RESULTS: Final = (
    *PARTIAL,
    *("_count", "_sort", "_total", "_include", "_revinclude", "_cursor"),
)
UNLESS: Final = ("If-None-Match", "If-Modified-Since")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A body: its schema among the components, and the media types that it may have."""

    schema: str
    types: tuple[str, ...] = FHIR


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A route's contract."""

    scope: str = ""  # letter of SMART's v2 scopes that it needs; "": none is named
    of: str = "{kind}"  # the resource type of that scope
    open: bool = False  # for everybody, without a token
    takes: Content | None = None
    gives: Mapping[int, Content | None] = field(default_factory=dict)  # by status, of success
    as_kept: bool = False  # a Binary is answered in its own media type
    in_kind: bool = False  # refuses in the language of what it takes
    heads: tuple[str, ...] = ()  # headers of a success, by name
    refuses: tuple[int, ...] = ()  # statuses beside those that every route may answer
    parameters: tuple[str, ...] = ()  # of the address and the head, by name
    searches: bool = False  # takes the search parameters of its type


RESOURCE: Final = Content(schema="Resource")
BUNDLE: Final = Content(schema="Bundle")
OUTCOME: Final = Content(schema="OperationOutcome")
PARAMETERS: Final = Content(schema="Parameters")
OBJECT: Final = Content(schema="Object", types=JSON)
PATCH: Final = Content(schema="JsonPatch", types=(PATCH_TYPE,))
FORM: Final = Content(schema="SearchForm", types=(FORM_TYPE,))
# A route that nothing is told of: its own documentation says what it does.
UNTOLD: Final = Told(
    takes=Content(schema="Text", types=ANY),
    gives={status: Content(schema="Text", types=ANY) for status in (200, 201, 202, 204)},
    refuses=(400, 404, 405, 409, 410, 412, 413, 415, 422),
)
