"""The columns of many rows as PostgreSQL arrays in their binary form.

One statement then inserts any number of rows, and is prepared once. psycopg's own arrays are text,
escaped value by value, and cost more than the insert.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = struct.Struct("!iiIii")  # dimensions, flags, element type, length, first index
_LENGTH = struct.Struct("!i")
_BIGINT = struct.Struct("!iq")
_INTEGER = struct.Struct("!ii")
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"


class Array(bytes):
    """An encoded array; its subclass tells the type."""

    element_oid = 0
    encode: Callable[[Iterable[Any]], bytes]

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Array:
        """Encode the values of one column, none of them NULL."""
        header = _HEADER.pack(1, 0, cls.element_oid, len(values), 1)
        return cls(header + cls.encode(values))


def _bytes(values: Iterable[bytes]) -> bytes:
    return b"".join([part for v in values for part in (_LENGTH.pack(len(v)), v)])


def _text(values: Iterable[str]) -> bytes:
    return _bytes([value.encode() for value in values])


def _bigint(values: Iterable[int]) -> bytes:
    return b"".join([_BIGINT.pack(8, value) for value in values])


def _integer(values: Iterable[int]) -> bytes:
    return b"".join([_INTEGER.pack(4, value) for value in values])


def _boolean(values: Iterable[bool]) -> bytes:
    return b"".join([_TRUE if value else _FALSE for value in values])


# pg_type: the element's oid, the array's oid
_TYPES: dict[str, tuple[int, int, Callable[[Iterable[Any]], bytes]]] = {
    "boolean": (16, 1000, _boolean),
    "bytea": (17, 1001, _bytes),
    "bigint": (20, 1016, _bigint),
    "integer": (23, 1007, _integer),
    "text": (25, 1009, _text),
}
ARRAYS: dict[str, type[Array]] = {
    name: type(f"{name}_array", (Array,), {"element_oid": element, "encode": staticmethod(encode)})
    for name, (element, _, encode) in _TYPES.items()
}


class ArrayDumper(Dumper):
    """Hands an encoded array over as it is."""

    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return bytes(obj)


_DUMPERS = {
    name: type(f"{name}_array_dumper", (ArrayDumper,), {"oid": array})
    for name, (_, array, _) in _TYPES.items()
}


def register(connection: Connection[Any]) -> None:
    """Let a connection take arrays as parameters."""
    for name, array in ARRAYS.items():
        connection.adapters.register_dumper(array, _DUMPERS[name])
