"""JSON Patch (RFC 6902) on a resource; a fault names the operation, never a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.errors import BadRequest, Conflict, Issue

Document = Any
_END: Final = "-"
_NEEDED: Final = {
    "add": "value",
    "replace": "value",
    "test": "value",
    "move": "from",
    "copy": "from",
    "remove": "path",
}


class _Fault(ValueError):
    """What is wrong with one operation."""


def apply_patch(resource: Document, operations: object) -> Document:
    """Return a changed copy; `resource` stays as it is.

    Raises BadRequest naming every operation that is not one, or the first that cannot be
    carried out; Conflict if a `test` does not hold.
    """
    _check(operations)
    document = _copy(resource)
    for index, operation in enumerate(operations):  # type: ignore[arg-type, var-annotated]
        try:
            document = _OPERATIONS[operation["op"]](document, operation)
        except _Fault as fault:
            raise BadRequest("The patch cannot be applied.", [_issue(index, str(fault))]) from None
        except AssertionError:
            raise Conflict("A test of the patch does not hold.") from None
    return document


def _check(operations: object) -> None:
    if not isinstance(operations, list):
        raise BadRequest("A JSON Patch is an array of operations (RFC 6902).")
    faults = [
        _issue(index, "op, path and value or from are needed")
        for index, operation in enumerate(operations)
        if not _is_operation(operation)
    ]
    if faults:
        raise BadRequest("The patch is not a JSON Patch.", faults)


def _is_operation(operation: object) -> bool:
    return (
        isinstance(operation, dict)
        and operation.get("op") in _NEEDED
        and _NEEDED[operation["op"]] in operation
        and isinstance(operation.get("path"), str)
        and isinstance(operation.get("from", ""), str)
    )


def _issue(index: int, text: str) -> Issue:
    return Issue(severity="error", code="invalid", text=f"operation {index}: {text}")


def _copy(value: Document) -> Document:
    if isinstance(value, dict):
        return {name: _copy(inner) for name, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _names(pointer: str) -> list[str]:
    """Part a JSON pointer (RFC 6901)."""
    if pointer and not pointer.startswith("/"):
        raise _Fault("a path begins with /")
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def _step(node: Document, part: str) -> Document:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list):
        return node[_index(part, len(node) - 1)]
    raise _Fault("there is nothing at its path")


def _index(part: str, last: int) -> int:
    if not part.isascii() or not part.isdigit() or (part != "0" and part[0] == "0"):
        raise _Fault("a place in a list is a whole number")
    if int(part[:9]) > last:
        raise _Fault("there is nothing at its path")
    return int(part)


def _at(document: Document, parts: list[str]) -> Document:
    for part in parts:
        document = _step(document, part)
    return document


def _add(document: Document, pointer: str, value: Document) -> Document:
    parts = _names(pointer)
    if not parts:
        return value
    holder, last = _at(document, parts[:-1]), parts[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list):
        holder.insert(len(holder) if last == _END else _index(last, len(holder)), value)
    else:
        raise _Fault("there is nothing at its path")
    return document


def _remove(document: Document, pointer: str) -> tuple[Document, Document]:
    """Return the document without, and what was there."""
    parts = _names(pointer)
    if not parts:
        raise _Fault("the whole resource cannot be removed")
    holder, last = _at(document, parts[:-1]), parts[-1]
    taken = _step(holder, last)
    del holder[last if isinstance(holder, dict) else int(last)]
    return document, taken


def _replace(document: Document, operation: Mapping[str, Any]) -> Document:
    if not operation["path"]:
        return operation["value"]
    holder, last = _at(document, _names(operation["path"])[:-1]), _names(operation["path"])[-1]
    _step(holder, last)
    holder[last if isinstance(holder, dict) else int(last)] = operation["value"]
    return document


def _move(document: Document, operation: Mapping[str, Any]) -> Document:
    if f"{operation['path']}/".startswith(f"{operation['from']}/"):
        raise _Fault("a value cannot be moved into itself")
    document, taken = _remove(document, operation["from"])
    return _add(document, operation["path"], taken)


def _test(document: Document, operation: Mapping[str, Any]) -> Document:
    found, wanted = _at(document, _names(operation["path"])), operation["value"]
    if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
        raise AssertionError
    return document


_OPERATIONS: Final[dict[str, Callable[[Document, Mapping[str, Any]], Document]]] = {
    "add": lambda document, one: _add(document, one["path"], one["value"]),
    "remove": lambda document, one: _remove(document, one["path"])[0],
    "replace": _replace,
    "move": _move,
    "copy": lambda document, one: _add(
        document, one["path"], _copy(_at(document, _names(one["from"])))
    ),
    "test": _test,
}
