"""The FHIR endpoint: its parts put together, and every route below /fhir."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from flask import Blueprint

from service.api.acknowledging import Acknowledging
from service.api.authentication import Authenticate
from service.api.bundles import KINDS, Bundles
from service.api.committing import Committing, Recognise, Sending
from service.api.conformance import add_conformance
from service.api.cursor import Seal
from service.api.dispatch import Dispatch
from service.api.exchange import FHIR, Clock, Door, Exchange
from service.api.lookup import Lookup
from service.api.negotiation import Preferences
from service.api.preparation import Preparation
from service.api.reading import Reading
from service.api.records import Records
from service.api.reply import Reply
from service.api.representation import as_asked
from service.api.routes_acknowledging import AcknowledgingRoutes
from service.api.routes_reading import add_reading
from service.api.routes_subscriptions import SubscriptionRoutes
from service.api.routes_system import Receive, SystemRoutes
from service.api.routes_writing import WritingRoutes
from service.api.searching import Searching
from service.api.subscribing import Subscribing
from service.api.tasks import Tasks
from service.api.waiting import Waiters
from service.api.writing import Writing, read_posted, read_resource
from service.delivery.contents import Contents
from service.delivery.notices import Notices
from service.delivery.outbound import Outbound
from service.errors import Failed, Issue, ServiceError, UnreadableMessage
from service.fhir.search_parameters import Resource
from service.fhir.task import Acknowledgement
from service.log import without_values
from service.model import OdsCode
from service.security import Client, Scopes
from service.store import DeadLetter, Receipt, Store

_log = structlog.get_logger()
SECRET = "cursor-secret"  # noqa: S105  # the setting of the store that holds it


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the endpoint is made of."""

    store: Store
    authenticate: Authenticate
    clock: Clock
    new_id: Callable[[], str]
    check: Callable[[Resource], list[Issue]]  # base R4 and our profiles
    receive: Receive  # message and document Bundles go there
    recognise: Recognise  # what follows from a transaction
    organisations: Mapping[str, Resource]  # the directory: ODS code → Organization
    outbound: Outbound  # where subscriptions may be sent
    make_secret: Callable[[], str]  # of the cursors' seal, where the store has none yet
    profiles: Sequence[tuple[str, str]] = ()  # (type, canonical) of ours
    version: str = ""  # of the software
    public_url: str = ""  # the service's address as clients see it; "": as they called it
    max_body: int = 20 * 1024 * 1024  # bytes, after decompression
    waiters: int = 4  # long polls at once in this process; each holds a thread


def fhir_blueprint(parts: Parts) -> Blueprint:
    """Return the routes of the FHIR endpoint."""
    bp = Blueprint("fhir", __name__, url_prefix=FHIR)
    bp.after_request(as_asked)
    door = Door(parts.store, parts.authenticate, parts.clock, parts.public_url)
    reading, searching = _readers(parts)
    bundles = _bundles(parts, reading, searching)
    acknowledging = bundles.tasks.acknowledging
    add_conformance(bp, door, parts.version, parts.profiles)
    add_reading(bp, door, reading, searching)
    SubscriptionRoutes(door, _subscribing(parts), parts.max_body).add_to(bp)
    WritingRoutes(door, Writing(bundles.committing), bundles.tasks, parts.max_body).add_to(bp)
    SystemRoutes(door, bundles, parts.receive, parts.max_body).add_to(bp)
    AcknowledgingRoutes(door, acknowledging, parts.check, parts.max_body).add_to(bp)
    return bp


def replay_transaction(parts: Parts, letter: DeadLetter) -> Receipt | None:
    """Carry out a transaction that was refused, now that what was wrong with it is mended.

    None: the dead letter is no transaction, but a message. Raises ServiceError.
    """
    bundle = _posted_bundle(letter.body, "transaction")
    if bundle is None:
        return None
    sending = Sending(body=letter.body, media_type=letter.media_type, kept_as=letter.id)
    exchange = _as_sender(parts, "replay", OdsCode(letter.sender), letter.id)
    return _bundles(parts, *_readers(parts)).transact(exchange, bundle, sending)[0]


def answer_for(
    parts: Parts, wire: str, organisation: OdsCode, communication_id: str, said: Acknowledgement
) -> None:
    """Record a recipient's answer that came by another wire, as $acknowledge would.

    Raises ServiceError.
    """
    exchange = _as_sender(parts, wire, organisation, parts.new_id())
    tasks = _bundles(parts, *_readers(parts)).tasks
    tasks.acknowledging.one(exchange, communication_id, said)


def take_bundle(parts: Parts, sender: OdsCode, media_type: str, body: bytes) -> Reply | None:
    """Carry out a transaction or batch that came by another wire, as POST /fhir would.

    None: it is neither. Raises ServiceError; a refused one, or one that breaks us, is kept.
    """
    exchange = _as_sender(parts, "intake", sender, parts.new_id())
    sending = Sending(body=body, media_type=media_type)
    bundles = _bundles(parts, *_readers(parts))
    try:
        bundle = _posted_bundle(body, *KINDS)
        return bundles.post(exchange, bundle, sending) if bundle else None
    except UnreadableMessage as refusal:
        bundles.committing.refuse(exchange, sending, refusal.issues)
        raise
    except ServiceError:
        raise
    except Exception as fault:
        failed = Failed()
        _log.error("bundle failed", request_id=exchange.request_id, exception=without_values(fault))
        bundles.committing.refuse(exchange, sending, failed.issues)
        raise failed from fault


def _posted_bundle(body: bytes, *kinds: str) -> Resource | None:
    """Return the Bundle that `body` is, if it is one of these types.

    Raises UnreadableMessage for one whose XML holds more than a Bundle.
    """
    try:
        posted = read_posted(body)
    except ServiceError:
        return None
    bundle = posted.resource
    if bundle["resourceType"] != "Bundle" or bundle.get("type") not in kinds:
        return None
    return read_resource(body) if posted.issues else bundle


def _as_sender(parts: Parts, client_id: str, sender: OdsCode, request_id: str) -> Exchange:
    client = Client(id=client_id, organisation=sender, scopes=Scopes.parse("system/*.cruds"))
    return Exchange(
        client=client,
        base=parts.public_url.rstrip("/") + FHIR,
        prefer=Preferences(),
        request_id=request_id,
        now=parts.clock(),
    )


def _readers(parts: Parts) -> tuple[Reading, Searching]:
    records = Records(parts.store, parts.organisations)
    secret = parts.store.settings.once(SECRET, parts.make_secret)
    searching = Searching(records, Seal(secret.encode()), Waiters(total=parts.waiters))
    return Reading(records), searching


def _subscribing(parts: Parts) -> Subscribing:
    notices = Notices(parts.store, Contents(parts.store, parts.organisations))
    return Subscribing(parts.store, parts.check, notices, parts.outbound, parts.new_id)


def _bundles(parts: Parts, reading: Reading, searching: Searching) -> Bundles:
    records = Records(parts.store, parts.organisations)
    preparation = Preparation(Lookup(records), parts.check, parts.new_id)
    return Bundles(
        committing=Committing(parts.store, preparation, parts.recognise, parts.new_id),
        tasks=Tasks(
            records=records,
            acknowledging=Acknowledging(records, parts.check, parts.new_id),
            check=parts.check,
        ),
        dispatch=Dispatch(reading, searching),
        check=parts.check,
    )
