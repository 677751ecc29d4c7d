"""What a team says of one patient on its list, read strictly: every fault, and no value in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from service.delivery.caseloads import KINDS, USUAL_KINDS
from service.model import NhsNumber
from service.store import Basis, Entry

_BRITISH: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_SEPARATORS: Final = re.compile(r"[;,\s]+")
LONGEST: Final = 200  # letters of a text


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One patient as a team lists it."""

    nhs_number: str
    birth_date: str
    family: str = ""
    given: str = ""
    postcode: str = ""
    kinds: tuple[str, ...] = USUAL_KINDS
    basis: Basis
    starts: str
    ends: str = ""

    def entry(self, team: str, id_: str, by: str) -> Entry:
        """Return it as the store keeps it."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Entry(id=id_, team=team, added_by=by, **said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with one field; never what stands there."""

    field: str
    text: str


class FaultyMember(Exception):
    """A patient cannot be put on a list; `faults` says why."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.field}: {fault.text}" for fault in faults))


def read_member(said: Mapping[str, str], today: str) -> Member:
    """Return one patient out of texts by field. Raises FaultyMember with every fault."""
    reading = _Reading({name: text.strip() for name, text in said.items()}, today)
    member = reading.member()
    if reading.faults:
        raise FaultyMember(tuple(reading.faults))
    return member


class _Reading:
    """Gathers the faults of one patient while its fields are read."""

    def __init__(self, said: Mapping[str, str], today: str) -> None:
        self._said, self._today = said, today
        self.faults: list[Fault] = []

    def member(self) -> Member:
        """Return the patient; worth something only without faults."""
        starts, ends = self._date("start") or self._today, self._date("end")
        if ends and ends < starts:
            self._fault("end", "the end is before the start")
        return Member(
            nhs_number=self._number(),
            birth_date=self._birth_date(),
            family=self._text("family"),
            given=self._text("given"),
            postcode=self._text("postcode"),
            kinds=tuple(self._kinds()) or USUAL_KINDS,
            basis=self._basis(),
            starts=starts,
            ends=ends,
        )

    def _number(self) -> str:
        text = self._text("nhs_number")
        try:
            return NhsNumber.parse(text)
        except ValueError as fault:
            self._fault("nhs_number", str(fault) if text else "an NHS number is needed")
            return ""

    def _birth_date(self) -> str:
        born = self._date("birth_date")
        if not self._text("birth_date"):
            self._fault("birth_date", "a date of birth is needed")
        elif born > self._today:
            self._fault("birth_date", "the date of birth is in the future")
        return born

    def _date(self, field: str) -> str:
        text = self._text(field)
        british = _BRITISH.fullmatch(text)
        day, month, year = british.groups() if british else ("", "", "")
        written = f"{year}-{month:0>2}-{day:0>2}" if british else text
        try:
            return date.fromisoformat(written).isoformat() if text else ""
        except ValueError:
            self._fault(field, "a date is YYYY-MM-DD or DD/MM/YYYY, and in the calendar")
            return ""

    def _kinds(self) -> Iterator[str]:
        for kind in dict.fromkeys(filter(None, _SEPARATORS.split(self._text("kinds")))):
            if kind in KINDS:
                yield kind
            else:
                self._fault("kinds", f"what a team can ask for is {', '.join(KINDS)}")

    def _basis(self) -> Basis:
        parts = {name: self._text(f"basis_{name}") for name in ("system", "code", "text")}
        if not parts["code"] and not parts["text"]:
            self._fault(
                "basis_text", "the basis on which the team may hear of the patient is needed"
            )
        return Basis(**parts)

    def _text(self, field: str) -> str:
        text = self._said.get(field, "")
        if len(text) > LONGEST or not text.isprintable():
            self._fault(field, f"at most {LONGEST} letters in one line are taken")
            return ""
        return text

    def _fault(self, field: str, text: str) -> None:
        fault = Fault(field=field, text=text)
        if fault not in self.faults:
            self.faults.append(fault)
