"""Letters and rows over HTTP: what the sender is told, what the recipients get."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.app import Relay
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = Path(__file__).resolve().parents[1] / "mappings" / "examples"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LETTERS = [
    ("RX9", "base/letter-pdf", "base-letter-pdf.pdf", "application/pdf"),
    ("RX9", "base/letter-docx", "base-letter-docx.docx", WORD),
    ("RX9", "base/letter-html", "base-letter-html.html", "text/html"),
]


@pytest.mark.parametrize(("sender", "mapping", "name", "media_type"), LETTERS)
def test_a_letter_reaches_the_practice_with_its_sections_and_itself(
    relay: Relay, sender: str, mapping: str, name: str, media_type: str
) -> None:
    body = (EXAMPLES / name).read_bytes()

    response = Team.of(relay, sender).post(f"/intake/{mapping}", body, media_type)

    practice = Team.of(relay, "G99901")
    assert response.status_code == 201, response.text
    (communication,) = practice.feed()
    assert communication["subject"]["identifier"]["value"] == "9990001251"
    (request,) = practice.get("/fhir/ServiceRequest").get_json()["entry"]
    assert "Please review analgesia within a week." in request["resource"]["note"][0]["text"]
    letters = practice.get("/fhir/DocumentReference").get_json()["entry"]
    kinds = {one["resource"]["content"][0]["attachment"]["contentType"] for one in letters}
    assert media_type in kinds


def test_a_letter_sent_twice_is_one_event(relay: Relay) -> None:
    body = (EXAMPLES / "base-letter-pdf.pdf").read_bytes()
    sender = Team.of(relay, "RX9")
    first = sender.post("/intake/base/letter-pdf", body, "application/pdf")
    second = sender.post("/intake/base/letter-pdf", body, "application/pdf")

    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert len(Team.of(relay, "G99901").feed()) == 1


def test_a_letter_that_another_mapping_is_for_is_refused_and_told_what_this_one_takes(
    relay: Relay,
) -> None:
    body = (EXAMPLES / "base-letter-pdf.pdf").read_bytes()
    response = Team.of(relay, "RJZ").post("/intake/rjz-letter-pdf", body, "application/pdf")

    assert response.status_code == 422
    assert "letters of the Emergency Department" in response.text
    assert "9990001251" not in response.text


def rows(*more: str) -> bytes:
    """Return Medway's list with two rows, and these."""
    header = (EXAMPLES / "rpa-list-csv.csv").read_bytes().decode().partition("\r\n")[0]
    plain = "SP9{0};{1};M9{0};XXTESTSAMPLE;{2};01/02/1940;M;;;G99901;;13/05/2025;7;1;19;;;"
    first, second = plain.format("1", "9990000018", "TOM"), plain.format("2", "9990000026", "UNA")
    return "\r\n".join([header, first, second, *more]).encode()


WRONG = "SP93;9990001251;M93;XXTESTSAMPLE;ROSA;01/02/1940;M;;;G99901;;13/05/2025;7;1;19;;;"


def test_every_row_of_a_list_is_an_event_of_its_own(relay: Relay) -> None:
    sender = Team.of(relay, "RPA")
    response = sender.post("/intake/rpa-list-csv", rows(), "text/csv")

    assert response.status_code == 201, response.text
    told = [issue["diagnostics"] for issue in response.get_json()["issue"]]
    assert told[0] == "All 2 rows are stored."
    assert [text.partition(":")[0] for text in told if "delivered to" in text] == [
        "line 2",
        "line 3",
    ]
    assert len(Team.of(relay, "G99901").feed()) == 2


def test_a_list_that_grew_tells_only_of_what_is_new(relay: Relay) -> None:
    sender = Team.of(relay, "RPA")
    sender.post("/intake/rpa-list-csv", rows(), "text/csv")
    response = sender.post("/intake/rpa-list-csv", rows(WRONG), "text/csv")

    assert response.status_code == 201
    assert len(Team.of(relay, "G99901").feed()) == 3


def test_a_row_that_is_refused_is_told_with_its_line_and_keeps_no_other_back(
    relay: Relay, tmp_path: Path
) -> None:
    from service.formats import FORMATS
    from service.mapping import Mappings

    mapping = (EXAMPLES.parent / "rpa-list-csv.yaml").read_text()
    strict = "{from: Date of Birth, as: {date: DD/MM/YYYY}, required: true}"
    folder = _strict_mappings(
        tmp_path, mapping.replace("{from: Date of Birth, as: {date: DD/MM/YYYY}}", strict)
    )
    relay.pipeline._mappings = Mappings.load(folder, formats=FORMATS)
    sender = Team.of(relay, "RPA")

    response = sender.post(
        "/intake/rpa-list-csv", rows(WRONG.replace("01/02/1940", "1940")), "text/csv"
    )

    issues = response.get_json()["issue"]
    assert response.status_code == 422
    assert issues[0]["diagnostics"].startswith("1 of 3 rows were refused; the others are stored.")
    assert any("line 4" in one["diagnostics"] and one["severity"] == "error" for one in issues)
    assert "XXTESTSAMPLE" not in response.text
    assert len(Team.of(relay, "G99901").feed()) == 2


def _strict_mappings(folder: Path, mapping: str) -> Path:
    """Return a folder with this mapping, its tables and its example."""
    import shutil

    shutil.copytree(EXAMPLES.parent / "tables", folder / "tables")
    (folder / "examples").mkdir()
    for path in EXAMPLES.glob("rpa-list-csv.*"):
        shutil.copy(path, folder / "examples")
    (folder / "rpa-list-csv.yaml").write_text(mapping)
    return folder


def test_a_list_that_is_no_csv_is_refused_with_every_line_at_fault(relay: Relay) -> None:
    response = Team.of(relay, "RPA").post("/intake/rpa-list-csv", rows("1;2", "3"), "text/csv")

    assert response.status_code == 400
    told = [issue["diagnostics"] for issue in response.get_json()["issue"]]
    assert [text.partition("(at ")[2] for text in told] == [
        "line 4: 2 values for 18 columns)",
        "line 5: 1 values for 18 columns)",
    ]
    assert not Team.of(relay, "G99901").feed()


def test_the_letter_itself_can_be_fetched_byte_for_byte(relay: Relay) -> None:
    body = (EXAMPLES / "rvv-letter-html.htm").read_bytes()
    sender = Team.of(relay, "RVV")
    response = sender.post("/intake/rvv-letter-html", body, "text/html")
    assert response.status_code == 201, response.text

    entries = sender.get("/fhir/DocumentReference").get_json()["entry"]
    urls = {
        one["resource"]["content"][0]["attachment"]["url"]
        for one in entries
        if one["resource"]["content"][0]["attachment"]["contentType"] == "text/html"
    }
    contents = [sender.get(f"/fhir/{url.partition('/fhir/')[2] or url}").data for url in urls]
    assert body in contents
