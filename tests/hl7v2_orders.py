"""Synthetic orders and reports (HL7 v2 ORM, OMG, ORU), built from fields by their number."""

from __future__ import annotations

PID = (
    "PID|1||9990001308^^^NHS^NH~XXT4401^^^RXX^MR||XXTESTORDER^IRIS^M^^MS^^L||19480917|F"
    "|||4 TEST STREET^^CANTERBURY^KENT^CT1 9ZZ^GBR^H"
)
WARD_DOCTOR = "C9999993^TESTWARD^KIM^^^DR^^^GMC"


def segment(name: str, **fields: str) -> str:
    """Return a segment, e.g. segment("ORC", f1="NW", f2="ORD1^EPR")."""
    told = {int(number[1:]): value for number, value in fields.items()}
    return "|".join([name, *(told.get(number, "") for number in range(1, max(told) + 1))])


def message(kind: str, *segments: str, control_id: str = "M1", to: str = "RELAY") -> bytes:
    """Return a message of the trust RXX."""
    msh = f"MSH|^~\\&|EPR|RXX|RELAY|{to}|20250603101500||{kind}|{control_id}|P|2.5.1"
    lines = [f"{msh}|||||GBR|UNICODE UTF-8", PID, "PD1|||TEST PRACTICE^^G99908", *segments]
    return "".join(line + "\r" for line in lines).encode()


def order(control: str = "NW", *, orc: dict[str, str] | None = None, **obr: str) -> list[str]:
    """Return ORC and OBR of a consult; f5 of `orc` is the status, f24 of `obr` the section."""
    common = {"f1": control, "f2": "ORD1^EPR", "f9": "20250603101200", "f12": WARD_DOCTOR}
    asked = {
        "f1": "1",
        "f2": "ORD1^EPR",
        "f4": "306237005^Referral to palliative care service^SCT",
        "f16": WARD_DOCTOR,
    }
    return [segment("ORC", **(common | (orc or {}))), segment("OBR", **(asked | obr))]


def attachment(number: int, content: str, *, head: str = "EPR^IM^PDF^Base64", **more: str) -> str:
    """Return an OBX with an encapsulated document, or a part of one."""
    told = {"f1": str(number), "f2": "ED", "f3": "LTR^Letter^L", "f5": f"{head}^{content}"}
    return segment("OBX", **(told | {"f11": "F"} | more))


def line(number: int, text: str, *, name: str = "REP^Report^L", kind: str = "TX") -> str:
    """Return an OBX with one line of text."""
    return segment("OBX", f1=str(number), f2=kind, f3=name, f5=text, f11="F")
