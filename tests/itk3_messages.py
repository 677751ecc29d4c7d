"""ITK3 messages as senders make them: the shipped example, with parts changed, and its answer."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from werkzeug.test import TestResponse

from service.bundled import bundled_folder

EXAMPLES = bundled_folder("mappings") / "examples"
XML = "application/fhir+xml"
MESSAGE_ID = "5a7c0001-0b1d-4e2f-8a3b-9c4d5e6f7a8b"
_FHIR = {"f": "http://hl7.org/fhir"}


def example(name: str) -> bytes:
    """Return an example message or document."""
    return (EXAMPLES / name).read_bytes()


def discharge(**changes: str) -> bytes:
    """Return the ITK3 discharge; a change is `infrastructure`, `business` or `receiver`."""
    text = example("base-itk3-discharge.xml").decode()
    flags = {"infrastructure": "InfAckRequested", "business": "BusAckRequested"}
    for name, flag in flags.items():
        if name in changes:
            before = f'<extension url="{flag}">\n<valueBoolean value="true"/>'
            assert before in text
            text = text.replace(before, before.replace("true", changes[name]))
    return text.encode()


def replaced(body: bytes, before: str, after: str) -> bytes:
    """Return the bytes with a text that is in them replaced wherever it stands."""
    assert before.encode() in body
    return body.replace(before.encode(), after.encode())


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """What an ITK3 response says."""

    event: str
    answers: str
    code: str
    codes: tuple[str, ...]  # ITK response codes
    reference: str  # the sender's own
    asks: tuple[str, ...]  # the flags in its own handling


def read(response: TestResponse | bytes) -> Acknowledged:
    """Read an XML response."""
    body = response if isinstance(response, bytes) else response.get_data()
    root = etree.fromstring(body)

    def found(path: str) -> tuple[str, ...]:
        return tuple(root.xpath(f"{path}/@value", namespaces=_FHIR))

    flags = ("InfAckRequested", "BusAckRequested")
    asks = [found(f"//f:extension[@url='{flag}']/f:valueBoolean") for flag in flags]
    return Acknowledged(
        event="".join(found("//f:MessageHeader/f:event/f:code")),
        answers="".join(found("//f:MessageHeader/f:response/f:identifier")),
        code="".join(found("//f:MessageHeader/f:response/f:code")),
        codes=found("//f:OperationOutcome/f:issue/f:details/f:coding/f:code"),
        reference="".join(found("//f:extension[@url='SenderReference']/f:valueString")),
        asks=tuple(value for values in asks for value in values),
    )
