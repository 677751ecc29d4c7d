"""What the sender of an ITK2 envelope is told, in its own language.

A SimpleMessageResponse where nothing more was asked for, an InfrastructureResponse in an envelope
of its own where an infrastructure acknowledgement was, and a SOAP fault with ToolkitErrorInfo for
a refusal (ITK 2.2 Web Services, Distribution Envelope). Without SOAP, the same without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from service.errors import Issue
from service.formats.cda.envelope import Envelope
from service.formats.cda.names import ADDRESSING, ITK, SOAP_12

ERROR_CODES: Final = "2.16.840.1.113883.2.1.3.2.4.17.268"  # the ITK's code system of errors
_UNSPECIFIED: Final = "1000"  # of that: an error of the client's, said in words
_ACK_SERVICE: Final = "urn:nhs-itk:services:201005:SendInfrastructureAck-v1-0"
_ACK_INTERACTION: Final = "urn:nhs-itk:interaction:ITKInfrastructureAcknowledgement-v1-0"
_ACK_PROFILE: Final = "urn:nhs-en:profile:ITKInfrastructureAcknowledgement-v1-0"
_FAULT_ACTION: Final = "http://www.w3.org/2005/08/addressing/soap/fault"
_INTERACTION: Final = "urn:nhs-itk:ns:201005:interaction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A refusal; `by_us`: the sender can do nothing about it but send again."""

    text: str
    issues: Sequence[Issue] = ()
    by_us: bool = False


def media_type_of(envelope: Envelope) -> str:
    """Return the media type of an answer: SOAP 1.2 has one of its own."""
    kind = "application/soap+xml" if envelope.soap == SOAP_12 else "text/xml"
    return f"{kind}; charset=utf-8"


def answer(
    envelope: Envelope,
    refused: Refused | None = None,
    *,
    identity: str,
    timestamp: str,
    new_id: Callable[[], str],
) -> bytes:
    """Return the answer to a message that is stored, or was refused.

    identity: a URI of ours; timestamp: ISO 8601.
    """
    if envelope.wants_acknowledgement:
        response = _response(envelope, refused, identity, timestamp)
        content, action = _enveloped(envelope, response, identity, new_id), _ACK_SERVICE
    elif refused is None:
        content, action = _simple(envelope), f"{envelope.service}Response"
    elif envelope.soap:
        content, action = _fault(envelope, refused, new_id), _FAULT_ACTION
    else:
        content, action = _error(refused, new_id), ""
    root = _soap(envelope, content, action, new_id) if envelope.soap else content
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _itk(name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.Element(f"{{{ITK}}}{name}", attributes, nsmap={"itk": ITK})
    element.text = text or None
    return element


def _within(parent: etree._Element, *children: etree._Element) -> etree._Element:
    parent.extend(children)
    return parent


def _simple(envelope: Envelope) -> etree._Element:
    return _itk("SimpleMessageResponse", f"OK:{envelope.tracking_id or envelope.message_id}")


def _response(
    envelope: Envelope, refused: Refused | None, identity: str, timestamp: str
) -> etree._Element:
    errors = _itk("errors")
    for issue in refused.issues if refused else ():
        place = f" ({issue.source or issue.target})" if issue.source or issue.target else ""
        _within(errors, _error_info("errorInfo", issue.text, issue.text + place, ""))
    return _within(
        _itk(
            "InfrastructureResponse",
            result="Failure" if refused else "OK",
            timestamp=timestamp,
            serviceRef=envelope.service,
            trackingIdRef=envelope.tracking_id,
        ),
        _within(_itk("reportingIdentity"), _itk("id", uri=identity)),
        errors,
    )


def _enveloped(
    envelope: Envelope, response: etree._Element, identity: str, new_id: Callable[[], str]
) -> etree._Element:
    """Return the distribution envelope that takes an acknowledgement back."""
    part = f"uuid_{new_id().upper()}"
    item = _itk("manifestitem", id=part, mimetype="text/xml", profileid=_ACK_PROFILE)
    header = _within(
        _itk("header", service=_ACK_SERVICE, trackingid=new_id().upper()),
        _within(_itk("addresslist"), _itk("address", uri=envelope.sender_address)),
        _within(_itk("auditIdentity"), _itk("id", uri=identity)),
        _within(_itk("manifest", count="1"), item),
        _itk("senderAddress", uri=identity),
        _within(
            _itk("handlingSpecification"), _itk("spec", key=_INTERACTION, value=_ACK_INTERACTION)
        ),
    )
    payloads = _within(_itk("payloads", count="1"), _within(_itk("payload", id=part), response))
    return _within(_itk("DistributionEnvelope"), header, payloads)


def _error(refused: Refused, new_id: Callable[[], str]) -> etree._Element:
    told = [f"{issue.text} ({issue.source or issue.target})" for issue in refused.issues]
    return _error_info("ToolkitErrorInfo", refused.text, "; ".join(told), new_id().upper())


def _error_info(name: str, text: str, diagnostic: str, error_id: str) -> etree._Element:
    info = _itk(name)
    if error_id:
        _within(info, _itk("ErrorID", error_id))
    return _within(
        info,
        _itk("ErrorCode", _UNSPECIFIED, codeSystem=ERROR_CODES),
        _itk("ErrorText", text),
        _itk("ErrorDiagnosticText", diagnostic),
    )


def _fault(envelope: Envelope, refused: Refused, new_id: Callable[[], str]) -> etree._Element:
    """https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383507 or SOAP 1.2, part 1, 5.4."""
    soap, info = envelope.soap, _error(refused, new_id)
    fault = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap})
    if soap == SOAP_12:
        code = etree.SubElement(etree.SubElement(fault, f"{{{soap}}}Code"), f"{{{soap}}}Value")
        code.text = "soap:Receiver" if refused.by_us else "soap:Sender"
        reason = etree.SubElement(etree.SubElement(fault, f"{{{soap}}}Reason"), f"{{{soap}}}Text")
        reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        reason.text = refused.text
        etree.SubElement(fault, f"{{{soap}}}Detail").append(info)
        return fault
    etree.SubElement(fault, "faultcode").text = "soap:Server" if refused.by_us else "soap:Client"
    etree.SubElement(fault, "faultstring").text = refused.text
    etree.SubElement(fault, "detail").append(info)
    return fault


def _soap(
    envelope: Envelope, content: etree._Element, action: str, new_id: Callable[[], str]
) -> etree._Element:
    soap = envelope.soap
    root = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, "wsa": ADDRESSING})
    header = etree.SubElement(root, f"{{{soap}}}Header")
    etree.SubElement(header, f"{{{ADDRESSING}}}MessageID").text = f"urn:uuid:{new_id()}"
    etree.SubElement(header, f"{{{ADDRESSING}}}Action").text = action
    if envelope.message_id:
        etree.SubElement(header, f"{{{ADDRESSING}}}RelatesTo").text = envelope.message_id
    etree.SubElement(root, f"{{{soap}}}Body").append(content)
    return root
