"""A team's caseload over HTTP: as a Group, patient by patient, as CSV; and its near matches.

Each team sees its own list and no other: every other Group of a caseload is as if it were not
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import Blueprint, Response, request

from service.api.authentication import Authenticate
from service.api.bodies import read_body, read_parameters
from service.api.exchange import FHIR, Door, Exchange
from service.api.negotiation import JSON_TYPES, PATCH_TYPE, XML_TYPES, check_content
from service.api.preparation import as_binary, operations
from service.api.reply import Reply, dumps, outcome, version_headers
from service.api.representation import as_asked
from service.api.writing import read_resource
from service.caseload import Kept, Parts, as_group, caseloads, group_id, read_csv, read_group
from service.caseload.group import said_in
from service.caseload.member import Fault, FaultyMember, Member, read_member
from service.caseload.reviewing import Pair, Verdict
from service.errors import BadRequest, Issue, NonconformantResource, NotFound, PreconditionFailed
from service.fhir.bundle import Request
from service.fhir.bundle_identity import matches
from service.fhir.patch import apply_patch
from service.fhir.systems import NHS_NUMBER
from service.model import Instant, OdsCode
from service.store import AuditEntry

Resource = dict[str, Any]
CSV: Final = "text/csv"
_VERDICTS: Final[dict[str, Verdict]] = {"accept": "accepted", "reject": "rejected"}


def caseload_blueprint(
    relay: Parts, authenticate: Authenticate, check: Callable[[Resource], list[Issue]]
) -> Blueprint:
    """Return the routes of caseloads, below the FHIR endpoint."""
    bp = Blueprint("caseloads", __name__, url_prefix=FHIR)
    bp.after_request(as_asked)
    _Routes(relay, authenticate, check).add_to(bp)
    return bp


class _Routes:
    def __init__(
        self, relay: Parts, authenticate: Authenticate, check: Callable[[Resource], list[Issue]]
    ) -> None:
        chosen = relay.settings
        self._door = Door(
            relay.store, authenticate, lambda: Instant.of(relay.clock()), chosen.public_url
        )
        self._max_body, self._check = chosen.max_body, check
        self._lists, self._name_of = relay.store.caseloads, relay.routing.directory.name_of
        self._keeping, self._reviewing = caseloads(relay)

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the endpoint."""
        own = "/Group/caseload-<team>"
        bp.get(own)(self.read)
        bp.put(own)(self.put)
        bp.patch(own)(self.patch)
        bp.post(f"{own}/$member-add")(self.member_add)
        bp.post(f"{own}/$member-remove")(self.member_remove)
        bp.post(f"{own}/$import")(self.load)
        bp.get(f"{own}/$reviews")(self.reviews)
        bp.post(f"{own}/$decide")(self.decide)

    def read(self, team: str) -> Response:
        """The list as it stands."""
        return self._serve("read", team, "r", lambda _, ods: self._shown(ods))

    def put(self, team: str) -> Response:
        """The whole list: who is not on it any more is taken off."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            check_content(request.content_type or "", *JSON_TYPES, *XML_TYPES)
            group = read_resource(read_body(request, self._max_body))
            return self._replaced(exchange, ods, group, self._asked_version(ods))

        return self._serve("update", team, "u", work)

    def patch(self, team: str) -> Response:
        """JSON Patch of the list as it is read."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            check_content(request.content_type or "", PATCH_TYPE)
            asked = Request(method="PATCH", type="Group", id=group_id(ods))
            body = as_binary(read_body(request, self._max_body))
            version = self._asked_version(ods)
            before = self._group(ods)
            if version is None:
                version = int(before["meta"]["versionId"])
            after = apply_patch(before, operations(asked.with_resource(body)))
            return self._replaced(exchange, ods, after, version)

        return self._serve("patch", team, "u", work)

    def member_add(self, team: str) -> Response:
        """Put one patient on the list, or change what it says of the patient."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            member = self._member(self._parameters())
            return self._done(ods, self._keeping.put(ods, [member], _by(exchange, ods)))

        return self._serve("operation", team, "u", work)

    def member_remove(self, team: str) -> Response:
        """Take one patient off the list, by NHS number: nothing new is told from now on."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            number = said_of(self._parameters()).get("nhs_number", "")
            listed = self._lists.entries(ods)
            ids = [entry.id for entry in listed if number and entry.nhs_number == number]
            if not ids:
                raise NotFound("This patient is not on the list.")
            return self._done(ods, self._keeping.remove(ods, ids, _by(exchange, ods)))

        return self._serve("operation", team, "u", work)

    def load(self, team: str) -> Response:
        """The patients of a CSV file; with dryRun=true only what is wrong with it."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            check_content(request.content_type or "", CSV)
            body = read_body(request, self._max_body)
            lines = read_csv(body, self._keeping.today())
            if faults := [issue for line in lines for issue in line.issues()]:
                raise NonconformantResource("Nothing was taken from the file.", faults)
            members = [line.member for line in lines if line.member]
            whole = _flag("replace")
            if _flag("dryRun"):
                return _told("Nothing was changed", self._keeping.would(ods, members, whole=whole))
            kept = self._keeping.load(ods, members, _by(exchange, ods), whole=whole)
            return _told("Done", kept)

        return self._serve("operation", team, "u", work)

    def reviews(self, team: str) -> Response:
        """What nearly agrees and waits to be decided; nothing of the other record is shown."""

        def work(_: Exchange, ods: OdsCode) -> Reply:
            found = [_review(pair) for pair in self._reviewing.waiting(ods)]
            told: Resource = {"resourceType": "Parameters"}
            return Reply(body=dumps(told | ({"parameter": found} if found else {})))

        return self._serve("operation", team, "r", work)

    def decide(self, team: str) -> Response:
        """Accept or reject a near match."""

        def work(exchange: Exchange, ods: OdsCode) -> Reply:
            said = _texts(self._parameters())
            if said.get("decision") not in _VERDICTS:
                raise BadRequest("decision is accept or reject.")
            verdict = _VERDICTS[said["decision"]]
            told = self._reviewing.decide(
                said.get("review", ""),
                verdict,
                said.get("reason", ""),
                _by(exchange, ods),
                ods,
            )
            text = f"{verdict}; {told} events were delivered"
            return outcome([Issue(severity="information", code="informational", text=text)])

        return self._serve("operation", team, "u", work)

    def _serve(
        self, action: str, team: str, letter: str, work: Callable[[Exchange, OdsCode], Reply]
    ) -> Response:
        def own(exchange: Exchange) -> Reply:
            if exchange.client.organisation != team:
                raise NotFound("There is no such Group, or it is not yours to see.")
            exchange.require("Group", letter)
            return work(exchange, OdsCode(team))

        return self._door.serve(action, "Group", group_id(OdsCode(team)), own)

    def _group(self, team: OdsCode) -> Resource:
        lists = self._lists
        state, entries = lists.state(team), lists.entries(team)
        return as_group(team, self._name_of(team), entries, state)

    def _shown(self, team: OdsCode, status: int = 200) -> Reply:
        group = self._group(team)
        state = self._lists.state(team)
        headers = version_headers(state.version, state.updated)
        return Reply(status=status, body=dumps(group), headers=headers)

    def _replaced(
        self, exchange: Exchange, team: OdsCode, group: Resource, version: int | None
    ) -> Reply:
        if group.get("resourceType") != "Group" or group.get("id") not in (None, group_id(team)):
            raise BadRequest("The body is not this Group.")
        faults = [f for f in self._check(group) if f.severity in ("error", "fatal")]
        if faults:
            raise NonconformantResource(issues=faults)
        members = read_group(team, group, self._keeping.today())
        by = _by(exchange, team)
        self._keeping.put(team, members, by, whole=True, version=version)
        return self._shown(team)

    def _done(self, team: OdsCode, kept: Kept) -> Reply:
        return _told("Done", kept).also(*version_headers(kept.state.version, kept.state.updated))

    def _asked_version(self, team: OdsCode) -> int | None:
        """Return the version that If-Match names; None if it is not asked for."""
        asked = request.headers.get("If-Match", "")
        if not asked:
            return None
        version = self._lists.state(team).version
        if not matches(asked, version):
            raise PreconditionFailed("The list was changed meanwhile: read it again.")
        return version

    def _parameters(self) -> Sequence[Mapping[str, Any]]:
        parameters = read_parameters(request, self._max_body)
        if parameters is None or parameters.get("resourceType") != "Parameters":
            raise BadRequest("The body is a Parameters resource.")
        if faults := self._check(parameters):
            raise BadRequest("The parameters are not right.", faults)
        given: Sequence[Mapping[str, Any]] = parameters.get("parameter", ())
        return given

    def _member(self, given: Sequence[Mapping[str, Any]]) -> Member:
        try:
            return read_member(said_of(given), self._keeping.today())
        except FaultyMember as faulty:
            raise NonconformantResource(
                issues=[
                    Issue(
                        severity="error", code="value", text=f.text, target=f"Parameters.{f.field}"
                    )
                    for f in faulty.faults
                ]
            ) from None


def _fault(fault: Fault) -> Issue:
    target = f"Parameters.{fault.field}"
    return Issue(severity="error", code="value", text=fault.text, target=target)


def said_of(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what parameters say of a patient, as texts by field."""
    said = said_in(given)
    for one in given:
        identifier = one.get("valueIdentifier", {})
        if one.get("name") == "memberId" and identifier.get("system") == NHS_NUMBER:
            said["nhs_number"] = identifier.get("value", "").replace(" ", "")
        if one.get("name") == "period":
            period = one.get("valuePeriod", {})
            said |= {"start": period.get("start", "")[:10], "end": period.get("end", "")[:10]}
    return said


def _texts(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    values = (
        (one.get("name", ""), [v for k, v in one.items() if k.startswith("value")]) for one in given
    )
    return {name: str(found[0]) for name, found in values if found}


def _by(exchange: Exchange, team: OdsCode) -> AuditEntry:
    return exchange.audit("caseload", "Group", group_id(team))


def _flag(name: str) -> bool:
    return request.args.get(name, "") in ("true", "1", "yes")


def _told(what: str, kept: Kept) -> Reply:
    text = (
        f"{what}: {kept.added} added, {kept.changed} changed, {kept.ended} taken off, "
        f"{kept.unchanged} as before; {kept.told} events of the last days delivered, "
        f"{kept.asked} near matches to decide."
    )
    return outcome([Issue(severity="information", code="informational", text=text)])


def _review(pair: Pair) -> Resource:
    number = {"system": NHS_NUMBER, "value": pair.entry.nhs_number}
    parts: list[Resource] = [
        {"name": "id", "valueString": pair.review.id},
        {"name": "why", "valueCode": pair.review.why},
        {"name": "asked", "valueInstant": pair.review.asked.isoformat()},
        {"name": "memberId", "valueIdentifier": number},
        {"name": "birthDate", "valueDate": pair.entry.birth_date},
    ]
    return {"name": "review", "part": parts}
