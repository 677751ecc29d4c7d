"""The composition root: a relay becomes a Flask application, and serves the other wires."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial

import requests
from flask import Blueprint, Flask

from service import __version__
from service.api.authentication import Authenticate, bearer
from service.api.business_acknowledgements import acknowledgements_blueprint
from service.api.caseloads import caseload_blueprint
from service.api.exchange import Door
from service.api.explaining import explaining_blueprint
from service.api.faults import answer_faults
from service.api.fhir import Parts, answer_for, fhir_blueprint, replay_transaction, take_bundle
from service.api.health import health_blueprint
from service.api.intake import intake_blueprint
from service.api.measures import measure_blueprint
from service.api.oauth import oauth_blueprint
from service.api.observing import Watch, observe
from service.api.openapi import openapi_blueprint
from service.api.operating import operating_blueprint
from service.api.progress import progress_blueprint
from service.api.reply import Reply, refused
from service.conversion import Converter
from service.delivery.chase import Chasing
from service.delivery.directory import Directory
from service.delivery.outbound import Outbound
from service.delivery.progress import Progress
from service.errors import NotFound, ServiceError, Unavailable
from service.evaluation import Evaluation
from service.explaining import Explaining, Trial
from service.fhir.build import organisation
from service.fhir.search_parameters import Resource
from service.fhir.systems import PROFILE
from service.fhir.task import Acknowledgement
from service.fhir.validate import check, known_profiles
from service.formats import hl7v2
from service.itk import BusinessAcknowledgements, ItkAnswers
from service.model import Instant, OdsCode
from service.relay import Relay, access_tokens, assemble, compose, endpoint, new_id, now
from service.security import AssertionVerifier
from service.security.published_keys import PublishedKeys
from service.settings import Settings
from service.store import Answer, DeadLetter, Receipt, Store

__all__ = [
    "Relay",
    "access_tokens",
    "acknowledge",
    "assemble",
    "chasing",
    "compose",
    "create_app",
    "endpoint",
    "explainer",
    "listed_organisations",
    "new_id",
    "now",
    "outbound",
    "replay",
    "take_in",
]


def business(relay: Relay) -> BusinessAcknowledgements:
    """Return what tells the senders of ITK3 messages how their recipients answered."""
    answers = ItkAnswers(endpoint=endpoint(relay.settings), clock=relay.clock, new_id=relay.new_id)
    return BusinessAcknowledgements(store=relay.store, answers=answers)


def create_app(relay: Relay, watch: Watch = Watch()) -> Flask:  # noqa: B008 - frozen
    """Return the WSGI application with every route; who watches is told of every request."""
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False  # many clients end addresses with a slash
    app.config["MAX_CONTENT_LENGTH"] = relay.settings.max_body
    authenticate = bearer(relay.tokens)
    verifier = AssertionVerifier(relay.register, PublishedKeys(requests.Session()))
    answer_faults(app)
    observe(app, relay.settings, watch)
    app.register_blueprint(health_blueprint(relay.store))
    app.register_blueprint(openapi_blueprint(__version__, relay.settings.public_url))
    app.register_blueprint(
        oauth_blueprint(
            verifier,
            relay.tokens,
            relay.new_id,
            record=lambda entry: relay.store.audit([entry]),
            clock=relay.clock,
            public_url=relay.settings.public_url,
        )
    )
    app.register_blueprint(intake_blueprint(relay.pipeline, authenticate, relay.settings.max_body))
    door = _door(relay, authenticate)
    app.register_blueprint(_explaining(relay, door))
    progress = Progress(store=relay.store, directory=relay.routing.directory)
    app.register_blueprint(progress_blueprint(door, progress))
    app.register_blueprint(acknowledgements_blueprint(business(relay), authenticate))
    app.register_blueprint(caseload_blueprint(relay, authenticate, check))
    operated = operating_blueprint(relay, authenticate, partial(replay, relay), explainer(relay))
    app.register_blueprint(operated)
    app.register_blueprint(_measures(relay, door))
    app.register_blueprint(fhir_blueprint(fhir_parts(relay, authenticate)))
    return app


def _door(relay: Relay, authenticate: Authenticate) -> Door:
    clock, public_url = relay.clock, relay.settings.public_url
    return Door(relay.store, authenticate, lambda: Instant.of(clock()), public_url)


def _explaining(relay: Relay, door: Door) -> Blueprint:
    tried = Converter(
        mappings=relay.mappings,
        draft=relay.poster.draft,
        clock=relay.clock,
        new_id=relay.new_id,
        takes_trials=relay.settings.takes_trials,
    )
    return explaining_blueprint(
        door,
        relay.pipeline,
        Trial(converter=tried, routing=relay.routing),
        explainer(relay),
        relay.settings.max_body,
    )


def _measures(relay: Relay, door: Door) -> Blueprint:
    directory = relay.routing.directory
    evaluation = Evaluation(store=relay.store, name_of=directory.name_of)
    return measure_blueprint(door, evaluation, directory.is_trust, relay.settings.max_body)


def explainer(relay: Relay) -> Explaining:
    """Return what explains the messages of a relay's store."""
    converter = Converter.without_store(
        mappings=relay.mappings, routing=relay.routing, clock=relay.clock, new_id=relay.new_id
    )
    return Explaining(store=relay.store, converter=converter)


def replay(relay: Relay, letter: DeadLetter) -> Receipt:
    """Take in a kept message again, whichever way it came. Raises ServiceError."""
    parts = fhir_parts(relay, bearer(relay.tokens))
    return replay_transaction(parts, letter) or relay.pipeline.replay(letter)


def acknowledge(
    relay: Relay, organisation: OdsCode, communication_id: str, said: Acknowledgement, wire: str
) -> None:
    """Record what a recipient answers by a wire that is not HTTP. Raises ServiceError."""
    parts = fhir_parts(relay, bearer(relay.tokens))
    answer_for(parts, wire, organisation, communication_id, said)


def take_in(
    relay: Relay, sender: OdsCode, media_type: str, body: bytes, mapping_id: str = ""
) -> tuple[Answer, ...]:
    """Take in what came by a wire that is not HTTP; return what its sender is told.

    HL7 v2 has one answer a message: the ACKs that POST /hl7v2 gives. A FHIR transaction or batch
    is carried out as POST /fhir would; everything else goes the way of a message. A refusal is an
    answer too, with the status it has over HTTP (400 or more), and its bytes are kept as a dead
    letter. Raises Unavailable if the store cannot be written: then bring the same bytes again.
    """
    if _is_hl7v2(relay, media_type, body, mapping_id):
        return relay.pipeline.receive_hl7v2(sender, media_type, body, mapping_id)
    try:
        return (_taken(relay, sender, media_type, body, mapping_id),)
    except Unavailable:
        raise
    except ServiceError as refusal:
        return (_as_answer(refused(refusal)),)


def _is_hl7v2(relay: Relay, media_type: str, body: bytes, mapping_id: str) -> bool:
    if not mapping_id:
        return hl7v2.FORMAT.matches(media_type, body)
    try:
        return relay.pipeline.format_of(mapping_id) == hl7v2.FORMAT.name
    except NotFound:
        return False  # the pipeline refuses it, and keeps it


def _taken(relay: Relay, sender: OdsCode, media_type: str, body: bytes, mapping_id: str) -> Answer:
    if not mapping_id:
        parts = fhir_parts(relay, bearer(relay.tokens))
        carried_out = take_bundle(parts, sender, media_type, body)
        if carried_out:
            return _as_answer(carried_out)
    return relay.pipeline.receive(sender, media_type, body, mapping_id).answer


def _as_answer(reply: Reply) -> Answer:
    return Answer(
        status=reply.status, media_type=reply.media_type, body=reply.body, headers=reply.headers
    )


def chasing(store: Store, directory: Directory, clock: Callable[[], datetime] = now) -> Chasing:
    """Return what sees to it that somebody answers."""
    return Chasing(store=store, directory=directory, clock=clock, new_id=new_id, check=check)


def listed_organisations(relay: Relay) -> dict[str, Resource]:
    """Return the directory's organisations as FHIR, by ODS code."""
    listed = relay.routing.directory
    return {entry.ods: organisation(entry.ods, entry.name) for entry in listed}


def fhir_parts(relay: Relay, authenticate: Authenticate) -> Parts:
    """Return what the FHIR endpoint is made of."""
    return Parts(
        store=relay.store,
        authenticate=authenticate,
        clock=lambda: Instant.of(relay.clock()),
        new_id=relay.new_id,
        check=check,
        receive=relay.pipeline.receive,
        recognise=relay.recogniser.recognise,
        organisations=listed_organisations(relay),
        profiles=[(profile.removeprefix(PROFILE), profile) for profile in known_profiles()],
        version=__version__,
        public_url=relay.settings.public_url,
        max_body=relay.settings.max_body,
        waiters=max(1, relay.settings.threads // 2),
        outbound=outbound(relay.settings),
        make_secret=lambda: secrets.token_hex(32),
    )


def outbound(settings: Settings) -> Outbound:
    """Return where subscriptions may be sent to."""
    return Outbound.of(settings.push_inside, settings.push_hosts, settings.push_ca)
