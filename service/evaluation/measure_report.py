"""Figures as https://hl7.org/fhir/R4/measurereport.html: a summary for one Measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.evaluation.evaluating import Report
from service.evaluation.figures import COUNTS, Row
from service.evaluation.measures import MEASURES, measure
from service.fhir.build.wording import narrative
from service.fhir.systems import ABSENT_EXTENSION, EVALUATION, ODS
from service.model import Instant

Resource = dict[str, Any]
_POPULATION: Final = "http://terminology.hl7.org/CodeSystem/measure-population"
_IMPROVEMENT: Final = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"
_DENOMINATORS: Final = {"received": "sent"}  # of the others: those asked to act
_SUPPRESSED: Final = "1 to 4, or another number's difference, is not told"


def measure_reports(report: Report, now: Instant) -> Iterator[Resource]:
    """Yield a MeasureReport for each Measure, of all and then of each part."""
    for row in (report.total, *report.rows):
        for id_ in MEASURES:
            yield measure_report(id_, report, row, now)


def measure_report(
    id_: str, report: Report, row: Row, now: Instant, reporter: str = ""
) -> Resource:
    """Return one Measure's report of a row; `reporter`: ODS code of the row's, if one is."""
    ours = measure(id_)
    groups = [_group(id_, code, row) for code in MEASURES[id_]]
    organisation = reporter or (row.label if row.label.isalnum() else "")
    made: Resource = {
        "resourceType": "MeasureReport",
        "text": narrative(_words(id_, report, row)),
        "status": "complete",
        "type": "summary",
        "measure": f"{ours['url']}|{ours['version']}",
        "date": now.isoformat(),
        "reporter": {"type": "Organization", "identifier": {"system": ODS, "value": organisation}},
        "period": _period(report, row),
        "group": groups,
    }
    if not organisation:
        del made["reporter"]
    return made


def _period(report: Report, row: Row) -> dict[str, str]:
    month = next((m for m in report.period.months() if f"{m.start:%Y-%m}" == row.label), None)
    told = month or report.period
    return {"start": told.start.isoformat(), "end": told.end.isoformat()}


def _group(id_: str, code: str, row: Row) -> Resource:
    coding = {"system": EVALUATION, "code": code}
    group: Resource = {
        "code": {"coding": [coding]},
        "population": list(_populations(id_, code, row)),
    }
    if id_ == "notices":
        group["measureScore"] = _share(row.counts[code], row.counts[_denominator(code)])
    elif id_ == "answer-hours":
        group["measureScore"] = _median(row)
    return group


def _populations(id_: str, code: str, row: Row) -> Iterator[Resource]:
    if id_ == "patients":
        yield _population("initial-population", row.counts[code])
        return
    yield _population("initial-population", row.counts["sent"])
    if id_ == "notices":
        yield _population("denominator", row.counts[_denominator(code)])
        yield _population("numerator", row.counts[code])
    else:
        yield _population("measure-population", row.counts[code])


def _denominator(code: str) -> str:
    return _DENOMINATORS.get(code, "asked")


def _population(code: str, count: int | None) -> Resource:
    told = {"count": count} if count is not None else {"_count": _absent("masked")}
    return {"code": {"coding": [{"system": _POPULATION, "code": code}]}, **told}


def _share(part: int | None, whole: int | None) -> Resource:
    if part is None or whole is None:
        return _absent("masked")
    return {"value": round(part / whole, 4)} if whole else _absent("not-applicable")


def _median(row: Row) -> Resource:
    if row.hours is not None:
        return {
            "value": row.hours,
            "unit": "hours",
            "system": "http://unitsofmeasure.org",
            "code": "h",
        }
    return _absent("masked" if row.counts["acknowledged"] is None else "not-applicable")


def _absent(why: str) -> Resource:
    return {"extension": [{"url": ABSENT_EXTENSION, "valueCode": why}]}


def _words(id_: str, report: Report, row: Row) -> str:
    """Say it for people too, with what must be known of the figures."""
    names = [*MEASURES[id_], *(("sent", "asked") if id_ != "patients" else ())]
    said = [f"{COUNTS[name]} {_said(row.counts[name])}" for name in names]
    if id_ == "answer-hours":
        said.append(f"median hours {row.hours if row.hours is not None else '-'}")
    notes = " ".join((*report.cautions, f"*: {_SUPPRESSED}."))
    return f"{measure(id_)['title']}, {report.period}: {'; '.join(said)}. {notes}"


def _said(count: int | None) -> str:
    return "*" if count is None else str(count)
