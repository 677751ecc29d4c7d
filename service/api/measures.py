"""Measures, and their figures: GET /fhir/Measure/{id}/$evaluate-measure.

A team sees the figures of what was sent to it, a trust those of what it sent, and an operator's
client everybody's. They are counted when they are asked for; no report is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from service.api.bodies import read_parameters
from service.api.exchange import FHIR, Door, Exchange
from service.api.negotiation import FORM_TYPE, check_content
from service.api.reply import Reply, dumps
from service.api.representation import as_asked
from service.errors import BadRequest, Issue, NotFound
from service.evaluation import MEASURES, Evaluation, Period, Report, measure, measure_report
from service.evaluation.measures import id_of
from service.fhir.bundle_identity import matches
from service.model import Instant, OdsCode

KIND: Final = "Measure"
OPERATOR: Final = "operator/MeasureReport"
_KNOWN: Final = ("periodStart", "periodEnd", "reportType", "subject", "reporter", "measure")
_ELSEWHERE: Final = ("practitioner", "lastReceivedOn")  # of R4's definition; not served
_SEARCHED: Final = {"_id": "id", "url": "url"}  # parameter → element
_REPORT_TYPES: Final = ("population", "summary")
_FORMATS: Final = ("_format", "_pretty")
Given = Mapping[str, str]


def measure_blueprint(
    door: Door, evaluation: Evaluation, sends: Callable[[OdsCode], bool], max_body: int
) -> Blueprint:
    """Return the routes, below the FHIR endpoint; `sends`: whether an organisation is a trust."""
    bp = Blueprint("measures", __name__, url_prefix=FHIR)
    bp.after_request(as_asked)
    _Routes(door, evaluation, sends, max_body).add_to(bp)
    return bp


class _Routes:
    def __init__(
        self, door: Door, evaluation: Evaluation, sends: Callable[[OdsCode], bool], max_body: int
    ) -> None:
        self._door, self._evaluation = door, evaluation
        self._sends, self._max_body = sends, max_body

    def add_to(self, bp: Blueprint) -> None:
        """Add them; each is named by its interaction."""
        one, both = f"/{KIND}/<id_>", ["GET", "POST"]
        bp.get(f"/{KIND}", endpoint="search-type")(self.search)
        bp.post(f"/{KIND}/_search", endpoint="search-post")(self.search)
        bp.get(one, endpoint="read")(self.read)
        bp.route(f"{one}/$evaluate-measure", methods=both, endpoint="$evaluate-measure")(
            self.evaluate
        )
        bp.route(f"/{KIND}/$evaluate-measure", methods=both, endpoint="$evaluate-measure-of")(
            self.evaluate_named
        )

    def read(self, id_: str) -> Response:
        """What figures mean."""

        def work(exchange: Exchange) -> Reply:
            _require(exchange, KIND)
            body, tag = dumps(_measure(id_)), _measure(id_)["version"]
            headers = (("ETag", f'W/"{tag}"'), ("Cache-Control", "private, max-age=300"))
            if matches(request.headers.get("If-None-Match", ""), tag):
                return Reply(status=304, headers=headers)
            return Reply(body=body, headers=headers)

        return self._door.serve("read", KIND, id_, work)

    def search(self) -> Response:
        """Which Measures there are: all, or by _id or url."""
        if request.method == "POST" and request.content_length:
            check_content(request.content_type or "", FORM_TYPE)
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]

        def work(exchange: Exchange) -> Reply:
            _require(exchange, KIND)
            asked = [(name, value) for name, value in pairs if name not in _FORMATS]
            if any(name not in _SEARCHED for name, _ in asked):
                raise BadRequest(f"Measures are searched by {' and '.join(_SEARCHED)}.")
            return Reply(body=dumps(_searchset(exchange.base, asked)))

        return self._door.serve("search-type", KIND, "", work)

    def evaluate(self, id_: str) -> Response:
        """https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html of one Measure."""
        return self._door.serve(
            "operation",
            KIND,
            id_,
            lambda exchange: self._evaluated(exchange, lambda given: _same(given, id_)),
        )

    def evaluate_named(self) -> Response:
        """The same, of the Measure that the parameter `measure` names."""
        return self._door.serve(
            "operation", KIND, "", lambda exchange: self._evaluated(exchange, _named)
        )

    def _evaluated(self, exchange: Exchange, chosen: Callable[[Given], str]) -> Reply:
        is_operator = exchange.client.may(OPERATOR, "r")
        _require(exchange, "MeasureReport")
        given = self._given()
        id_, period = chosen(given), _period(given)
        if period.since > exchange.now:
            raise BadRequest("The period has not begun.", [_fault("The period has not begun.")])
        own = exchange.client.organisation
        ods = _organisation(given) or (None if is_operator else own)
        if ods not in (None, own) and not is_operator:
            raise NotFound("There are no figures of this organisation, or not yours to see.")
        report = self._report(period, exchange.now, ods)
        return Reply(body=dumps(measure_report(id_, report, report.total, exchange.now, ods or "")))

    def _report(self, period: Period, now: Instant, ods: OdsCode | None) -> Report:
        if ods is None:
            return self._evaluation.report(period, now)
        return self._evaluation.of_organisation(period, now, ods, sends=self._sends(ods))

    def _given(self) -> Given:
        """Return the parameters, of the address and of a Parameters resource, each once."""
        parameters = read_parameters(request, self._max_body) if request.method == "POST" else None
        posted = [
            (str(one.get("name", "")), _text(value))
            for one in (parameters or {}).get("parameter", ())
            for name, value in one.items()
            if name.startswith("value")
        ]
        given: dict[str, str] = {}
        for name, value in chain(request.args.items(multi=True), posted):
            if name in _FORMATS:
                continue
            if name not in _KNOWN:
                _refuse(name)
            if given.setdefault(name, value) != value:
                raise BadRequest(f"{name} is given twice.")
        return given


def _require(exchange: Exchange, kind: str) -> None:
    if not exchange.client.may(OPERATOR, "r"):
        exchange.require(kind, "r")


def _measure(id_: str) -> dict[str, Any]:
    try:
        return measure(id_)
    except KeyError:
        known = ", ".join(MEASURES)
        raise NotFound(f"There is no such Measure; there are {known}.") from None


def _same(given: Given, id_: str) -> str:
    _measure(id_)
    if given.get("measure") and _named(given) != id_:
        raise BadRequest("measure names another Measure than the address.")
    return id_


def _named(given: Given) -> str:
    name = given.get("measure", "")
    id_ = id_of(name) or name.removeprefix(f"{KIND}/")
    if not name:
        raise BadRequest("Say which measure: its canonical, or its id in the address.")
    _measure(id_)
    return id_


def _period(given: Given) -> Period:
    """Return the period. Raises BadRequest that says what is missing or wrong."""
    missing = [name for name in ("periodStart", "periodEnd") if not given.get(name)]
    if missing:
        text = f"{' and '.join(missing)} must be said: a date, such as 2026-11 or 2026-11-05."
        raise BadRequest(text, [_fault(text, "required")])
    try:
        return Period.parse(given["periodStart"], given["periodEnd"])
    except ValueError as fault:
        raise BadRequest(f"{fault}", [_fault(str(fault))]) from None


def _organisation(given: Given) -> OdsCode | None:
    """Return the organisation whose figures are asked for; None for none in particular."""
    if given.get("reportType", "population") not in _REPORT_TYPES:
        _refuse("reportType", "Reports are of many patients: reportType is population.")
    named = {given[name] for name in ("subject", "reporter") if given.get(name)}
    if len(named) > 1:
        raise BadRequest("subject and reporter name different organisations.")
    text = named.pop() if named else ""
    kind, _, code = text.rpartition("/")
    if kind and not kind.endswith("Organization"):
        _refuse("subject", "Figures are of an organisation: Organization/ODS.")
    try:
        return OdsCode.parse(code) if code else None
    except ValueError as fault:
        raise BadRequest(f"subject: {fault}", [_fault(f"subject: {fault}")]) from None


def _refuse(name: str, text: str = "") -> None:
    if not text:
        known = name in _ELSEWHERE
        text = (
            f"{name} is not served here." if known else f"The parameters are {', '.join(_KNOWN)}."
        )
    raise BadRequest(text, [_fault(text, "not-supported")])


def _searchset(base: str, asked: list[tuple[str, str]]) -> dict[str, Any]:
    found = [one for one in map(measure, MEASURES) if _meets(one, asked)]
    query = f"?{urlencode(asked)}" if asked else ""
    entries = [
        {"fullUrl": f"{base}/{KIND}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in found
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}/{KIND}{query}"}],
        **({"entry": entries} if entries else {}),
    }


def _meets(one: dict[str, Any], asked: list[tuple[str, str]]) -> bool:
    return all(one[_SEARCHED[name]] in value.split(",") for name, value in asked)


def _text(value: Any) -> str:
    return str(value.get("reference", "")) if isinstance(value, dict) else str(value)


def _fault(text: str, code: str = "value") -> Issue:
    return Issue(severity="error", code=code, text=text)
