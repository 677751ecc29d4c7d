"""What operators are shown, as JSON: nothing of a patient, unless the function says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from service.caseload.reviewing import Pair
from service.explaining.message import told_issue
from service.formats.fhir_r4.json_reader import as_written, read_json
from service.model import Instant
from service.operating import Standing, Taken
from service.store import DeadLetter, Subscription
from service.store.records import Transition

Json = dict[str, Any]
_PERSON: Final = ("identifier", "birthDate", "name", "address")


def dumps(told: Any) -> bytes:
    """Return JSON for a person and for jq."""
    return orjson.dumps(
        told, default=as_written, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def page(
    base: str, path: str, asked: Mapping[str, str], name: str, shown: list[Json], *, more: bool
) -> Json:
    """Return one page, with the address of the next while there is one."""
    parts = urlsplit(base)
    address = f"{parts.scheme}://{parts.netloc}{path}?{urlencode(asked)}"
    return {name: shown, **({"next": address} if more else {})}


def letter(one: DeadLetter) -> Json:
    """A message in a list."""
    return {
        "id": one.id,
        "state": one.state,
        "sender": one.sender,
        "received": one.received_at.isoformat(),
        "attempts": one.attempts,
        "media_type": one.media_type,
        "size": one.size,
        "issues": list(map(told_issue, one.issues)),
    }


def whole(one: DeadLetter, history: Iterable[Transition]) -> Json:
    """A message with what became of it."""
    changes = [
        {"at": change.at.isoformat(), "state": change.state, "by": change.actor}
        | ({"reason": change.reason} if change.reason else {})
        for change in history
    ]
    read = {"mapping": one.mapping, "mapping_version": one.mapping_version}
    return {**letter(one), **read, "history": changes}


def taken(one: Taken) -> Json:
    """What became of a message that was replayed."""
    refused = one.refusal
    issues = list(map(told_issue, refused.issues)) if refused else []
    outcome = "refused" if refused else "taken-in"
    return {"id": one.id, "outcome": outcome, "told": list(one.told), "issues": issues}


def standing(one: Standing) -> Json:
    """How far a team was sent to by one channel."""
    place = one.place
    return {
        "id": one.key,
        "organisation": place.recipient,
        "channel": place.channel,
        "state": one.state,
        "stuck": one.is_stuck,
        "sent": place.n,
        "of": one.head,
        "behind": one.behind,
        "unconfirmed": one.unconfirmed,
        "attempts": place.attempts,
        "not_before": Instant(place.next_at).isoformat() if place.next_at else "",
        "reason": one.reason,
        **({"subscription": _subscription(one.subscription)} if one.subscription else {}),
    }


def _subscription(known: Subscription) -> Json:
    """Its address without path and query, which may hold a secret; its headers never."""
    endpoint = urlsplit(read_json(known.body).get("channel", {}).get("endpoint", ""))
    where = f"{endpoint.scheme}://{endpoint.hostname}" if endpoint.hostname else ""
    return {
        "id": known.id,
        "status": known.status,
        "topic": known.topic,
        "client": known.client,
        "endpoint": where,
        "ends": Instant(known.ends).isoformat() if known.ends else "",
    }


def review(pair: Pair) -> Json:
    """A near match in a list."""
    one = pair.review
    return {"id": one.id, "team": one.team, "why": one.why, "asked": one.asked.isoformat()}


def compared(pair: Pair, record: Json) -> Json:
    """Both sides of a near match, with patients' data."""
    entry = pair.entry
    listed = {
        name: getattr(entry, name)
        for name in ("nhs_number", "birth_date", "family", "given", "postcode")
    }
    sent = {name: record[name] for name in _PERSON if name in record}
    return {**review(pair), "listed": listed, "sent": sent}
