"""Subscriptions as tests make them, and a worker that sends to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from service.app import Relay
from service.cli.delivering import pusher
from service.delivery.sending import Policy
from service.store import RegisteredClient
from tests.mllp_wire import quick_relay
from tests.relay_client import FHIR, Team

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
TOPIC = "https://discharge-relay.example/fhir/SubscriptionTopic/"
SECRET = "Bearer swordfish-swordfish"
QUICK = Policy(longest=0.05, look=0.1, tries=1 << 31)


def subscription(
    url: str, content: str = "id-only", topic: str = "communication", **channel: Any
) -> dict[str, Any]:
    """Return a Subscription to post; `channel` has more of its elements."""
    extensions = [
        {"url": BACKPORT + name, "valuePositiveInt" if "max" in name else "valueUnsignedInt": value}
        for name, value in channel.pop("backport", {}).items()
    ]
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "What is sent to this team",
        "criteria": TOPIC + topic,
        "channel": {
            **({"extension": extensions} if extensions else {}),
            "type": "rest-hook",
            "endpoint": url,
            "payload": "application/fhir+json",
            "_payload": {
                "extension": [{"url": f"{BACKPORT}backport-payload-content", "valueCode": content}]
            },
            **channel,
        },
    }


def registered(relay: Relay, ods: str, scopes: str = "system/*.cruds") -> Team:
    """Return a team whose client an operator has added."""
    client = RegisteredClient(id=f"{ods}-1", organisation=ods, name=ods, scopes=scopes, jwks="{}")
    if relay.store.clients.get(client.id) is None:
        relay.store.clients.add(client)
    return Team.of(relay, ods, scopes)


def create(team: Team, resource: dict[str, Any]) -> dict[str, Any]:
    """Make a subscription."""
    answer = team.post("/fhir/Subscription", json.dumps(resource).encode(), FHIR)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.get_json()


def delete(team: Team, id_: str) -> int:
    """Delete a subscription; return the status."""
    headers = {"Authorization": f"Bearer {team.token}"}
    return team.http.delete(f"/fhir/Subscription/{id_}", headers=headers).status_code


@contextmanager
def pushing(relay: Relay, policy: Policy = QUICK, lease: float = 2) -> Iterator[None]:
    """Send to subscriptions during the block, as `serve` does."""
    stop = threading.Event()
    run = pusher(relay, policy, lease)
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(40)
        assert not thread.is_alive()


@contextmanager
def unlocked(url: str, **settings: Any) -> Iterator[Relay]:
    """A relay on this database that may push to loopback."""
    allowed = {"push_inside": "localhost 127.0.0.1", **settings}
    with quick_relay(url) as relay:
        yield replace(relay, settings=replace(relay.settings, **allowed))
