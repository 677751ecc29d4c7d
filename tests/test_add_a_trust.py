"""docs/add-a-trust.md as a newcomer follows it: its files work as printed, its list is complete."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from mapping_samples import FOLDER, ROOT, doubts, fact, read, shipped

from service import model
from service.delivery.directory import Directory
from service.delivery.routing import Routing
from service.formats import FORMATS
from service.mapping import Mappings, check
from service.model import OdsCode

PAGE = (ROOT / "docs" / "add-a-trust.md").read_text("utf-8")
RX5 = OdsCode("RX5")


def block(language: str, number: int = 0) -> str:
    """A block of code of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mappings as they are after steps 2, 3 and 5 of the page."""
    copy = tmp_path_factory.mktemp("home") / "my-mappings"
    shutil.copytree(FOLDER, copy)
    for other in copy.glob("r*-*.yaml"):  # other trusts' files only cost time here
        other.unlink()
    (copy / "examples" / "rx5-a03-home.hl7").write_text(block("hl7"), "utf-8")
    (copy / "tables" / "rx5-destination.csv").write_text(block("csv"), "utf-8")
    (copy / "rx5-adt.yaml").write_text(block("yaml"), "utf-8")
    directory = copy / "directory.yaml"
    directory.write_text(directory.read_text("utf-8") + block("yaml", 1), "utf-8")
    return copy


def test_without_a_mapping_the_base_does_not_find_the_number_and_flags_the_destination() -> None:
    source = read(block("hl7").encode())

    mapping = shipped().for_source(RX5, source)
    transfer = mapping.apply(source, RX5)

    assert mapping.id == "base/hl7v2-adt"
    assert transfer.patient.nhs_number is None
    assert "encounter.discharge_method" in doubts(transfer)


def test_the_printed_files_load_once_their_example_is_accepted(folder: Path) -> None:
    before = check(folder, formats=FORMATS)
    report = next(one for one in before.mappings if one.id == "rx5-adt")
    assert ["is missing" in fault.text for fault in report.faults] == [True]

    written = shipped_with(folder).accept_examples()

    assert [path.name for path in written] == ["rx5-a03-home.expected.json"]
    after = next(one for one in check(folder, formats=FORMATS).mappings if one.id == "rx5-adt")
    assert after.faults == ()
    assert [one.unread for one in after.examples] == [()]


def shipped_with(folder: Path) -> Mappings:
    return Mappings.load(folder, formats=FORMATS, keep_good=True)


def test_the_printed_mapping_reads_the_printed_message(folder: Path) -> None:
    mappings = shipped_with(folder)
    mappings.accept_examples()
    mappings.reload()
    source = read(block("hl7").encode())

    transfer = mappings.for_source(RX5, source).apply(source, RX5)

    assert transfer.kind == "discharge"
    assert transfer.patient.nhs_number == "9990001251"
    assert transfer.patient.nhs_number_status == "02"
    assert fact(transfer, "encounter.discharge_destination.code") == "88"
    assert fact(transfer, "encounter.discharged_at") == "2025-05-14T16:15:00+01:00"
    assert doubts(transfer) == set()
    whom = {each.ods for each in Routing.load(folder).recipients(transfer).recipients}
    assert whom == {"8HX01", "G99901"}
    died = block("hl7").replace("|HOSP|", "|XD|")
    death = read(died.encode())
    assert mappings.for_source(RX5, death).apply(death, RX5).kind == "death"


def test_the_printed_directory_entry_is_taken(folder: Path) -> None:
    assert Directory.load(folder).name_of(RX5) == "Sample Hospital"


def test_every_shipped_base_is_on_the_page() -> None:
    assert {mapping.id for mapping in shipped() if mapping.is_base} == set(
        re.findall(r"^\| `(base/[a-z0-9-]+)`", PAGE, re.MULTILINE)
    )


RECORDS = {
    "message": model.Message,
    "patient": model.Patient,
    "encounter": model.Encounter,
    "diagnoses": model.Diagnosis,
    "procedures": model.Procedure,
    "medications": model.Medication,
    "allergies": model.Allergy,
    "sections": model.Section,
    "requests": model.Request,
    "recipients": model.Recipient,
    "documents": model.Document,
    "CODED": model.Coded,
    "IDENTIFIER": model.Identifier,
    "ORGANISATION": model.Organisation,
    "PERSON": model.Practitioner,
    "ADDRESS": model.Address,
    "TELECOM": model.Telecom,
    "patient.contacts": model.Contact,
}


@pytest.mark.parametrize("name", RECORDS)
def test_every_target_is_on_the_page(name: str) -> None:
    targets = PAGE[PAGE.index("## Every target") :]
    lines = [line for line in targets.splitlines() if name in line]
    named = set(re.findall(r"`(?:[a-z]+\.)*([a-z_]+)(?:\[\])?`", "\n".join(lines)))

    wanted = {field.name for field in dataclasses.fields(RECORDS[name])} - {"sender"}
    assert wanted - named == set()
