"""What a request asks of its answer: media type, FHIR version, preferences, conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal

from service.errors import BadRequest, NotAcceptable, UnsupportedMediaType
from service.fhir.bundle_identity import matches
from service.model import Instant

XML_TYPES: Final = ("application/fhir+xml", "application/xml", "text/xml", "xml")
JSON_TYPES: Final = ("application/fhir+json", "application/json", "text/json", "json")
PATCH_TYPE: Final = "application/json-patch+json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
VERSIONS: Final = ("4.0", "4.0.1")
OF_MESSAGES: Final = (*VERSIONS, "3.0", "3.0.1", "3.0.2")  # what a message or document may be in
MAX_WAIT: Final = 55  # seconds of one long poll: below the minute at which proxies hang up
_ANY: Final = ("*/*", "application/*")
_QUALITY: Final = re.compile(r"[01](?:\.\d{0,3})?")
_PREFERENCE: Final = re.compile(r'\s*([\w-]+)(?:\s*=\s*"?([\w-]*)"?)?')

Returning = Literal["", "minimal", "representation", "OperationOutcome"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """The Prefer header (RFC 7240), as far as it means something here."""

    returning: Returning = ""
    lenient: bool = False
    wait: int = 0  # seconds

    @property
    def applied(self) -> tuple[tuple[str, str], ...]:
        """The header that says that `return` was honoured."""
        return (("Preference-Applied", f"return={self.returning}"),) if self.returning else ()


@lru_cache(maxsize=256)
def preferences(header: str) -> Preferences:
    """Read a Prefer header; what is not known is not honoured, as RFC 7240 has it."""
    said = {
        match[1]: match[2] or "" for match in map(_PREFERENCE.match, header.split(",")) if match
    }
    returning = said.get("return", "")
    known = returning in ("minimal", "representation", "OperationOutcome")
    wait = said.get("wait", "")
    return Preferences(
        returning=returning if known else "",  # type: ignore[arg-type]  # it is one of them
        lenient=said.get("handling") == "lenient",
        wait=min(int(wait[:4]), MAX_WAIT) if wait.isascii() and wait.isdigit() else 0,
    )


def check_accept(accept: str, wanted_format: str) -> None:
    """Raise NotAcceptable unless FHIR R4 in JSON or XML answers what was asked for.

    `_format` goes before Accept. A "+" in it that arrived as a space is understood.
    """
    if not _acceptable(wanted_format.replace(" ", "+") or accept or "*/*"):
        raise NotAcceptable("Answers are application/fhir+json or application/fhir+xml, FHIR 4.0.")


def wants_xml(accept: str, wanted_format: str) -> bool:
    """Whether XML is asked for, and rather than JSON; of two that are as welcome, the first."""
    wanted = wanted_format.replace(" ", "+") or accept
    return "xml" in wanted and _prefers_xml(wanted)


@lru_cache(maxsize=256)
def _acceptable(accept: str) -> bool:
    every = (*JSON_TYPES, *XML_TYPES, *_ANY)
    return any(_quality(part, every) for part in accept.split(","))


@lru_cache(maxsize=256)
def _prefers_xml(accept: str) -> bool:
    ranges = accept.split(",")
    best = {
        is_xml: max((_quality(part, types), -at) for at, part in enumerate(ranges))
        for is_xml, types in ((True, XML_TYPES), (False, (*JSON_TYPES, *_ANY)))
    }
    return best[True] > best[False] and best[True][0] > 0


def _is_ours(media_range: str, types: tuple[str, ...]) -> bool:
    return _quality(media_range, types) > 0


def _quality(
    media_range: str, types: tuple[str, ...], versions: tuple[str, ...] = VERSIONS
) -> float:
    """Return how welcome a media range is (RFC 9110, 12.4.2); 0 where it is none of these."""
    kind, *rest = (part.strip() for part in media_range.split(";"))
    said = dict(_parameter(part) for part in rest)
    version = said.get("fhirversion", VERSIONS[0])
    if kind.lower() not in types or version not in versions:
        return 0.0
    quality = said.get("q", "1")
    return float(quality) if _QUALITY.fullmatch(quality) else 1.0


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"')


def check_content(content_type: str, *types: str, versions: tuple[str, ...] = VERSIONS) -> None:
    """Raise UnsupportedMediaType unless the body is of one of these types (and FHIR 4.0)."""
    if not _quality(content_type, types, versions):
        raise UnsupportedMediaType(f"Send this as {types[0]} (FHIR 4.0).")


def first_range(accept: str) -> str:
    """Return the media type that a client names first, without parameters."""
    return accept.partition(",")[0].partition(";")[0].strip().lower()


def not_modified(if_none_match: str, if_modified_since: str, version: int, updated: int) -> bool:
    """Whether the client has this version already; If-None-Match goes before the date."""
    if if_none_match:
        return matches(if_none_match, version)
    if not if_modified_since:
        return False
    return updated // 1_000_000 <= _http_instant(if_modified_since) // 1_000_000


def _http_instant(text: str) -> int:
    try:
        moment = parsedate_to_datetime(text)
        return Instant.of(moment)
    except (TypeError, ValueError, OverflowError):
        raise BadRequest("If-Modified-Since is not an HTTP date.") from None
