"""What the collaboration is judged by: the same figures at the command line and over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.evaluation.figures import is_asked
from service.fhir.systems import EVALUATION, ODS
from service.fhir.validate import check
from tests.evaluated_month import (
    MARCH,
    MONDAY,
    Json,
    Month,
    a_month,
    counts,
    evaluated,
    lines,
    outcome,
    report,
)
from tests.relay_client import Team
from tests.simulated_days import HOSPICE, SECOND, THIRD, TRUST, loop_on

pytest_plugins = ["tests.store_fixtures"]


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

    ended = report(
        month, *("--from", "2026-03-02", "--to", "2026-04", "--by", "month", "--format", "json")
    )
    made = [entry["resource"]["period"] for entry in json.loads(ended.stdout)["entry"]]
    assert made[3] == {"start": "2026-03-02", "end": "2026-03-31"}
    assert made[6] == {"start": "2026-04-01", "end": "2026-04-30"}


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
