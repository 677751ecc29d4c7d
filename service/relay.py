"""What a running service is made of, and how its parts are put together."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils

from service.answers import Answers
from service.api.register import StoredRegister
from service.delivery.posting import Poster
from service.delivery.routing import Routing
from service.formats import FORMATS
from service.mapping import Mappings
from service.pipeline import Pipeline
from service.recognition import Recogniser
from service.security import AccessTokens
from service.settings import Settings
from service.store import Store, open_store


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """A running service's parts, for the wires and the command line."""

    settings: Settings
    store: Store
    mappings: Mappings
    routing: Routing
    poster: Poster
    pipeline: Pipeline
    recogniser: Recogniser
    tokens: AccessTokens
    register: StoredRegister
    clock: Callable[[], datetime]
    new_id: Callable[[], str]


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a UUIDv7: later ones sort behind earlier ones, which keeps inserts at one end."""
    return str(uuid_utils.uuid7())


def compose(settings: Settings) -> Relay:
    """Open the database and load the mappings.

    Raises yamlfile.Faults for mappings, Unavailable or a schema error for the database.
    """
    mappings = Mappings.load(settings.mappings, formats=FORMATS)
    routing = Routing.load(settings.mappings)
    return assemble(settings, open_store(settings.database), mappings, routing)


def assemble(
    settings: Settings,
    store: Store,
    mappings: Mappings,
    routing: Routing,
    clock: Callable[[], datetime] = now,
) -> Relay:
    """Put a relay together of what is open and loaded already."""
    routing = routing.going_by(clock)
    poster = Poster(store=store, routing=routing, clock=clock, new_id=new_id)
    return Relay(
        settings=settings,
        store=store,
        mappings=mappings,
        routing=routing,
        poster=poster,
        pipeline=Pipeline(
            store=store,
            mappings=mappings,
            poster=poster,
            answers=Answers(endpoint=endpoint(settings), clock=clock, new_id=new_id),
            clock=clock,
            new_id=new_id,
            takes_trials=settings.takes_trials,
        ),
        recogniser=Recogniser(mappings=mappings, poster=poster, store=store),
        tokens=access_tokens(store),
        register=StoredRegister(store),
        clock=clock,
        new_id=new_id,
    )


def access_tokens(store: Store) -> AccessTokens:
    """Return what issues and reads tokens, with the secret that all processes share."""
    secret = store.settings.once("token-secret", lambda: secrets.token_hex(32))
    return AccessTokens(bytes.fromhex(secret), issuer=f"relay:{store.settings.epoch()}")


def endpoint(settings: Settings) -> str:
    """Return our own FHIR address as others see it."""
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return f"{base.rstrip('/')}/fhir"
