"""A month at a hospice: seven patients, and what became of them; reports of it in every shape."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from service.cli import main
from service.fhir.systems import ABSENT_EXTENSION
from service.fhir.validate import check
from tests.histories import nhs_number
from tests.hl7v2_letters import a03
from tests.relay_client import FHIR, Team
from tests.simulated_days import HOSPICE, TRUST, Loop, loop_on

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
