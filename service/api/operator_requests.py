"""What operators' requests say, and how they are answered: parameters, bodies, pages."""

from __future__ import annotations

from typing import Any, Final

from flask import request

from service.api import operator_views as views
from service.api.bodies import read_body
from service.api.exchange import Exchange
from service.api.negotiation import check_content
from service.api.operator_views import Json
from service.api.reply import Reply
from service.errors import BadRequest
from service.formats.fhir_r4.json_reader import read_json
from service.operating import Actor

_MOST: Final = 200  # of one page
_BODY: Final = 65_536  # bytes


def actor_of(exchange: Exchange) -> Actor:
    """Return the operator's client as what is done is recorded of it."""
    return Actor(name=exchange.client.id, at=exchange.now, request_id=exchange.request_id)


def asked_of(*known: str) -> dict[str, str]:
    """Return what the address asks for. Raises BadRequest for what is not known here."""
    every = (*known, "after", "_count") if known else ()
    for name in request.args:
        if name not in every:
            raise BadRequest(f"The parameters here are {', '.join(every) or 'none'}.")
    return request.args.to_dict()


def event_in(said: dict[str, str]) -> int | None:
    """Return the number of the event that `after` names. Raises BadRequest."""
    text = said.get("after")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004
        raise BadRequest("after is the number of an event.")
    return int(text)


def count_of(asked: dict[str, str]) -> int:
    """Return how long a page may be. Raises BadRequest."""
    text = asked.get("_count", "50")
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text)):  # noqa: PLR2004
        raise BadRequest("_count is a whole number from 1.")
    return min(int(text), _MOST)


def said_in(*known: str) -> dict[str, str]:
    """Return the members of a JSON body, texts all; an empty body says nothing."""
    body = read_body(request, _BODY)
    if not body.strip():
        return {}
    check_content(request.content_type or "", "application/json")
    said = read_json(body)
    for name, value in said.items():
        if name not in known or not isinstance(value, str):
            raise BadRequest(f"The body is a JSON object of {', '.join(known)}, each a text.")
    return said


def paged(exchange: Exchange, name: str, found: list[Json], count: int, key: str) -> Reply:
    """Answer with a page; `found` holds one more than it if there is another."""
    shown = found[:count]
    more = {"after": shown[-1][key]} if len(found) > count else {}
    return as_json(
        views.page(
            exchange.base, request.path, request.args.to_dict() | more, name, shown, more=bool(more)
        )
    )


def as_json(told: Any) -> Reply:
    """Answer in plain JSON."""
    return Reply(body=views.dumps(told), media_type="application/json")
