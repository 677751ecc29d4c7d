"""A `TransferOfCare` as JSON that people can read and compare: empty fields left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from service.model import TransferOfCare


def transfer_as_dict(transfer: TransferOfCare) -> dict[str, Any]:
    """Return the record as JSON values: fields in their order, bytes as base64."""
    return _plain(transfer)  # type: ignore[no-any-return]


def transfer_as_json(transfer: TransferOfCare) -> str:
    """Return the record as JSON text, always the same for equal records."""
    return as_json(transfer_as_dict(transfer))


def as_json(value: Any) -> str:
    """Return JSON values as indented text with a line break at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def differences(expected: Any, got: Any, place: str = "") -> Iterator[str]:
    """Yield one line for every place in which two JSON values differ."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in dict.fromkeys((*expected, *got)):
            inner = f"{place}.{name}" if place else name
            yield from differences(expected.get(name), got.get(name), inner)
    elif isinstance(expected, list) and isinstance(got, list):
        for at in range(max(len(expected), len(got))):
            yield from differences(_item(expected, at), _item(got, at), f"{place}[{at}]")
    elif expected != got:
        yield f"{place}: expected {_short(expected)}, got {_short(got)}"


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {
            field.name: _plain(inner)
            for field in fields(value)
            if not _is_left_out(inner := getattr(value, field.name), field.default)
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _is_left_out(value: Any, default: Any) -> bool:
    """Whether a field says nothing: None, nothing in it, or an untouched False."""
    if value is False:
        return default is not MISSING and default is False
    return value is None or value in ("", b"", ())


def _item(items: list[Any], at: int) -> Any:
    return items[at] if at < len(items) else None


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


_LONG = 200  # characters
