"""What many routes share: parameters, bodies and refusals, each said once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from service.api.openapi.told import FHIR
from service.api.subscription_search import KIND as SUBSCRIPTION
from service.api.subscription_search import SEARCHED
from service.bundled import bundled_folder
from service.fhir.search_parameters import parameters, types
from service.fhir.search_query import MAX_COUNT
from service.fhir.search_values import MODIFIERS

Object = dict[str, Any]
_TEXT: Final[Object] = {"type": "string"}
_NUMBER: Final[Object] = {"type": "integer", "minimum": 0}
_FLAG: Final[Object] = {"type": "boolean"}
_QUERY: Final[Mapping[str, tuple[Object, str]]] = {
    "_format": ({"type": "string", "enum": ["json", "xml", *FHIR]}, "Goes before Accept."),
    "_pretty": (_FLAG, "Taken, and without effect."),
    "_summary": (
        {"type": "string", "enum": ["true", "text", "data", "count", "false"]},
        "A part of each resource, or how many there are; count is for searches alone.",
    ),
    "_elements": (_TEXT, "Names of elements, parted by commas: a part of each resource."),
    "_count": (_NUMBER, f"Entries a page; {MAX_COUNT} at most, 0 counts only."),
    "_sort": (_TEXT, "A date or text parameter, or _id; with - before it in falling order."),
    "_total": ({"type": "string", "enum": ["none", "estimate", "accurate"]}, "Whether to count."),
    "_include": (_TEXT, "Type:parameter of what a match refers to."),
    "_revinclude": (_TEXT, "Type:parameter of what refers to a match."),
    "_cursor": (_TEXT, "Where to go on. Never made by a client: it is in the next link."),
    "_since": (_TEXT, "Versions from this instant on."),
    "_at": (_TEXT, "Versions that were current then."),
    "identifier": (_TEXT, "The condition: system|value of the resource's identifier."),
    "id": (_TEXT, "Subscriptions; parted by commas."),
    "status": (_TEXT, "Those in this status."),
    "after": (_TEXT, "Behind this one: from the page before."),
    "state": (_TEXT, "Those in this state."),
    "sender": (_TEXT, "ODS code of who sent it."),
    "organisation": (_TEXT, "ODS code of a team."),
    "team": (_TEXT, "ODS code of a team."),
    "informed": (_FLAG, "Those too who were only told."),
    "eventsSinceNumber": (_NUMBER, "The first event."),
    "eventsUntilNumber": (_NUMBER, "The last event."),
    "content": ({"type": "string", "enum": ["empty", "id-only", "full-resource"]}, "How much."),
    "_id": (_TEXT, "Its id."),
    "url": (_TEXT, "Its canonical."),
    "periodStart": (_TEXT, "A date: the first day."),
    "periodEnd": (_TEXT, "A date: the last day."),
    "reportType": ({"type": "string", "enum": ["population", "summary"]}, "How much is told."),
    "subject": (_TEXT, "Organization/ODS."),
    "reporter": (_TEXT, "Organization/ODS."),
    "measure": (_TEXT, "Canonical of the Measure."),
    "dryRun": (_FLAG, "Only say what would be done."),
    "replace": (_FLAG, "Take off who is not in the file."),
}
_HEAD: Final[Mapping[str, str]] = {
    "If-None-Match": "304 if the ETag is still this one.",
    "If-Modified-Since": "304 if nothing changed since.",
    "If-Match": 'Only if the version is still this one: W/"3". Else 412.',
    "If-None-Exist": "identifier=system|value: nothing is created where there is one already.",
    "Prefer": "return=minimal, representation or OperationOutcome; for searches handling=lenient, "
    "and wait=25 to wait so many seconds for something new.",
}
_ANSWERED: Final[Mapping[str, str]] = {
    "ETag": 'Which version this is: W/"3".',
    "Last-Modified": "When that was made.",
    "Location": "Where the resource is, with its version.",
    "Preference-Applied": "What of Prefer was honoured.",
    "X-Request-Id": "The request's own, or one that was made for it.",
    "WWW-Authenticate": "Bearer.",
    "Retry-After": "Seconds.",
}
_REFUSED_WITH: Final[Mapping[int, str]] = {
    401: "WWW-Authenticate",
    429: "Retry-After",
    503: "Retry-After",
}
_ADDRESS: Final[Mapping[str, str]] = {
    "kind": "The resource type.",
    "id": "The server's id of it.",
    "version": "The number in its ETag.",
    "team": "ODS code of the client's own team.",
    "mapping": "A mapping file, e.g. base/hl7v2-adt; its slash may be sent as it is.",
    "ods": "ODS code of a team.",
    "channel": "What it is sent to by.",
    "message_id": "Id of the message, as its sender gave it.",
}
_ANYTHING: Final = "^[^/]+$"
_PLACES: Final[Mapping[str, str]] = {
    "id": "^[A-Za-z0-9.-]{1,64}$",
    "version": "^[1-9][0-9]{0,8}$",
    "team": "^[A-Z0-9]{3,10}$",
    "mapping": "^[a-z0-9-]+(/[a-z0-9-]+)?$",
}
_REFUSALS: Final[Mapping[int, str]] = {
    400: "Not understood; every fault is named with its place, and none is repeated.",
    401: "No access token, or one that is not valid (any more).",
    403: "The access token does not cover this.",
    404: "There is nothing here, or it is not yours to see.",
    405: "Not done here, or not to this; Allow says what is.",
    406: "No such media type, or another FHIR version than 4.0.",
    409: "It contradicts what there is.",
    410: "It was deleted, or the place that a link leads to is not kept any more.",
    412: "The version is another, or several resources meet the condition.",
    413: "More than is taken.",
    415: "This media type, encoding or FHIR version is not taken.",
    422: "Understood, and not taken: a rule of ours or of the profile is broken.",
    429: "Too much at once; Retry-After says how many seconds to wait.",
    500: "A refusal in SOAP, which has this status for it.",
    501: "Specified elsewhere, and not implemented.",
    503: "The database does not answer; send it again after Retry-After.",
}


def responses() -> Iterator[tuple[str, Object]]:
    """Yield the refusals by name: an OperationOutcome, or where messages come in their language."""
    same = headers("ETag")
    yield "304", {"description": "The client has it already.", "headers": same}
    for status, text in _REFUSALS.items():
        heads = headers(_REFUSED_WITH.get(status, ""))
        for name, kinds in ((str(status), FHIR), (f"{status}-in-kind", (*FHIR, "*/*"))):
            body = content("OperationOutcome", kinds)
            yield name, {"description": text, "headers": heads, "content": body}


def headers(*names: str) -> Object:
    """Return the headers of an answer that are worth telling, with the one that all have."""
    return {
        name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-Id") if name
    }


def shared_headers() -> Object:
    """Return the headers of answers, by name; some are always there where they are told."""
    always = {*_REFUSED_WITH.values(), "X-Request-Id", "Location"}
    return {
        name: {"description": text, "required": name in always, "schema": _TEXT}
        for name, text in _ANSWERED.items()
    }


def content(schema: str, kinds: tuple[str, ...]) -> Object:
    """Return a body of these media types; a schema says what JSON holds, and nothing of XML."""
    return {kind: _body(schema, kind) for kind in kinds}


def asked(schema: str, kinds: tuple[str, ...], kind: str = "") -> Object:
    """Return a body to send, with a sample where there is one: of the resource type, if any."""
    made = content(schema, kinds)
    for media_type, body in made.items():
        sample = _sample(schema, kind)
        if sample is not None and "xml" not in media_type:
            body["example"] = sample
    return made


def _body(schema: str, media_type: str) -> Object:
    is_told = "json" in media_type or schema in _PLAIN
    return {"schema": {"$ref": f"#/components/schemas/{schema}"} if is_told else _TEXT}


def _sample(schema: str, kind: str) -> Any:
    if schema == "Resource" and kind:
        found = sorted((bundled_folder("profiles") / "examples").glob(f"{kind}-*.json"))
        return orjson.loads(found[0].read_bytes()) if found else None
    return _samples().get(schema)


@cache
def _samples() -> Object:
    read: Object = orjson.loads(_SAMPLES.read_bytes())
    return read


_PLAIN: Final = ("Text", "TokenRequest", "SearchForm")  # whatever the media type is
_SAMPLES: Final = Path(__file__).with_name("samples.json")


def shared_parameters() -> Iterator[tuple[str, Object]]:
    """Yield what stands in many addresses and heads, by name."""
    for name, (schema, text) in _QUERY.items():
        yield name, {"name": name, "in": "query", "description": text, "schema": schema}
    for name, text in _HEAD.items():
        yield name, {"name": name, "in": "header", "description": text, "schema": _TEXT}


def place(name: str, kinds: tuple[str, ...] = ()) -> Object:
    """Return a parameter of the address itself: a resource type of these, if there are any."""
    schema = (
        {"type": "string", "enum": list(kinds)} if kinds else {"type": "string", "minLength": 1}
    )
    said = {"name": name, "in": "path", "required": True, "schema": schema}
    return said | ({"description": _ADDRESS[name]} if name in _ADDRESS else {})


def search_parameters(kind: str) -> Iterator[Object]:
    """Yield the search parameters of a resource type."""
    if kind == SUBSCRIPTION:
        for name, sort in SEARCHED.items():
            yield {"name": name, "in": "query", "description": sort, "schema": _TEXT}
        return
    for name, parameter in parameters(kind).items():
        modifiers = " ".join(f":{one}" for one in MODIFIERS[parameter.kind])
        told = f"{parameter.kind}; modifiers {modifiers}"
        yield {"name": name, "in": "query", "description": told, "schema": _TEXT}


def any_search_parameters() -> Object:
    """Return what stands for the search parameters where the type is left open."""
    told = "The search parameters of the type: GET /fhir/metadata lists them."
    return {
        "name": "parameters",
        "in": "query",
        "description": told,
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    }


def kept_types() -> tuple[str, ...]:
    """Return the resource types that a route for any type takes."""
    return types()
