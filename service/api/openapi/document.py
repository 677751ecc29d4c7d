"""The description: from the routes to an OpenAPI document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.api.openapi import parts
from service.api.openapi.parts import Object
from service.api.openapi.routes_beside import ROUTES_BESIDE
from service.api.openapi.routes_fhir import FHIR_ROUTES
from service.api.openapi.routes_operating import OPERATOR_ROUTES
from service.api.openapi.schemas import schemas
from service.api.openapi.told import ANY, DESCRIBED, UNTOLD, Content, Told

OPENAPI: Final = "3.0.3"
EVERYBODY_MAY_HEAR: Final = (400, 401, 403, 406, 503)  # of every route that needs a token
_PLACE: Final = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
TOLD: Final[Mapping[str, Told]] = {**FHIR_ROUTES, **ROUTES_BESIDE, **OPERATOR_ROUTES}  # by endpoint
_NO_BODY: Final = ("GET", "DELETE")
_SAME: Final = 304
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ABOUT: Final = (
    "Discharges and referrals from trusts, as FHIR R4, to the teams that must know. What FHIR "
    "says of a resource is not repeated here: GET /fhir/metadata says which types, profiles and "
    "search parameters there are. Every answer repeats X-Request-Id and X-Correlation-Id."
)
_SECURITY: Final = (
    "SMART Backend Services: the client signs a JWT with its registered key (private_key_jwt) and "
    "posts it to the token endpoint. A token is good for five minutes."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One route of the application."""

    address: str  # as Werkzeug writes it: /fhir/<kind>/<id_>
    endpoint: str
    name: str  # the endpoint's, or one like it where it has several addresses
    methods: frozenset[str]
    view: Callable[..., Any]


def document(routes: Sequence[Route], *, base: str, version: str) -> Object:
    """Return the description of these routes; `base` is our address as clients see it."""
    paths: dict[str, Object] = {}
    scopes: dict[str, str] = {}
    for route in sorted(routes, key=lambda one: one.address):
        for kind in _kinds(route):
            path = _path(route.address, kind)
            paths.setdefault(path, {}).update(_operations(route, kind, scopes))
    return {
        "openapi": OPENAPI,
        "info": {"title": "Discharge Relay", "version": version, "description": _ABOUT},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "parameters": dict(parts.shared_parameters()),
            "responses": dict(parts.responses()),
            "headers": parts.shared_headers(),
            "securitySchemes": {"smart": _smart(base, scopes)},
        },
    }


def _kinds(route: Route) -> Sequence[str]:
    return ("", *DESCRIBED) if "<kind>" in route.address else ("",)


def _path(address: str, kind: str) -> str:
    named = address.replace("<kind>", kind) if kind else address
    return _PLACE.sub(lambda found: f"{{{found[1].rstrip('_')}}}", named)


def _operations(route: Route, kind: str, scopes: dict[str, str]) -> Iterator[tuple[str, Object]]:
    told = TOLD.get(route.endpoint, UNTOLD)
    for method in _METHODS:
        if method in route.methods:
            yield method.lower(), _operation(route, told, kind, method, scopes)


def _operation(route: Route, told: Told, kind: str, method: str, scopes: dict[str, str]) -> Object:
    summary, _, more = (inspect.getdoc(route.view) or "").partition("\n\n")
    several = len(route.methods & frozenset(_METHODS)) > 1
    name = "-".join(filter(None, (route.name, kind, method.lower() if several else "")))
    made: Object = {
        "operationId": name,
        "tags": [kind or route.endpoint.partition(".")[0]],
        "summary": summary.replace("\n", " "),
        "parameters": list(_parameters(route, told, kind)),
        "responses": _responses(told, any_type=told.as_kept and not kind),
        "security": _asked(told, kind, scopes),
    }
    if more:
        made["description"] = more
    if told.takes and method not in _NO_BODY:
        made["requestBody"] = {"content": parts.asked(told.takes.schema, told.takes.types, kind)}
    return {key: value for key, value in made.items() if value or key == "security"}


def _parameters(route: Route, told: Told, kind: str) -> Iterator[Object]:
    for name in _PLACE.findall(route.address):
        if name != "kind" or not kind:
            yield parts.place(name.rstrip("_"), parts.kept_types() if name == "kind" else ())
    own = list(parts.search_parameters(_searched(route, kind))) if told.searches else []
    taken = {one["name"] for one in own}
    yield from own
    if told.searches and not own:
        yield parts.any_search_parameters()
    yield from (
        {"$ref": f"#/components/parameters/{name}"} for name in told.parameters if name not in taken
    )


def _searched(route: Route, kind: str) -> str:
    return "Subscription" if "subscription" in route.endpoint else kind


def _responses(told: Told, *, any_type: bool) -> Object:
    heads = parts.headers(*told.heads)
    given = {str(status): _given(what, heads, any_type) for status, what in told.gives.items()}
    everywhere = () if told.open else EVERYBODY_MAY_HEAR
    refused = sorted({*told.refuses, *everywhere, *((406,) if _is_fhir(told) else ())})
    kind = "-in-kind" if told.in_kind else ""
    named = {one: f"{one}{kind if one in told.refuses and one != _SAME else ''}" for one in refused}
    return given | {
        str(one): {"$ref": f"#/components/responses/{name}"} for one, name in named.items()
    }


def _is_fhir(told: Told) -> bool:
    return any(what and "application/fhir+json" in what.types for what in told.gives.values())


def _given(what: Content | None, heads: Object, any_type: bool) -> Object:
    made: Object = {"description": "Done.", "headers": heads}
    if what is None:
        return made
    types = (*what.types, *ANY) if any_type else what.types
    return made | {"content": parts.content(what.schema, types)}


def _asked(told: Told, kind: str, scopes: dict[str, str]) -> list[Mapping[str, list[str]]]:
    if told.open:
        return []
    if not told.scope:
        return [{"smart": []}]
    of = told.of if "/" in told.of else f"system/{told.of.format(kind=kind or '*')}"
    named = f"{of}.{told.scope}"
    scopes.setdefault(named, "Needed where it is named; a wider one does.")
    return [{"smart": [named]}]


def _smart(base: str, scopes: Mapping[str, str]) -> Object:
    flow = {"tokenUrl": f"{base}/oauth2/token", "scopes": dict(sorted(scopes.items()))}
    return {"type": "oauth2", "description": _SECURITY, "flows": {"clientCredentials": flow}}
