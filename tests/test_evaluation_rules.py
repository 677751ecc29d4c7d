"""Periods, small numbers, and what was noted before there were figures."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from service.cli import main
from service.evaluation import COUNTS, Period, Row
from service.evaluation.concealment import LEAST, concealed
from service.evaluation.figures import is_asked
from service.store.migrating import MIGRATIONS
from tests.caseload_lists import put
from tests.hl7v2_letters import a03
from tests.mllp_wire import quick_relay
from tests.relay_client import Team
from tests.simulated_days import HOSPICE, Loop

pytest_plugins = ["tests.loop_fixtures"]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-02", "", ("2026-02-01", "2026-02-28")),
        ("2024-02", "", ("2024-02-01", "2024-02-29")),
        ("2025-12", "2026-01", ("2025-12-01", "2026-01-31")),
        ("2026-03-29", "", ("2026-03-29", "2026-03-29")),
        ("2026-01-15", "2026-02", ("2026-01-15", "2026-02-28")),
        ("2025", "", ("2025-01-01", "2025-12-31")),
    ],
)
def test_a_period_is_days_months_or_years(start: str, end: str, days: tuple[str, str]) -> None:
    period = Period.parse(start, end)

    assert (period.start.isoformat(), period.end.isoformat()) == days


def test_a_day_begins_and_ends_in_london() -> None:
    summer_begins = Period.parse("2026-03-29")

    assert (summer_begins.until - summer_begins.since) // 3_600_000_000 == 23
    assert Period.last_month(date(2026, 1, 31)) == Period.parse("2025-12")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-13"), "'2026-13' is no time: write 2026-11"),
        (("--from", "last month"), "'last month' is no time"),
        (("--from", "2026-03", "--to", "2026-02"), "2026-02 is before 2026-03"),
        (("--from", "1926-03", "--to", "2026-02"), "more than 20 years"),
        (("--from", "2999-01"), "has not begun"),
        (("--to", "2026-02"), "--to needs --from"),
        (("--team", "no code"), "'--team'"),
        (("--team", "8HX99"), "nothing was ever sent to 8HX99"),
        (("--trust", "RZZ"), "the directory has no RZZ"),
        (("--by", "patient"), "'--by'"),
    ],
)
def test_what_cannot_be_reported_is_said(
    sqlite_url: str, arguments: tuple[str, ...], said: str
) -> None:
    ended = CliRunner().invoke(main, ["report", "--database", sqlite_url, *arguments])

    assert ended.exit_code in (1, 2)
    assert said in ended.output


NOT_EVALUATED = (
    ("", 400, "periodStart and periodEnd must be said"),
    ("periodStart=2026-03&periodEnd=soon", 400, "'soon' is no time"),
    ("periodStart=2999&periodEnd=2999", 400, "has not begun"),
    ("periodStart=2026&periodEnd=2026&subject=Patient/1", 400, "Figures are of an"),
    ("periodStart=2026&periodEnd=2026&reportType=subject-list", 400, "of many patients"),
    ("periodStart=2026&periodEnd=2026&practitioner=Practitioner/1", 400, "is not served"),
    ("periodStart=2026&periodEnd=2026&colour=red", 400, "The parameters are"),
    ("periodStart=2026&periodEnd=2026&subject=Organization/RVV", 404, "not yours to see"),
)


def test_what_cannot_be_evaluated_is_said(sqlite_url: str) -> None:
    with quick_relay(sqlite_url) as relay:
        team = Team.of(relay, HOSPICE)
        for query, status, said in NOT_EVALUATED:
            answer = team.get(f"/fhir/Measure/notices/$evaluate-measure?{query}")

            assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")
            assert said in answer.text


def test_measures_are_read_found_and_evaluated_by_whoever_may(sqlite_url: str) -> None:
    when = "periodStart=2026-03&periodEnd=2026-03"
    with quick_relay(sqlite_url) as relay:
        team = Team.of(relay, HOSPICE, "system/Measure.rs system/MeasureReport.r")
        one = team.get("/fhir/Measure/patients").json
        found = team.get(f"/fhir/Measure?url={one['url']}").json
        named = team.get(f"/fhir/Measure/$evaluate-measure?{when}&measure={one['url']}|1.0.0")
        posted = team.post(
            "/fhir/Measure/patients/$evaluate-measure",
            b'{"resourceType": "Parameters", "parameter": ['
            b'{"name": "periodStart", "valueDate": "2026-03"},'
            b'{"name": "periodEnd", "valueDate": "2026-03"}]}',
            "application/fhir+json",
        )
        nothing = team.get("/fhir/Measure/beauty")
        without = Team.of(relay, HOSPICE, "system/Task.rs system/Measure.r")
        refused = without.get(f"/fhir/Measure/patients/$evaluate-measure?{when}")

    assert [entry["resource"]["id"] for entry in found["entry"]] == ["patients"]
    assert named.json["group"] == posted.json["group"]
    assert named.json["measure"] == f"{one['url']}|1.0.0"
    assert (nothing.status_code, refused.status_code) == (404, 403)


def row(label: str, *values: int) -> Row:
    return Row(label=label, counts=dict(zip(COUNTS, values, strict=True)), hours=1.0)


NUMBERS = st.lists(st.integers(0, 12), min_size=len(COUNTS), max_size=len(COUNTS))


@given(st.lists(NUMBERS, max_size=6))
def test_no_small_number_is_told_or_left_to_be_reckoned(parts: list[list[int]]) -> None:
    exact = [row(str(n), *part) for n, part in enumerate(parts)]
    sums = [sum(column) for column in zip(*parts, strict=True)] or [0] * len(COUNTS)

    told, total = concealed(exact, row("", *sums))

    for name in COUNTS:
        values = [part.counts[name] for part in told]
        hidden = [e.counts[name] for e, value in zip(exact, values, strict=True) if value is None]
        assert not any(value is not None and 0 < value < LEAST for value in values)
        assert total.counts[name] is None or not 0 < (total.counts[name] or 0) < LEAST
        if hidden and total.counts[name] is not None:
            assert len(hidden) > 1
            assert max(hidden) >= LEAST
    for part in (*told, total):
        assert (part.hours is None) == (part.counts["acknowledged"] is None)


def test_what_happened_before_there_were_figures_is_counted_too(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(hours=2)
    loop.answer(HOSPICE, "received")
    loop.pass_time(hours=23)
    loop.answer(HOSPICE, "accepted")
    loop.work()
    kept = loop.relay.store.evaluations
    before = list(kept.to_teams(0, 1 << 62))
    assert any(one.escalated and one.answered and one.received for one in before)
    assert any(one.cancelled for one in before)

    _migrate_again(loop.relay.settings.database)

    assert list(kept.to_teams(0, 1 << 62)) == before


def _migrate_again(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
        command.upgrade(config, "head")
    engine.dispose()


def test_a_trust_does_not_learn_from_figures_who_has_its_patient_on_a_caseload(
    sqlite_url: str,
) -> None:
    with quick_relay(sqlite_url) as relay:
        put(relay, HOSPICE)
        Team.of(relay, "RJZ").post("/hl7v2", a03(postcode="SW1A 9ZZ"))
        kept = relay.store.evaluations
        of_trust = {one.recipient for one in kept.of_trust(0, 1 << 62, "RJZ")}
        [of_hospice] = kept.to_teams(0, 1 << 62, [HOSPICE])

    assert of_trust == {"G99901"}
    assert (of_hospice.sender, is_asked(of_hospice)) == ("", False)  # it knows the patient


def test_what_is_no_longer_kept_is_said(sqlite_url: str) -> None:
    with quick_relay(sqlite_url) as relay:
        Team.of(relay, "RJZ").post("/hl7v2", a03())
        relay.store.forget(HOSPICE, 1)
    now = date.today().isoformat()  # noqa: DTZ011

    ended = CliRunner().invoke(main, ["report", "--database", sqlite_url, "--from", now])

    assert f"no longer kept, of {HOSPICE}" in ended.output
