"""Writing R4 JSON as R4 XML (https://hl7.org/fhir/R4/xml.html), by the table of R4's structure.

Elements come in the order of the table, which is that of the schema. What the table does not
know is refused and never left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from typing import Any, Final

from service.model import r4

_OPENING: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_NAMESPACE: Final = ' xmlns="http://hl7.org/fhir"'
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    | {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
Resource = dict[str, Any]
_Row = tuple[str, Callable[[Any, Any], str]]  # JSON name, what writes one value of it


class NotInXml(ValueError):
    """The resource holds what FHIR's XML cannot carry."""


def to_xml(resource: Resource) -> bytes:
    """Return a resource as XML, its decimals as they were sent.

    Raises NotInXml for a character that XML has no place for, and for what R4 does not know.
    """
    return f"{_OPENING}{_resource(resource, _NAMESPACE)}".encode()


def _resource(resource: Resource, namespace: str = "") -> str:
    kind = resource["resourceType"]
    if not r4.is_resource(kind):
        raise NotInXml("a resourceType is not one of R4")
    rest = {name: value for name, value in resource.items() if name != "resourceType"}
    return f"<{kind}{namespace}>{_content(rest, kind)}</{kind}>"


def _content(value: Resource, kind: str) -> str:
    """Return what stands inside an element of this type."""
    left = set(value)
    written: list[str] = []
    for name, write in _rows(kind):
        hidden = "_" + name
        if name not in left and hidden not in left:
            continue
        left -= {name, hidden}
        written += [write(one, more) for one, more in _pairs(value.get(name), value.get(hidden))]
    if left:
        raise NotInXml(f"{kind} has no element of this name in R4")
    return "".join(written)


def _pairs(value: Any, hidden: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each value with the id and extensions that JSON keeps under "_name"."""
    if isinstance(value, list) or isinstance(hidden, list):
        return zip_longest(value or (), hidden or ())
    return iter([(value, hidden)])


@cache
def _rows(kind: str) -> tuple[_Row, ...]:
    """Return how each element of a type is written, in the order of the schema."""
    attributes = _attributes(kind)
    return tuple(
        (name, _writer(name, element.type))
        for name, element in r4.children(kind).items()
        if name not in attributes
    )


def _attributes(kind: str) -> tuple[str, ...]:
    """Return what is an attribute in XML: an element's id, an extension's address."""
    if r4.is_resource(kind):
        return ()
    return ("id", "url") if kind == "Extension" else ("id",)


def _writer(name: str, kind: str) -> Callable[[Any, Any], str]:
    if kind == "xhtml":
        return lambda value, _: str(value)
    if kind == "Resource":
        return lambda value, _: f"<{name}>{_resource(value)}</{name}>"
    if r4.is_primitive(kind):
        return lambda value, hidden: _primitive(name, value, hidden or {})
    return lambda value, _: _element(name, value, kind)


def _element(name: str, value: Resource, kind: str) -> str:
    attributes = _attributes(kind)
    own = "".join(_attribute(each, value[each]) for each in attributes if each in value)
    rest = {each: inner for each, inner in value.items() if each not in attributes}
    return _tag(name, own, _content(rest, kind))


def _primitive(name: str, value: Any, hidden: Resource) -> str:
    own = _attribute("id", hidden["id"]) if "id" in hidden else ""
    told = "" if value is None else _attribute("value", value)
    rest = {each: inner for each, inner in hidden.items() if each != "id"}
    return _tag(name, own + told, _content(rest, "Element"))


def _tag(name: str, attributes: str, content: str) -> str:
    return f"<{name}{attributes}>{content}</{name}>" if content else f"<{name}{attributes}/>"


def _attribute(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _NO_XML.search(text):
        raise NotInXml("a text holds a character that XML has no place for")
    return f' {name}="{text.translate(_ESCAPES)}"'
