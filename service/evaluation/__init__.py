"""Evaluation: what the collaboration is judged by, counted from what the relay knows."""

from service.evaluation.evaluating import Evaluation, Report
from service.evaluation.figures import COUNTS, Row
from service.evaluation.measure_report import measure_report, measure_reports
from service.evaluation.measures import MEASURES, measure
from service.evaluation.period import Period

__all__ = [
    "COUNTS",
    "MEASURES",
    "Evaluation",
    "Period",
    "Report",
    "Row",
    "measure",
    "measure_report",
    "measure_reports",
]
