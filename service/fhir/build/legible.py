"""Characters that no FHIR string may have, replaced before anything is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import orjson

from service.errors import Issue
from service.model import Recipient, TransferOfCare

_ILLEGIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ESCAPES: Final = (b"\\u00", b"\\b", b"\\f")  # as JSON writes those characters
_REPLACEMENT: Final = "\ufffd"  # REPLACEMENT CHARACTER
_DOUBT: Final = Issue(
    severity="warning",
    code="value",
    text="the message had control characters, which are shown as a replacement character",
)


def legible(
    transfer: TransferOfCare, recipients: Sequence[Recipient]
) -> tuple[TransferOfCare, tuple[Recipient, ...]]:
    """Return both without control characters, with an issue if there were any.

    Nearly never there are any: JSON is the quickest way to see that.
    """
    given = (transfer, tuple(recipients))
    told = orjson.dumps(given, default=_not_text)
    if b"\\" not in told or not any(escape in told for escape in _ESCAPES):
        return given
    cleaned, named = _cleaned(given)
    if (cleaned, named) == given:
        return given
    return replace(cleaned, issues=(*cleaned.issues, _DOUBT)), named


def _not_text(value: Any) -> None:
    """Pass over a document's bytes."""


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _ILLEGIBLE.sub(_REPLACEMENT, value) if _ILLEGIBLE.search(value) else value
    if isinstance(value, tuple):
        return tuple(_cleaned(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _cleaned(getattr(value, f.name)) for f in fields(value)})
    return value
