"""Writing a STU3 resource as XML, its elements in the order in which they stand in the JSON.

What is written here is made here (responses, samples), in the order of STU3's schema; what is
received is kept as it came.
"""

from __future__ import annotations

from typing import Any, Final

_OPENING: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = ' xmlns="http://hl7.org/fhir"'
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    | {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_ATTRIBUTES: Final = ("id", "url")  # of what is no resource; `url` of an extension only
Resource = dict[str, Any]


def to_stu3_xml(resource: Resource) -> bytes:
    """Return a resource as XML (https://hl7.org/fhir/STU3/xml.html)."""
    return f"{_OPENING}{_resource(resource, _NAMESPACE)}\n".encode()


def _resource(resource: Resource, namespace: str = "") -> str:
    kind = resource["resourceType"]
    rest = {name: value for name, value in resource.items() if name != "resourceType"}
    return f"<{kind}{namespace}>{_children(rest)}</{kind}>"


def _children(value: Resource) -> str:
    return "".join(
        _element(name, one)
        for name, held in value.items()
        for one in (held if isinstance(held, list) else [held])
    )


def _element(name: str, value: Any) -> str:
    if name == "div":
        return str(value)
    if not isinstance(value, dict):
        return f"<{name}{_attribute('value', value)}/>"
    if "resourceType" in value:
        return f"<{name}>{_resource(value)}</{name}>"
    known = _ATTRIBUTES if "extension" in name.lower() else _ATTRIBUTES[:1]
    own = "".join(_attribute(each, value[each]) for each in known if each in value)
    rest = {each: inner for each, inner in value.items() if each not in known}
    return f"<{name}{own}>{_children(rest)}</{name}>"


def _attribute(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f' {name}="{text.translate(_ESCAPES)}"'
