"""The headers of calls by the NHS Booking and Referral Standard: checked where they are sent.

https://digital.nhs.uk/developer/api-catalogue/booking-and-referral-fhir: a call that comes by
BaRS names its target. Who calls is told by the access token alone; what the headers say of an
end user is recorded.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from flask import Request
from werkzeug.datastructures import Headers

from service.errors import BadRequest, Issue, UnreadableMessage
from service.fhir.index import ods_code
from service.formats.fhir_r4.json_reader import read_json

_TARGET: Final = "NHSD-Target-Identifier"
_ORGANISATION: Final = "NHSD-End-User-Organisation"
_IDS: Final = ("X-Request-Id", "X-Correlation-Id")
_RESOURCES: Final = {
    _ORGANISATION: "Organization",
    "NHSD-Requesting-Practitioner": "PractitionerRole",
    "NHSD-Requesting-Software": "Device",
}
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST: Final = 8192  # characters of one header


def is_bars(request: Request) -> bool:
    """Whether a request comes by BaRS."""
    return "HTTP_NHSD_TARGET_IDENTIFIER" in request.environ


def end_user_organisation(headers: Headers) -> str:
    """Check the headers of a BaRS call; return the ODS code of whom it is made for, or "".

    Raises BadRequest that tells every fault.
    """
    faults = [*_ids(headers), *_target(headers), *_resources(headers)]
    if faults:
        raise BadRequest("The headers of this BaRS call are not right.", faults)
    told = _decoded(headers.get(_ORGANISATION, ""))
    return next((code for one in _identifiers(told) if (code := ods_code({"identifier": one}))), "")


def _ids(headers: Headers) -> Iterator[Issue]:
    for name in _IDS:
        value = headers.get(name, "")
        if not value:
            yield _fault("invalid", f"{name} is missing: a BaRS call has one", name)
        elif not _UUID.fullmatch(value):
            yield _fault("value", f"{name} is not a UUID", name)


def _target(headers: Headers) -> Iterator[Issue]:
    told = _decoded(headers.get(_TARGET, ""))
    if told is None:
        yield _fault("structure", f"{_TARGET} is not a JSON object in Base64", _TARGET)
    elif not all(isinstance(told.get(name), str) and told[name] for name in ("system", "value")):
        yield _fault("value", f"{_TARGET} needs a system and a value", _TARGET)


def _resources(headers: Headers) -> Iterator[Issue]:
    for name, kind in _RESOURCES.items():
        if name not in headers:
            continue
        told = _decoded(headers[name])
        if told is None:
            yield _fault("structure", f"{name} is not a JSON object in Base64", name)
        elif told.get("resourceType") != kind:
            yield _fault("value", f"{name} is not a {kind}", name)


def _identifiers(told: dict[str, Any] | None) -> list[dict[str, Any]]:
    every = (told or {}).get("identifier")
    every = every if isinstance(every, list) else [every]
    return [one for one in every if isinstance(one, dict)]


def _decoded(text: str) -> dict[str, Any] | None:
    """Return the object that a header holds; None if it holds none."""
    if not text or len(text) > _MOST:
        return None
    try:
        return read_json(base64.b64decode(text, validate=True))
    except (binascii.Error, UnreadableMessage):
        return None


def _fault(code: str, text: str, name: str) -> Issue:
    return Issue(severity="error", code=code, text=text, target=f"http.{name}")
