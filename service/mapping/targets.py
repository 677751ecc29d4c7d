"""What a mapping may set: the fields of `TransferOfCare`, read from its dataclasses."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from service.model import Moment, NhsNumber, OdsCode, PartialDate, TransferOfCare

# Set by the engine alone.
RESERVED = {
    "issues": "issues are written under the key issues of the file",
    "message.sender": "message.sender is the authenticated client",
}
# What `as` makes each type, for the fault that says so.
CONVERTERS_FOR: dict[type, str] = {
    NhsNumber: "nhs_number",
    OdsCode: "ods",
    PartialDate: "date",
    Moment: "datetime",
    int: "integer",
    bool: "boolean",
    bytes: "base64, hex or utf8",
}
_BOOLEANS = {"true": True, "false": False}
_PARSERS: dict[type, Callable[[str], Any]] = {
    NhsNumber: NhsNumber.parse,
    OdsCode: OdsCode.parse,
    PartialDate: PartialDate.parse,
    Moment: Moment.parse,
    bytes: str.encode,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One field of a record."""

    name: str
    type: type  # of one value
    many: bool = False  # a tuple of them
    choices: tuple[str, ...] = ()  # the only texts allowed
    required: bool = False  # the record cannot be made without it

    @property
    def is_record(self) -> bool:
        """Whether one value is itself a record."""
        return is_dataclass(self.type)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """A slot and its full name, with [] where an index belongs."""

    slot: Slot
    target: str

    @property
    def item(self) -> str:
        """The name of one value."""
        return f"{self.target}[]" if self.slot.many else self.target


@cache
def slots_of(record: type) -> Mapping[str, Slot]:
    """Return the fields of a record class by name, in their order."""
    hints = get_type_hints(record)
    return {
        field.name: _slot(
            field.name,
            hints[field.name],
            required=field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(record)
    }


def resolve(record: type, target: str) -> tuple[Slot, ...]:
    """Return the slots that a dotted target goes through, from `record` on.

    Raises ValueError that says what the target could have been.
    """
    found: list[Slot] = []
    for name in target.split("."):
        if not is_dataclass(record):
            raise ValueError(f"{target}: {found[-1].name} has no fields of its own")
        slots = slots_of(record)
        if name not in slots:
            known = ", ".join(slots)
            raise ValueError(f"{target}: {record.__name__} has no field {name}, only {known}")
        found.append(slots[name])
        record = slots[name].type
    return tuple(found)


def constant(slot: Slot, text: str) -> Any:
    """Return `text` as one value of the slot. Raises ValueError if it cannot be one."""
    if slot.is_record:
        raise ValueError(f"{slot.name} is a record: set its fields")
    if slot.choices and text not in slot.choices:
        raise ValueError(f"{slot.name} is one of {', '.join(slot.choices)}")
    if slot.type is bool:
        if text not in _BOOLEANS:
            raise ValueError(f"{slot.name} is true or false")
        return _BOOLEANS[text]
    parse = _PARSERS.get(slot.type, slot.type)
    return parse(text)


def all_targets(record: type = TransferOfCare, prefix: str = "") -> Iterator[str]:
    """Yield every target with its dots, lists as `diagnoses[]`; for documentation and reports."""
    for slot in slots_of(record).values():
        name = f"{prefix}{slot.name}" + ("[]" if slot.many else "")
        if slot.is_record:
            yield from all_targets(slot.type, f"{name}.")
        else:
            yield name


def _slot(name: str, hint: Any, *, required: bool) -> Slot:
    hint = _without_none(hint)
    if get_origin(hint) is tuple:
        return Slot(name=name, type=get_args(hint)[0], many=True, required=required)
    if get_origin(hint) is Literal:
        return Slot(name=name, type=str, choices=get_args(hint), required=required)
    return Slot(name=name, type=hint, required=required)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    (only,) = (part for part in get_args(hint) if part is not type(None))
    return only
