"""A synthetic HL7 v2 discharge as King's sends it, and how tests change it."""

from __future__ import annotations

NHS_NUMBER = "9990123454"


def a03(
    *,
    control_id: str = "K0001",
    event: str = "A03",
    sent: str = "20261120171500",
    nhs_number: str = NHS_NUMBER,
    practice: str = "G99901",
    postcode: str = "TN2 9ZZ",
    discharged: str = "20261120161000",
    method: str = "",
    more: tuple[str, ...] = (),
) -> bytes:
    """Return an ADT message of the Epic dialect, segments ended by CR."""
    lines = [
        f"MSH|^~\\&|EPIC|RJZ|RELAY|RELAY|{sent}||ADT^{event}^ADT_A03|{control_id}|P|2.4"
        "|||||GBR|UNICODE UTF-8|EN",
        f"EVN|{event}|{sent}|||C7777771^TESTCLERK^ANN^^^MS|{discharged}",
        f"PID|1||{nhs_number}^^^NHS^NH~K778899^^^RJZ^MR||XXTESTPATIENT^ROSALIND^^^MRS^^L||19440203|F"
        f"|||1 TEST STREET^^TUNBRIDGE WELLS^KENT^{postcode}^GBR^H||02079460001^PRN^PH",
        f"PD1|||TEST PRACTICE^^{practice}|G9999991^TESTDOCTOR^PAT^^^DR^^^GMC",
        "PV1|1|I|RJZ^DAVIDSON^BED 3^RJZ01|21|||C9999991^TESTCONSULTANT^LEE^^^DR^^^GMC|||315|||||19"
        f"||||V12345678^^^VISITID|||||||||||||||||{method or '19'}||||||||20261112090000"
        f"|{discharged}",
        "DG1|1||C50.9^Malignant neoplasm of breast^I10||20261112|F",
        *more,
    ]
    return "".join(line + "\r" for line in lines).encode()
