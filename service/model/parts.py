"""The records that others are made of: a code, an identifier, an organisation, a person."""

from __future__ import annotations

from dataclasses import dataclass

from service.model.identity import OdsCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Coded:
    """A concept: a code with its system, a text, or both."""

    code: str | None = None
    system: str | None = None  # URI
    display: str | None = None  # the code system's own words
    text: str | None = None  # the sender's words


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifier:
    """A business identifier."""

    value: str
    system: str | None = None  # URI; made from the sender when the source names none
    authority: str | None = None  # assigning authority as sent, e.g. "RJZ", "VISITID"
    type: str | None = None  # HL7 table 0203, e.g. "MR", "VN", "PLAC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Organisation:
    """An organisation or service, by ODS code, name or both."""

    ods: OdsCode | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Practitioner:
    """A named professional."""

    id: str | None = None
    id_system: str | None = None  # URI, e.g. https://fhir.hl7.org.uk/Id/gmc-number
    family: str | None = None
    given: tuple[str, ...] = ()
    prefix: str | None = None
    name: str | None = None  # the whole name, where the source does not part it
    role: str | None = None
    organisation: Organisation | None = None
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A postal address as sent."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    district: str | None = None  # county
    postcode: str | None = None
    country: str | None = None
    use: str | None = None  # FHIR address-use: home | work | temp | old
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Telecom:
    """A telephone number or an e-mail address."""

    value: str
    system: str | None = None  # FHIR contact-point-system: phone | email | fax | …
    use: str | None = None  # FHIR contact-point-use: home | work | mobile | …


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Somebody close to the patient: next of kin, carer, whom to call."""

    family: str | None = None
    given: tuple[str, ...] = ()
    prefix: str | None = None
    name: str | None = None  # the whole name, where the source does not part it
    relationship: Coded | None = None
    telecoms: tuple[Telecom, ...] = ()
    address: Address | None = None
