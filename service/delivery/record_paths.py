"""Paths into the record of a transfer, for the conditions of routing rules.

They are the targets of mapping files (`encounter.specialty.code`), and the conditions are those
of mapping files: one language for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from service.formats.source import Path
from service.mapping.condition import compile_condition
from service.mapping.targets import resolve
from service.model import TransferOfCare


def condition_on_record(text: str) -> Callable[[TransferOfCare], bool]:
    """Return what asks a transfer. Raises ValueError that says what is wrong, and where."""
    return compile_condition(text, compile_record_path)


def compile_record_path(text: str) -> Path:
    """Compile one path. Raises ValueError that says what there is instead."""
    slots = resolve(TransferOfCare, text)
    if slots[-1].type is bytes:
        raise ValueError(f"{text} holds bytes, and nothing can be asked of them")
    names = tuple(slot.name for slot in slots)

    def nodes(record: TransferOfCare) -> list[Any]:
        return _found(record, names)

    def values(record: TransferOfCare) -> list[str]:
        return [_text(value) for value in nodes(record)]

    def places(record: TransferOfCare) -> Sequence[str]:
        return [text] * len(nodes(record))

    is_record = slots[-1].is_record
    return Path(text=text, values=values, nodes=nodes, places=places, structured=is_record)


def _found(record: Any, names: Sequence[str]) -> list[Any]:
    found = [record]
    for name in names:
        reached = (getattr(one, name) for one in found)
        found = [value for one in reached for value in (one if type(one) is tuple else (one,))]
        found = [value for value in found if value is not None and value != ""]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
