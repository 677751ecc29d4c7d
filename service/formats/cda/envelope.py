"""The NHS ITK2 envelope: SOAP, DistributionEnvelope, and what they say of the message in them.

ITK Distribution Envelope 2.0 (urn:nhs-itk:ns:201005); the envelope may come without SOAP.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from service.formats.cda.names import ADDRESSING, ITK, SOAP_11, SOAP_12, split

_ODS_ADDRESS: Final = re.compile(r"urn:nhs-uk:(?:addressing|identity):ods:([A-Za-z0-9]{2,12})\b")
# Both spellings are sent.
_INFRASTRUCTURE_ACK: Final = re.compile(r"urn:nhs[:-]itk:ns:201005:infackrequested")
_SOAP: Final = frozenset((SOAP_11, SOAP_12))


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What the sender said around the document; each part is "" where it said nothing."""

    # DistributionEnvelope with its header, and of its payloads those that are attachments
    header: etree._Element | None = field(repr=False, default=None)
    tracking_id: str = ""
    service: str = ""  # e.g. "urn:nhs-itk:services:201005:SendCDADocument-v2-0"
    sender: str = ""  # ODS code of the senderAddress
    sender_address: str = ""  # as sent, a URI
    soap: str = ""  # namespace of the SOAP envelope; "" if there is none
    message_id: str = ""  # wsa:MessageID
    wants_acknowledgement: bool = False  # an infrastructure acknowledgement was asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A payload that is no clinical document: a PDF, a picture."""

    payload: etree._Element = field(repr=False)
    content: bytes = field(repr=False)  # unpacked
    media_type: str = ""  # as the manifest says; "" where it says none


def with_attachments(envelope: Envelope, attachments: Iterable[Attachment]) -> Envelope:
    """Return the envelope with its attachments, in base64 whatever they were packed in."""
    held = list(attachments)
    if envelope.header is None or not held:
        return envelope
    header = deepcopy(envelope.header)
    every = etree.SubElement(header, f"{{{ITK}}}payloads")
    for attachment in held:
        one = etree.SubElement(every, f"{{{ITK}}}payload", mimetype=attachment.media_type)
        one.text = base64.b64encode(attachment.content).decode()
    return replace(envelope, header=header)


def envelope_of(root: etree._Element) -> Envelope | None:
    """Return the envelope that a document came in; None where it came bare."""
    space, name = split(root.tag)
    is_soap = name == "Envelope" and space in _SOAP
    distribution = _distribution(root)
    if distribution is None and not is_soap:
        return None
    told = Envelope() if distribution is None else _distributed(distribution)
    if not is_soap:
        return told
    message_id = _text(root, f"{{{space}}}Header/{{{ADDRESSING}}}MessageID")
    return replace(told, soap=space, message_id=message_id)


def payloads(root: etree._Element) -> Iterator[etree._Element]:
    """Yield what the distribution envelope carries, part by part."""
    yield from root.iter(f"{{{ITK}}}payload")


def manifest_item(payload: etree._Element) -> etree._Element | None:
    """Return what the manifest says of a payload."""
    root = payload.getroottree().getroot()
    name = payload.get("id")
    return next(
        (item for item in root.iter(f"{{{ITK}}}manifestitem") if name and item.get("id") == name),
        None,
    )


def _distribution(root: etree._Element) -> etree._Element | None:
    tag = f"{{{ITK}}}DistributionEnvelope"
    return root if root.tag == tag else next(root.iter(tag), None)


def _distributed(distribution: etree._Element) -> Envelope:
    header = distribution.find(f"{{{ITK}}}header")
    alone = etree.Element(distribution.tag, nsmap={"itk": ITK})
    if header is None:
        return Envelope(header=alone)
    alone.append(deepcopy(header))
    address = header.find(f"{{{ITK}}}senderAddress")
    sender_address = address.get("uri", "") if address is not None else ""
    told = _ODS_ADDRESS.match(sender_address)
    return Envelope(
        header=alone,
        tracking_id=header.get("trackingid", "").strip(),
        service=header.get("service", "").strip(),
        sender_address=sender_address,
        sender=told[1].upper() if told else "",
        wants_acknowledgement=_wants_acknowledgement(header),
    )


def _wants_acknowledgement(header: etree._Element) -> bool:
    return any(
        _INFRASTRUCTURE_ACK.fullmatch(spec.get("key", "")) and spec.get("value") == "true"
        for spec in header.iter(f"{{{ITK}}}spec")
    )


def _text(root: etree._Element, path: str) -> str:
    return (root.findtext(path) or "").strip()
