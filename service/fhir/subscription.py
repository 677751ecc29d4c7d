"""A Subscription of the R4 Backport IG: what it asks for, and how it is shown.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.errors import Issue, NonconformantResource
from service.fhir.search_parameters import Resource
from service.fhir.topics import TOPICS, Topic
from service.model import Instant

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE: Final = f"{BACKPORT}backport-subscription"
CONTENTS: Final = ("empty", "id-only", "full-resource")
JSON: Final = "application/fhir+json"
XML: Final = "application/fhir+xml"
MASK: Final = "***"  # in the place of a header's value, which nobody is shown
MOST_HEADERS: Final = 20
MOST_EVENTS: Final = 100  # in one notification
_EVENTS: Final = 20  # where the subscription does not say
_LONGEST: Final = 30  # seconds that an answer is waited for, at most
_SHORTEST_BEAT: Final = 10  # seconds
_SIGNED_BY: Final = "signing-secret"  # a header that is not sent: what is sent is signed with it
_SHORTEST_SECRET: Final = 24  # characters
_MEDIA_TYPES: Final = {"application/json": JSON, JSON: JSON, XML: XML, "application/xml": XML}
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}): *([\x20-\x7e]{0,4096})")
_OURS: Final = frozenset(
    {
        *("host", "content-length", "content-type", "transfer-encoding", "connection"),
        *("te", "trailer", "upgrade", "expect", "keep-alive", "proxy-connection"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a Subscription asks for."""

    topic: Topic
    content: str  # empty | id-only | full-resource
    endpoint: str
    media_type: str
    headers: tuple[str, ...]  # "Name: value"; secret
    heartbeat: int  # seconds; 0: none
    timeout: int  # seconds that its answer is waited for
    most: int  # events in one notification
    ends: int  # microseconds; 0: no end


def read_subscription(resource: Resource) -> Asked:
    """Return what a Subscription asks for. Raises NonconformantResource with every fault."""
    faults = list(_faults(resource))
    if faults:
        raise NonconformantResource("This Subscription cannot be served.", faults)
    channel = resource["channel"]
    extensions = channel.get("extension", ())
    return Asked(
        topic=TOPICS[resource["criteria"]],
        content=_content(channel),
        endpoint=channel["endpoint"],
        media_type=_media_type(channel.get("payload", "")),
        headers=tuple(channel.get("header", ())),
        heartbeat=_beat(_extension(extensions, "backport-heartbeat-period", "valueUnsignedInt")),
        timeout=min(
            _extension(extensions, "backport-timeout", "valueUnsignedInt") or _LONGEST, _LONGEST
        ),
        most=min(
            _extension(extensions, "backport-max-count", "valuePositiveInt") or _EVENTS,
            MOST_EVENTS,
        ),
        ends=_instant(resource["end"]) if "end" in resource else 0,
    )


def _faults(resource: Resource) -> Iterator[Issue]:
    channel = resource.get("channel", {})
    if resource.get("criteria") not in TOPICS:
        yield _fault("criteria", "not-found", f"The topics are {', '.join(TOPICS)}.")
    if resource.get("_criteria", {}).get("extension"):
        text = "These topics have no filters: a filter that was ignored would send too much."
        yield _fault("criteria", "not-supported", text)
    if resource.get("status") not in ("requested", "active", "off"):
        yield _fault("status", "value", "A Subscription is asked for as requested, or put off.")
    yield from _channel_faults(channel)
    yield from _header_faults(channel.get("header", ()))


def _channel_faults(channel: Resource) -> Iterator[Issue]:
    if channel.get("type") != "rest-hook" or "_type" in channel:
        yield _fault("channel.type", "not-supported", "Only rest-hook is served.")
    if not channel.get("endpoint"):
        yield _fault("channel.endpoint", "required", "A rest-hook needs an endpoint.")
    if not _media_type(channel.get("payload", "")):
        text = f"The payload is {JSON} or {XML}, of fhirVersion 4.0."
        yield _fault("channel.payload", "not-supported", text)
    if _content(channel) not in CONTENTS:
        text = f"The extension backport-payload-content is one of {', '.join(CONTENTS)}."
        yield _fault("channel.payload", "required", text)


def _header_faults(headers: Sequence[str]) -> Iterator[Issue]:
    if len(headers) > MOST_HEADERS:
        yield _fault("channel.header", "too-long", f"{MOST_HEADERS} headers at most.")
    for number, header in enumerate(headers):
        found = _HEADER.fullmatch(header)
        place = f"channel.header[{number}]"
        if not found:
            yield _fault(place, "value", "A header is written as Name: value, in ASCII.")
        elif found[1].lower() in _OURS:
            yield _fault(place, "not-supported", f"{found[1]} is set by the relay.")
        elif found[1].lower() == _SIGNED_BY and len(found[2]) < _SHORTEST_SECRET:
            text = f"A secret to sign with has {_SHORTEST_SECRET} characters or more."
            yield _fault(place, "value", text)


def _fault(place: str, code: str, text: str) -> Issue:
    return Issue(severity="error", code=code, text=text, target=f"Subscription.{place}")


def _content(channel: Resource) -> str:
    found = channel.get("_payload", {}).get("extension", ())
    codes = [one.get("valueCode", "") for one in found if one.get("url") == _CONTENT]
    return str(codes[0]) if len(codes) == 1 else ""


_CONTENT: Final = f"{BACKPORT}backport-payload-content"


def _media_type(payload: str) -> str:
    """Return what is sent, "" for what cannot be."""
    kind, _, parameters = payload.replace(" ", "").lower().partition(";")
    if any(one.startswith("fhirversion=") and one[12:] != "4.0" for one in parameters.split(";")):
        return ""
    return _MEDIA_TYPES.get(kind, "")


def _extension(extensions: Sequence[Resource], name: str, value: str) -> int:
    found = (one.get(value, 0) for one in extensions if one.get("url") == BACKPORT + name)
    return int(next(found, 0))


def _instant(text: str) -> Instant:
    return Instant.of(datetime.fromisoformat(text))


def _beat(seconds: int) -> int:
    return max(seconds, _SHORTEST_BEAT) if seconds else 0


# --- shown -----------------------------------------------------------------------------------


def kept(resource: Resource) -> Resource:
    """Return what is kept of a posted Subscription beside its secrets and its state."""
    ours = ("id", "meta", "status", "error", "text")
    rest = {name: value for name, value in resource.items() if name not in ours}
    channel = {name: value for name, value in rest["channel"].items() if name != "header"}
    return {**rest, "channel": channel}


def shown(
    body: Resource,
    *,
    id_: str,
    version: int,
    updated: int,
    status: str,
    error: str,
    names: list[str],
) -> dict[str, Any]:
    """Return a Subscription as its owner reads it: of headers, the names alone."""
    meta = {
        "versionId": str(version),
        "lastUpdated": Instant(updated).isoformat(),
        "profile": [PROFILE],
    }
    channel = dict(body["channel"])
    if names:
        channel["header"] = [f"{name}: {MASK}" for name in names]
    rest = {name: value for name, value in body.items() if name != "resourceType"}
    return {
        "resourceType": "Subscription",
        "id": id_,
        "meta": meta,
        "status": status,
        **rest,
        **({"error": error} if error else {}),
        "channel": channel,
    }


def unmasked(headers: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return headers with the values that are known where the mask was sent back."""
    values = {_name(one).lower(): one for one in known}
    return tuple(
        values.get(_name(one).lower(), one) if one.partition(":")[2].strip() == MASK else one
        for one in headers
    )


def header_names(headers: Sequence[str]) -> list[str]:
    """Return what headers are called."""
    return [_name(one) for one in headers]


def _name(header: str) -> str:
    return header.partition(":")[0]
