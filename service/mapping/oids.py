"""OIDs as CDA and HL7 v3 name code systems and identifiers, to the URIs that FHIR has for them.

Sources: https://hl7.org/fhir/R4/terminologies-systems.html, https://terminology.hl7.org (HL7's
own), UK Core and the NHS's ITK domain message specifications (roots 2.16.840.1.113883.2.1 and
1.2.826.0.1285). An OID that is not here is still a URI: urn:oid:….
"""

from __future__ import annotations

import re
from typing import Final

_THO: Final = "http://terminology.hl7.org/CodeSystem/"
URIS: Final[dict[str, str]] = {
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.2.1.3.2.4.15": "http://snomed.info/sct",  # its UK edition
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.103": "http://hl7.org/fhir/sid/icd-9-cm",
    "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc",
    "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "2.16.840.1.113883.6.101": "http://nucc.org/provider-taxonomy",
    "2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
    "2.16.840.1.113883.4.9": "http://fdasis.nlm.nih.gov",
    "2.16.840.1.113883.6.8": "http://unitsofmeasure.org",
    "2.16.840.1.113883.6.29": "http://read.info/readv2",
    "2.16.840.1.113883.2.1.3.2.4.14": "http://read.info/ctv3",
    "2.16.840.1.113883.5.1": f"{_THO}v3-AdministrativeGender",
    "2.16.840.1.113883.5.4": f"{_THO}v3-ActCode",
    "2.16.840.1.113883.5.7": f"{_THO}v3-ActPriority",
    "2.16.840.1.113883.5.25": f"{_THO}v3-Confidentiality",
    "2.16.840.1.113883.5.83": f"{_THO}v3-ObservationInterpretation",
    "2.16.840.1.113883.5.88": f"{_THO}v3-ParticipationFunction",
    "2.16.840.1.113883.5.110": f"{_THO}v3-RoleClass",
    "2.16.840.1.113883.5.111": f"{_THO}v3-RoleCode",
    "2.16.840.1.113883.1.11.19563": f"{_THO}v3-RoleCode",  # a value set of it, sent as a system
    "2.16.840.1.113883.12.112": f"{_THO}v2-0112",
    "2.16.840.1.113883.12.443": f"{_THO}v2-0443",
    "2.16.840.1.113883.4.1": "http://hl7.org/fhir/sid/us-ssn",
    "2.16.840.1.113883.4.6": "http://hl7.org/fhir/sid/us-npi",
    "2.16.840.1.113883.2.1.4.1": "https://fhir.nhs.uk/Id/nhs-number",
    "2.16.840.1.113883.2.1.3.2.4.19.1": "https://fhir.nhs.uk/Id/ods-organization-code",
    "2.16.840.1.113883.2.1.3.2.4.19.2": "https://fhir.nhs.uk/Id/ods-site-code",
    "1.2.826.0.1285.0.1.10": "https://fhir.nhs.uk/Id/ods-organization-code",
    "2.16.840.1.113883.2.1.4.3": "https://fhir.nhs.uk/Id/ods-organization-code",
    "1.2.826.0.1285.0.2.0.65": "https://fhir.nhs.uk/Id/sds-user-id",
    "1.2.826.0.1285.0.2.0.67": "https://fhir.nhs.uk/Id/sds-role-profile-id",
}
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)


def uri_of(text: str) -> str:
    """Return the URI of an OID or a UUID; a URI is itself.

    Raises ValueError for anything else.
    """
    told = text.strip()
    if told in URIS:
        return URIS[told]
    if _OID.fullmatch(told):
        return f"urn:oid:{told}"
    if _UUID.fullmatch(told):
        return f"urn:uuid:{told.lower()}"
    if _URI.fullmatch(told):
        return told
    raise ValueError("neither an OID, a UUID nor a URI")
