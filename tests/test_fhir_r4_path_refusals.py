"""Paths into FHIR R4 that are refused when they are loaded, and what a path says of itself."""

from __future__ import annotations

import pytest

from service.formats.fhir_r4 import FORMAT

STRUCTURED = [
    "Patient.name",
    "Patient",
    "ServiceRequest.code.coding",
    "Patient.name.where(use='old')",
]
TEXTUAL = ["Patient.name.given", "Observation.value", "value", "focus()", "Patient.name.exists()"]


@pytest.mark.parametrize("text", STRUCTURED)
def test_a_path_that_surely_ends_at_a_structure_says_so(text: str) -> None:
    assert FORMAT.compile_path(text).structured


@pytest.mark.parametrize("text", TEXTUAL)
def test_a_path_that_may_end_at_a_text_says_so(text: str) -> None:
    assert not FORMAT.compile_path(text).structured


REFUSED = [
    ("", "column 1"),
    ("Patient.nmae", "Patient has no element 'nmae'; 'name' is one (column 9"),
    ("Patient.name.givn", "HumanName has no element 'givn'; 'given'"),
    ("Patent.name", "Patent is no resource type of R4"),
    ("Patient.name.onset", "HumanName has no element 'onset'"),
    ("nothingLikeThis", "R4 has no element 'nothingLikeThis'"),
    ("Patient.name[", "a number (0 is the first) is due here (column 14"),
    ("Patient.name[-1]", "not understood"),
    ("Patient.name[1.5]", "a number (0 is the first)"),
    ("Patient.name[0", "']' is due here"),
    ("Patient..name", "an element or a function is due here (column 9"),
    ("Patient.name.where(use='old'", "')' is due here"),
    ("Patient.name.where()", "where() with 0 arguments is not known"),
    ("Patient.name.upper()", "upper() with 0 arguments is not known; there are contains"),
    ("Patient.name.given.matches(use)", "matches() with 1 arguments is not known"),
    ("Patient.name.given.matches('(a+)+')", "none after )"),
    ("Patient.name.given.matches('a*b*')", "one * or + at most"),
    (r"Patient.name.given.matches('\d')", r"\d is no escape in a text; a backslash is written \\"),
    (r"'\u12'", r"\u is no escape"),
    ("Patient.name.given.matches('[')", "no regular expression"),
    ("Patient.name.ofType(Period)", "this is never Period, but HumanName"),
    ("Patient.deceased.ofType(Flat)", "a type of R4 is due here"),
    ("Patient.name 'x'", "''x'' is not expected"),
    ("Patient.name = ", "an element or a function is due here"),
    ("()", "something is due between ( and )"),
    ("Patient.name + 1", "not understood"),
    ("Composition.repeat(section.title)", "repeat() takes the name of one element"),
    ("Patient." + "x" * 2000, "at most 2000 characters"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_a_wrong_path_is_refused_when_it_is_loaded_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"\(column \d+ of ") as refusal:
        FORMAT.compile_path(text)

    assert reason in str(refusal.value)


def test_a_path_keeps_its_text() -> None:
    path = FORMAT.compile_path("Patient.id")

    assert path.text == "Patient.id"
