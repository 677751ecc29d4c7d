"""One clinical document, to be changed part by part, for tests of how CDA is read."""

from __future__ import annotations

VERIFIED = "2.16.840.1.113883.2.1.4.1"
UNVERIFIED = "2.16.840.1.113883.2.1.3.2.4.18.23"
ODS = "2.16.840.1.113883.2.1.3.2.4.19.1"
DX = "2.16.840.1.113883.2.1.3.2.4.17.325"
NUMBER = "9990123454"
US = '<id root="1.2.840.1" extension="7"/>'  # a patient's number in no system that is known
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SPACES = (
    'xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def document(
    *,
    ids: str = f'<id root="{VERIFIED}" extension="{NUMBER}"/>',
    code: str = '<code code="373942005" codeSystem="2.16.840.1.113883.6.96"/>',
    title: str = "<title>Summary</title>",
    made: str = "20250514163012+0100",
    version: str = "",
    role: str = "",
    name: str = "<name><given>Ann</given><family>XXTEST</family></name>",
    gender: str = '<administrativeGenderCode code="2"/>',
    born: str = '<birthTime value="19510309"/>',
    person: str = "",
    header: str = "",
    confidentiality: str = "N",
    disposition: str = "",
    stay: str = '<low value="20250503"/><high value="20250514"/>',
    sections: str = "<section><title>T</title><text>words</text></section>",
    body: str = "",
) -> bytes:
    """A document with these parts; `sections` one or more, `body` in their place."""
    encounter = (
        f"<encompassingEncounter><effectiveTime>{stay}</effectiveTime>{disposition}"
        "</encompassingEncounter>"
    )
    held = "".join(
        f"<component><section>{part}" for part in sections.split("<section>") if part
    ).replace("</section>", "</section></component>")
    content = body or f"<structuredBody>{held}</structuredBody>"
    return (
        f"<ClinicalDocument {_SPACES}><id root='1.2.3' extension='D1'/>{code}{title}"
        f"<effectiveTime value='{made}'/><confidentialityCode code='{confidentiality}'/>{version}"
        f"<recordTarget><patientRole>{ids}{role}<patient>{name}{gender}{born}{person}</patient>"
        f"</patientRole></recordTarget>{header}<componentOf>{encounter}</componentOf>"
        f"<component>{content}</component></ClinicalDocument>"
    ).encode()


def enveloped(
    content: bytes,
    *,
    tracking: str = "T1",
    interaction: str = "urn:nhs-itk:interaction:primaryRecipient-v1-0",
    addresses: tuple[str, ...] = ("urn:nhs-uk:addressing:ods:8HX03",),
    sender: str = "urn:nhs-uk:addressing:ods:RX5",
    item: str = "",
    soap: bool = True,
) -> bytes:
    """The document in the NHS's envelope; `item`: further attributes of its manifest entry."""
    listed = "".join(f'<address uri="{uri}"/>' for uri in addresses)
    envelope = (
        '<DistributionEnvelope xmlns="urn:nhs-itk:ns:201005">'
        f'<header service="urn:nhs-itk:services:201005:SendCDADocument" trackingid="{tracking}">'
        f"<addresslist>{listed}</addresslist>"
        f'<manifest count="1"><manifestitem id="p1" mimetype="text/xml" {item}/></manifest>'
        f'<senderAddress uri="{sender}"/><handlingSpecification>'
        f'<spec key="urn:nhs-itk:ns:201005:interaction" value="{interaction}"/>'
        '</handlingSpecification></header><payloads count="1"><payload id="p1">'
    ).encode()
    closed = b"</payload></payloads></DistributionEnvelope>"
    whole = envelope + content + closed
    if not soap:
        return whole
    return b'<s:Envelope xmlns:s="%b"><s:Body>%b</s:Body></s:Envelope>' % (SOAP.encode(), whole)


def disposition(code: str, name: str = "", system: str = DX) -> str:
    """Return what is to be done next, as an encounter says it."""
    return f"<dischargeDispositionCode code='{code}' codeSystem='{system}' displayName='{name}'/>"


def coded(code: str, name: str = "", title: str = "") -> dict[str, str]:
    """Return the parts that say what kind of document it is."""
    return {
        "code": f"<code code='{code}' displayName='{name}'/>",
        "title": f"<title>{title}</title>",
    }
