"""For operators: what was refused, what is stuck, who is late; replay, skip, release, resume.

Plain JSON below /operator, described in docs/operators.md; a refusal is an OperationOutcome.
Everything asks for a scope of operator/…, and is audited with the client's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from flask import Blueprint, Response

from service.api import operator_views as views
from service.api.authentication import Authenticate
from service.api.exchange import Door, Exchange
from service.api.faults import with_headers
from service.api.operator_requests import (
    actor_of,
    as_json,
    asked_of,
    count_of,
    event_in,
    paged,
    said_in,
)
from service.api.reply import Reply, refused
from service.caseload import Parts, caseloads
from service.caseload.reviewing import Verdict
from service.delivery.progress import Progress
from service.errors import BadRequest
from service.explaining import Explaining
from service.model import Instant, OdsCode
from service.operating import Actor, Channels, Letters
from service.operating.examination import examined
from service.operating.letters import STATES
from service.store import DeadLetter, Receipt

PREFIX: Final = "/operator"
_REPLAYED: Final = 50  # of one request
_VERDICTS: Final[dict[str, Verdict]] = {"accept": "accepted", "reject": "rejected"}
Work = Callable[[Exchange], Reply]


def operating_blueprint(
    relay: Parts,
    authenticate: Authenticate,
    take_in: Callable[[DeadLetter], Receipt],
    explaining: Explaining,
) -> Blueprint:
    """Return the routes of operators, beside the FHIR endpoint."""
    bp = Blueprint("operating", __name__, url_prefix=PREFIX)
    _Routes(relay, authenticate, Letters(relay.store, take_in), explaining).add_to(bp)
    return bp


class _Routes:
    def __init__(
        self, relay: Parts, authenticate: Authenticate, letters: Letters, explaining: Explaining
    ) -> None:
        def clock() -> Instant:
            return Instant.of(relay.clock())

        self._store, self._letters, self._explaining = relay.store, letters, explaining
        self._door = Door(relay.store, authenticate, clock, relay.settings.public_url)
        self._channels, self._directory = Channels(relay.store), relay.routing.directory
        self._progress = Progress(store=relay.store, directory=relay.routing.directory)
        _, self._reviewing = caseloads(relay)

    def add_to(self, bp: Blueprint) -> None:
        """Add them to the service."""
        bp.get("/messages")(self.messages)
        bp.post("/messages/$replay")(self.replay_all)
        bp.get("/messages/<id_>")(self.message)
        bp.get("/messages/<id_>/$raw")(self.raw)
        bp.get("/messages/<id_>/$explain")(self.explain)
        bp.get("/messages/<id_>/$status")(self.status)
        bp.post("/messages/<id_>/$replay")(self.replay)
        bp.post("/messages/<id_>/$skip")(self.skip)
        bp.post("/messages/<id_>/$release")(self.release)
        bp.get("/channels")(self.channels)
        bp.post("/channels/<ods>/<path:channel>/$resume")(self.resume)
        bp.get("/late")(self.late)
        bp.get("/findings")(self.findings)
        bp.get("/reviews")(self.reviews)
        bp.get("/reviews/<id_>")(self.review)
        bp.post("/reviews/<id_>/$decide")(self.decide)

    # --- messages ----------------------------------------------------------------------------

    def messages(self) -> Response:
        """The messages that were refused and wait, or were skipped."""

        def work(exchange: Exchange) -> Reply:
            asked = asked_of("state", "sender")
            state = asked.get("state", "refused")
            if state not in STATES:
                raise BadRequest(f"state is one of {', '.join(STATES)}.")
            count = count_of(asked)
            found = self._letters.page(
                state, asked.get("sender", ""), asked.get("after", ""), count + 1
            )
            shown = [views.letter(one) for one in found]
            return paged(exchange, "messages", shown, count, "id")

        return self._serve("search-type", "Message", "s", "", work)

    def message(self, id_: str) -> Response:
        """Everything that is wrong with one message, and what became of it."""

        def work(_: Exchange) -> Reply:
            asked_of()
            letter = self._letters.one(id_)
            return as_json(views.whole(letter, self._store.dead_letters.transitions(id_)))

        return self._serve("read", "Message", "r", id_, work)

    def raw(self, id_: str) -> Response:
        """The message itself, byte for byte: a patient's data."""

        def work(_: Exchange) -> Reply:
            letter = self._letters.one(id_)
            named = ("Content-Disposition", f'attachment; filename="{letter.id}"')
            # not its own type: a browser would show, and run, what a sender wrote
            return Reply(body=letter.body, media_type="application/octet-stream", headers=(named,))

        return self._serve("read", "Binary", "r", id_, work)

    def explain(self, id_: str) -> Response:
        """Why a message became what it did: a patient's data."""

        def work(_: Exchange) -> Reply:
            return as_json(self._explaining.explain(self._letters.one(id_)))

        return self._serve("operation", "Binary", "r", id_, work)

    def status(self, id_: str) -> Response:
        """How far a message that was taken in has come with everybody whom it went to."""

        def work(exchange: Exchange) -> Reply:
            return as_json(self._progress.of(self._letters.one(id_), exchange.now.as_datetime()))

        return self._serve("operation", "Task", "r", id_, work)

    def replay(self, id_: str) -> Response:
        """Take a message in again; refused again it stays, and every fault is told."""

        def work(exchange: Exchange) -> Reply:
            said = said_in("from")
            taken = self._letters.replay(id_, actor_of(exchange), said.get("from", ""))
            if taken.refusal:
                taken.refusal.answer = None  # in the sender's own standard: not for an operator
                return with_headers(refused(taken.refusal))
            return as_json(views.taken(taken))

        return self._serve("replay", "Message", "u", id_, work, recorded=True)

    def replay_all(self) -> Response:
        """Take in again what waits, oldest first; the next ones by `after`."""

        def work(exchange: Exchange) -> Reply:
            said = said_in("sender", "after")
            taken, after = self._letters.replay_next(
                said.get("sender", ""), said.get("after", ""), _REPLAYED, actor_of(exchange)
            )
            replayed = [views.taken(one) for one in taken]
            return as_json({"replayed": replayed, "after": after})

        return self._serve("replay", "Message", "u", "", work, recorded=True)

    def skip(self, id_: str) -> Response:
        """Close a refused message for good; its bytes stay."""
        return self._moved("skip", id_, self._letters.skip)

    def release(self, id_: str) -> Response:
        """Let a skipped message wait again."""
        return self._moved("release", id_, self._letters.release)

    def _moved(self, action: str, id_: str, move: Callable[[str, str, Actor], None]) -> Response:
        def work(exchange: Exchange) -> Reply:
            move(id_, said_in("reason").get("reason", ""), actor_of(exchange))
            letter = self._letters.one(id_)
            return as_json(views.whole(letter, self._store.dead_letters.transitions(id_)))

        return self._serve(action, "Message", "u", id_, work, recorded=True)

    # --- channels and subscriptions ----------------------------------------------------------

    def channels(self) -> Response:
        """How far each team was sent to; with state=stuck those that wait for somebody."""

        def work(exchange: Exchange) -> Reply:
            asked = asked_of("state", "organisation")
            if asked.get("state", "stuck") != "stuck":
                raise BadRequest("state is stuck, or left out.")
            count, wanted = count_of(asked), asked.get("organisation", "")
            found = [
                views.standing(one)
                for one in self._channels.standing()
                if one.key > asked.get("after", "")
                and wanted in ("", one.place.recipient)
                and ("state" not in asked or one.is_stuck)
            ]
            return paged(exchange, "channels", found[: count + 1], count, "id")

        return self._serve("search-type", "Channel", "s", "", work)

    def resume(self, ods: str, channel: str) -> Response:
        """Send to a team again, from the first event that was not confirmed, or behind `after`."""

        def work(exchange: Exchange) -> Reply:
            after, by = event_in(said_in("after")), actor_of(exchange)
            place = self._channels.resume(ods, channel, after, by)
            return as_json({"id": f"{ods}/{channel}", "state": place.state, "sent": place.n})

        return self._serve("resume", "Channel", "u", f"{ods}/{channel}", work, recorded=True)

    def findings(self) -> Response:
        """What is wrong, and what to do: what `doctor` sees of a relay that runs."""

        def work(_: Exchange) -> Reply:
            asked_of()
            found = examined(self._store, self._directory)
            return as_json({"findings": [asdict(one) for one in found]})

        return self._serve("read", "Service", "r", "", work)

    # --- answers, and near matches -----------------------------------------------------------

    def late(self) -> Response:
        """Who has not acknowledged in time, the longest late first."""

        def work(exchange: Exchange) -> Reply:
            asked = asked_of("informed")
            count = count_of(asked)
            found = self._progress.late(
                exchange.now.as_datetime(),
                informed=asked.get("informed") == "true",
                after=asked.get("after", ""),
                count=count + 1,
            )
            return paged(exchange, "late", found, count, "place")

        return self._serve("search-type", "Task", "s", "", work)

    def reviews(self) -> Response:
        """Near matches of caseloads that wait for a decision, without anything of a patient."""

        def work(exchange: Exchange) -> Reply:
            asked = asked_of("team")
            lists, count = self._store.caseloads, count_of(asked)
            teams = [asked["team"]] if "team" in asked else lists.teams()
            pairs = [pair for one in teams for pair in self._reviewing.waiting(OdsCode(one))]
            pairs.sort(key=lambda pair: pair.review.id)
            shown = [
                views.review(pair) for pair in pairs if pair.review.id > asked.get("after", "")
            ]
            return paged(exchange, "reviews", shown[: count + 1], count, "id")

        return self._serve("search-type", "Group", "s", "", work)

    def review(self, id_: str) -> Response:
        """Both sides of a near match: patients' data."""

        def work(_: Exchange) -> Reply:
            pair = self._reviewing.pair(id_)
            return as_json(views.compared(pair, self._reviewing.record(pair)))

        return self._serve("read", "Patient", "r", id_, work)

    def decide(self, id_: str) -> Response:
        """Accept or reject a near match, with a reason."""

        def work(exchange: Exchange) -> Reply:
            said = said_in("decision", "reason")
            if said.get("decision") not in _VERDICTS:
                raise BadRequest("decision is accept or reject.")
            verdict, team = _VERDICTS[said["decision"]], self._reviewing.pair(id_).review.team
            by = actor_of(exchange).did("caseload", "Group", id_, team)
            told = self._reviewing.decide(id_, verdict, said.get("reason", ""), by)
            return as_json({"id": id_, "state": verdict, "delivered": told})

        return self._serve("decide", "Group", "u", id_, work, recorded=True)

    def _serve(
        self,
        action: str,
        kind: str,
        letter: str,
        subject: str,
        work: Work,
        *,
        recorded: bool = False,
    ) -> Response:
        def allowed(exchange: Exchange) -> Reply:
            exchange.require(f"operator/{kind}", letter)
            return work(exchange)

        return self._door.serve(action, kind, subject, allowed, recorded=recorded)
