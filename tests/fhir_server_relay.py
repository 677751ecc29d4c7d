"""A relay that forwards some teams' feeds to a FHIR server during a block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from service.app import Relay, acknowledge, listed_organisations
from service.delivery.channels import Means, open_channel
from service.delivery.contents import Contents
from service.delivery.sending import Policy
from service.delivery.worker import Line, Worker
from service.fhir.task import Acknowledgement
from service.model import OdsCode
from service.store import Place

BASE = "http://relay.example/fhir"
CHANNEL = "fhir-server"
QUICK = Policy(longest=0.3, look=0.05)


@contextmanager
def forwarding(
    relay: Relay, url: str, *teams: str, token: str = "", policy: Policy = QUICK
) -> Iterator[None]:
    """Send these teams' events to the server at `url` until the block ends."""
    means = Means(
        contents=Contents(relay.store, listed_organisations(relay)),
        base=BASE,
        fhir_server_tokens=dict.fromkeys(teams, token),
    )
    worker = Worker(
        relay.store,
        [line(relay, ods, url, means) for ods in teams],
        lambda ods, id_, channel: acknowledge(relay, ods, id_, Acknowledgement(), channel),
        policy=policy,
        lease=2,
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        relay.store.end_waits()
        thread.join(60)
        assert not thread.is_alive()


def line(relay: Relay, ods: str, url: str, means: Means) -> Line:
    entry = relay.routing.directory.by_code(OdsCode(ods))
    assert entry is not None
    reached = replace(entry, channels=(CHANNEL,), fhir_server=url)
    return Line(
        recipient=entry.ods, channel=CHANNEL, open=partial(open_channel, CHANNEL, reached, means)
    )


def place(relay: Relay, ods: str) -> Place:
    return relay.store.channels.place(ods, CHANNEL)


def arrived(relay: Relay, ods: str) -> bool:
    """Whether everything in a team's feed has gone."""
    return place(relay, ods).n == relay.store.head(ods).n > 0
