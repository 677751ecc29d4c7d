"""What the collaboration is judged by: the same figures at the command line and over HTTP."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.evaluation.figures import is_asked
from service.fhir.systems import ABSENT_EXTENSION, EVALUATION, ODS
from service.fhir.validate import check
from tests.histories import nhs_number
from tests.hl7v2_letters import a03
from tests.relay_client import FHIR, Team
from tests.simulated_days import HOSPICE, SECOND, THIRD, TRUST, Loop, loop_on

pytest_plugins = ["tests.store_fixtures"]

Json = dict[str, Any]
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MARCH = "periodStart=2026-03&periodEnd=2026-03"


@dataclass
class Month:
    """A relay in March, and the Communications of the hospice by patient."""

    loop: Loop
    told: dict[int, str] = field(default_factory=dict)

    def discharge(self, patient: int, postcode: str = "TN2 9ZZ") -> None:
        made = a03(
            control_id=f"E{patient:04d}",
            nhs_number=nhs_number(patient),
            postcode=postcode,
            sent="20260302085500",
            discharged="20260302080000",
        )
        made = made.replace(b"K778899", b"K%d" % patient).replace(b"V12345678", b"V%d" % patient)
        answer = self.loop.team(TRUST).post("/hl7v2", made)
        assert answer.status_code < 300, answer.text
        self.told[patient] = self.loop.feed(HOSPICE)[-1]["id"]

    def say(self, patient: int, *said: Json, status: str = "") -> Any:
        """Acknowledge a patient's notice for the hospice."""
        team = self.loop.team(HOSPICE)
        given = [{"name": "status", "valueCode": status}, *said] if status else [*said]
        return team.http.post(
            f"/fhir/Communication/{self.told[patient]}/$acknowledge",
            json={"resourceType": "Parameters", "parameter": given},
            content_type=FHIR,
            headers={"Authorization": f"Bearer {team.token}"},
        )


@contextmanager
def a_month(url: str, folder: Path) -> Iterator[Month]:
    """Seven patients of the hospice; five answers at once, one after 30 hours, one never."""
    loop = loop_on(url, folder, [MONDAY])
    with loop.relay.store:
        made = Month(loop)
        for patient in range(1, 8):
            made.discharge(patient)
        loop.pass_time(hours=1, step=timedelta(hours=1))
        for patient in range(1, 6):
            said = made.say(patient, outcome("discussed", "2026-03-02"), status="accepted")
            assert said.status_code == 200, said.text
        loop.pass_time(hours=29, step=timedelta(hours=4))
        assert made.say(6, status="accepted").status_code == 200
        assert made.say(1, outcome("treated", "2026-03-02")).status_code == 200
        loop.work()
        yield made


@pytest.fixture(scope="module")
def month(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """One month for the tests that read."""
    folder = tmp_path_factory.mktemp("month")
    shutil.copyfile(sqlite_template, folder / "relay.db")
    with a_month(f"sqlite:///{folder / 'relay.db'}", folder) as made:
        yield made


@pytest.fixture
def answering(sqlite_url: str, tmp_path: Path) -> Iterator[Month]:
    """One patient, whom the hospice has accepted."""
    loop = loop_on(sqlite_url, tmp_path, [MONDAY])
    with loop.relay.store:
        made = Month(loop)
        made.discharge(1)
        made.say(1, status="accepted")
        yield made


def outcome(code: str, day: str) -> Json:
    return {
        "name": "outcome",
        "part": [{"name": "code", "valueCode": code}, {"name": "date", "valueDate": day}],
    }


def report(month: Month, *arguments: str) -> Result:
    folder = str(month.loop.relay.settings.mappings)
    url = month.loop.relay.settings.database
    return CliRunner().invoke(main, ["report", "--database", url, "--mappings", folder, *arguments])


def lines(month: Month, *arguments: str) -> dict[str, dict[str, str]]:
    """The lines of the CSV by code; "" is all."""
    ended = report(month, "--format", "csv", *arguments)
    assert ended.exit_code == 0, ended.output
    return {row["code"]: row for row in csv.DictReader(io.StringIO(ended.stdout))}


def evaluated(team: Team, measure: str, more: str = "") -> Json:
    answer = team.get(f"/fhir/Measure/{measure}/$evaluate-measure?{MARCH}{more}")
    assert answer.status_code == 200, answer.text
    assert check(dict(answer.json)) == []
    return dict(answer.json)


def counts(made: Json) -> dict[str, list[int | str]]:
    """The counts of each group, in the order of its populations; a masked one by why."""
    return {
        group["code"]["coding"][0]["code"]: [_count(one) for one in group["population"]]
        for group in made["group"]
    }


def _count(population: Json) -> int | str:
    if "count" in population:
        return int(population["count"])
    [absent] = population["_count"]["extension"]
    assert absent["url"] == ABSENT_EXTENSION
    return str(absent["valueCode"])


def test_a_teams_figures_are_counted_from_what_it_was_sent_and_said(
    database_url: str, tmp_path: Path
) -> None:
    with a_month(database_url, tmp_path) as month:
        [row] = lines(month, "--from", "2026-03", "--team", HOSPICE).values()

    assert (row["from"], row["to"], row["code"]) == ("2026-03-01", "2026-03-31", HOSPICE)
    assert (row["notified"], row["identified"]) == ("7", "7")
    assert (row["discussed"], row["assessed"], row["treated"]) == ("5", "0", "*")
    assert (row["sent"], row["received"], row["asked"]) == ("7", "6", "7")
    assert (row["acknowledged_24h"], row["acknowledged_72h"]) == ("5", "6")
    assert (row["escalated"], row["median_hours"]) == ("*", "1.0")


def test_over_http_a_team_and_a_trust_get_their_own_alone(month: Month) -> None:
    hospice, trust = month.loop.team(HOSPICE), month.loop.team(TRUST)

    own, sent = evaluated(hospice, "notices"), evaluated(trust, "notices")
    refused = month.loop.team(THIRD).get(
        f"/fhir/Measure/notices/$evaluate-measure?{MARCH}&subject=Organization/{HOSPICE}"
    )

    assert own["reporter"]["identifier"] == {"system": ODS, "value": HOSPICE}
    assert counts(own) == {
        "received": [7, 7, 6],
        "acknowledged-24h": [7, 7, 5],
        "acknowledged-72h": [7, 7, 6],
        "escalated": [7, 7, "masked"],
    }
    scores = [group["measureScore"] for group in own["group"]]
    assert [score.get("value") for score in scores] == [0.8571, 0.7143, 0.8571, None]
    assert counts(sent)["received"][0] > 14  # with its practices' notices and the stand-ins'
    assert refused.status_code == 404


def test_an_operator_gets_everybodys(month: Month) -> None:
    scopes = "operator/MeasureReport.r"
    operator = Team.of(month.loop.relay, "X26", scopes)

    everybody = evaluated(operator, "patients")
    one = evaluated(operator, "patients", f"&reporter=Organization/{HOSPICE}")
    nobody = evaluated(operator, "patients", f"&subject={SECOND}")

    assert "reporter" not in everybody
    assert counts(everybody)["identified"] == counts(one)["identified"] == [7]
    assert counts(nobody)["identified"] == ["masked"]
    assert counts(nobody)["discussed"] == [0]
    assert operator.get("/fhir/Communication").status_code == 403


def test_the_median_is_masked_with_the_number_that_it_is_made_of(month: Month) -> None:
    hospice, second = month.loop.team(HOSPICE), month.loop.team(SECOND)

    [known] = evaluated(hospice, "answer-hours")["group"]
    [unknown] = evaluated(second, "answer-hours")["group"]

    assert known["measureScore"]["value"] == 1.0
    assert (known["measureScore"]["unit"], known["measureScore"]["code"]) == ("hours", "h")
    assert unknown["measureScore"]["extension"][0]["valueCode"] == "not-applicable"


def test_the_same_as_measure_reports_in_a_bundle(month: Month) -> None:
    ended = report(month, "--from", "2026-03", "--by", "team", "--format", "json")
    bundle = json.loads(ended.stdout)

    made = [entry["resource"] for entry in bundle["entry"]]
    of_hospice = [
        one for one in made if one.get("reporter", {}).get("identifier", {}).get("value") == HOSPICE
    ]
    assert check(bundle) == []
    assert [one["measure"].rpartition("/")[2] for one in of_hospice] == [
        *("patients|1.0.0", "notices|1.0.0", "answer-hours|1.0.0")
    ]
    assert {one["period"]["start"] for one in made} == {"2026-03-01"}


def test_a_total_does_not_tell_what_is_suppressed_beside_it(month: Month) -> None:
    parts = lines(month, "--from", "2026-03", "--by", "team")
    total = parts.pop("")

    told = [part["sent"] for part in parts.values()]
    assert {"*"} < set(told) | {"*"}
    assert told.count("*") >= 2 or total["sent"] == "*"
    assert parts[SECOND]["escalated"] == "*"
    assert lines(month, "--from", "2026-03", "--trust", TRUST)[TRUST]["sent"] == total["sent"]


def test_months_are_of_the_day_on_which_something_was_done(month: Month) -> None:
    months = lines(month, "--from", "2026-02", "--to", "2026-04", "--by", "month")

    assert list(months) == ["2026-02", "2026-03", "2026-04", ""]
    assert months["2026-02"]["sent"] == months["2026-04"]["discussed"] == "0"
    assert months["2026-03"]["identified"] == months[""]["identified"] == "7"


def test_what_a_team_did_is_recorded_once_and_never_for_the_future(answering: Month) -> None:
    said = outcome("assessed", "2026-03-02")

    again = [answering.say(1, said).json for _ in range(2)]
    wrong = [
        answering.say(1, outcome(*one)).status_code
        for one in (("assessed", "2026-03-04"), ("cured", "2026-03-02"), ("assessed", "2026-03"))
    ]

    recorded = [one for one in again[1]["output"] if one["type"].get("coding")]
    assert again[0]["meta"]["versionId"] == again[1]["meta"]["versionId"]
    assert [one["type"]["coding"][0]["code"] for one in recorded] == ["assessed"]
    assert wrong == [400, 400, 400]
    [done] = answering.loop.relay.store.evaluations.done(0, 1 << 62)
    assert (done.step, done.recipient, done.sender) == ("assessed", HOSPICE, TRUST)


def test_a_team_records_in_its_task_too(answering: Month) -> None:
    hospice = answering.loop.team(HOSPICE)
    [task] = answering.loop.tasks(HOSPICE)
    done = {"type": {"coding": [{"system": EVALUATION, "code": "assessed"}]}}

    def put(day: str) -> Any:
        after = {**task, "output": [*task.get("output", ()), {**done, "valueDate": day}]}
        version = f'W/"{task["meta"]["versionId"]}"'
        return hospice.put(f"/fhir/Task/{task['id']}", after, If_Match=version)

    future, past = put("2026-03-30"), put("2026-03-02")

    assert (future.status_code, past.status_code) == (422, 200), future.text + past.text
    assert "Task.output[" in future.text
    assert counts(evaluated(hospice, "patients"))["assessed"] == ["masked"]


def test_a_slip_can_be_taken_out_again_and_an_answer_cannot(answering: Month) -> None:
    hospice = answering.loop.team(HOSPICE)
    answering.say(1, outcome("treated", "2026-03-01"), {"name": "role", "valueString": "Nurse"})
    answering.say(1, outcome("assessed", "2026-03-02"), status="completed")
    [task] = answering.loop.tasks(HOSPICE)
    said = [*task["output"], {"type": {"text": "said by"}, "valueString": "Nurse"}]

    def put(output: list[Json]) -> Any:
        version = f'W/"{hospice.get("/fhir/Task/" + task["id"]).json["meta"]["versionId"]}"'
        return hospice.put(f"/fhir/Task/{task['id']}", {**task, "output": output}, If_Match=version)

    more = put(said)
    corrected = put([one for one in said if one.get("valueDate") != "2026-03-01"])
    lost = put(said[:1])

    assert (more.status_code, corrected.status_code, lost.status_code) == (200, 200, 422), lost.text
    done = answering.loop.relay.store.evaluations.done(0, 1 << 62)
    assert [one.step for one in done] == ["assessed"]


def test_a_notice_that_was_taken_back_is_not_waited_for(month: Month) -> None:
    stand_in = lines(month, "--from", "2026-03", "--team", SECOND)[SECOND]

    # asked in the place of the hospice for two; for one of them the hospice answered after all
    assert (stand_in["sent"], stand_in["acknowledged"]) == ("*", "0")
    kept = list(month.loop.relay.store.evaluations.to_teams(0, 1 << 62, [SECOND]))
    assert sorted((one.cancelled is None, is_asked(one)) for one in kept) == [
        *((False, False), (True, True))
    ]
