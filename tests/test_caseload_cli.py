"""A hospice's administrator keeps a caseload at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.caseload_lists import kinds
from tests.cli_runner import relay as run
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team

pytest_plugins = ["tests.store_fixtures"]
HEADING = "NHS number,Date of birth,Surname,Forename,Postcode,Basis\n"


def caseload(database: str, *arguments: object) -> tuple[int, str, str]:
    ended = run("caseload", *arguments, database=database)
    return ended.returncode, ended.stdout, ended.stderr


def test_a_file_is_tried_taken_listed_and_a_patient_taken_off(
    database_url: str, tmp_path: Path
) -> None:
    with quick_relay(database_url) as relay:
        trust, hospice = Team.of(relay, "RJZ"), Team.of(relay, "8HX03")
        trust.post("/hl7v2", a03(postcode="SW1A 9ZZ"))
        file = tmp_path / "patients.csv"
        file.write_text(f"{HEADING}{NHS_NUMBER},03/02/1944,XXTESTPATIENT,Rosalind,,Direct care\n")

        code, said, _ = caseload(database_url, "import", file, "--team", "8HX03", "--dry-run")
        assert (code, "Nothing was changed: 1 added" in said) == (0, True)
        code, said, progress = caseload(database_url, "import", file, "--team", "8HX03")
        assert (code, "1 events of the last days delivered" in said) == (0, True)
        assert "1 of 1" in progress
        assert kinds(hospice) == ["discharge"]
        _, listed, _ = caseload(database_url, "list", "--team", "8HX03")
        assert NHS_NUMBER in listed
        assert "operator:" in listed
        off = ("remove", "--team", "8HX03", "--nhs-number", NHS_NUMBER)
        assert caseload(database_url, *off)[0] == 0
        assert caseload(database_url, *off)[0] != 0


def test_a_file_with_faults_is_refused_with_line_and_column(
    sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(f"{HEADING}9990123455,03/02/1944,,,,Direct care\n{NHS_NUMBER},soon,,,,\n")

    code, said, told = caseload(sqlite_url, "import", file, "--team", "8HX03")

    assert (code, said) == (1, "")
    assert "line 2, column nhs_number: the check digit" in told
    assert "line 3, column birth_date" in told
    assert "line 3, column basis_text" in told
    assert "9990123455" not in told


@pytest.mark.parametrize(("verdict", "delivered"), [("accept", 1), ("reject", 0)])
def test_an_operator_compares_both_sides_and_decides(
    sqlite_url: str, verdict: str, delivered: int
) -> None:
    with quick_relay(sqlite_url) as relay:
        Team.of(relay, "RJZ").post("/hl7v2", a03(postcode="SW1A 9ZZ"))
        born = ("--nhs-number", NHS_NUMBER, "--born", "1944-03-02", "--basis", "Direct care")
        code, said, _ = caseload(sqlite_url, "add", "--team", "8HX03", *born)
        assert (code, "1 near matches to decide" in said) == (0, True)
        _, waiting, _ = caseload(sqlite_url, "reviews")
        review = next(line.split()[0] for line in waiting.splitlines() if "8HX03" in line)

        _, both, _ = caseload(sqlite_url, "compare", review)
        assert "1944-03-02" in both
        assert "1944-02-03" in both
        assert caseload(sqlite_url, verdict, review, "--reason", "asked")[0] == 0

        assert len(relay.store.feed("8HX03", None, 10).events) == delivered
        assert caseload(sqlite_url, verdict, review, "--reason", "asked")[0] != 0
