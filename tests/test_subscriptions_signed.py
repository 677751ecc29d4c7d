"""What is pushed is signed with the secret that its owner gave, which is never sent or shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from service.delivery.channels.signing import signed
from service.model import Instant
from tests.hook_endpoint import Post, endpoint
from tests.mesh_relay import discharge, eventually
from tests.subscribed import create, pushing, registered, subscription, unlocked

pytest_plugins = ["tests.store_fixtures"]

KEY = b"a key of synthetic bytes, 32 of them"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def signature(key: bytes, post: Post) -> str:
    """Sign as a receiver does that checks: id, time and the bytes that came."""
    said = {name.lower(): value for name, value in post.headers.items()}
    content = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + post.body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_every_notification_is_signed_and_one_sent_again_keeps_its_id(sqlite_url: str) -> None:
    with unlocked(sqlite_url) as relay, endpoint() as hook:
        team = registered(relay, "8HX03")
        headers = [f"Signing-Secret: {SECRET}", "X-Ours: yes"]
        made = create(team, subscription(hook.url, header=headers))
        hook.answers = [200, "lost"]
        with pushing(relay):
            eventually(lambda: bool(hook.posts))
            discharge(relay, 1)
            eventually(lambda: len(hook.told()) == 2)
        shown = team.get(f"/fhir/Subscription/{made['id']}").get_data(as_text=True)

    said = [{name.lower(): v for name, v in post.headers.items()} for post in hook.posts]
    assert [one["webhook-signature"] for one in said] == [signature(KEY, p) for p in hook.posts]
    assert said[1]["webhook-id"] == said[2]["webhook-id"] != said[0]["webhook-id"]
    assert all(abs(int(one["webhook-timestamp"]) - time.time()) < 60 for one in said)
    assert {one["x-ours"] for one in said} == {"yes"}
    assert not any("signing-secret" in one for one in said)
    assert SECRET not in shown
    assert "Signing-Secret: ***" in shown


@pytest.mark.parametrize("header", ["Signing-Secret: short", "webhook-signature: v1,mine"])
def test_a_secret_that_is_too_short_or_a_signature_of_ones_own_is_refused(
    sqlite_url: str, header: str
) -> None:
    with unlocked(sqlite_url) as relay:
        team = registered(relay, "8HX03")
        asked = subscription("https://hooks.example.org/in", header=[header])

        answer = team.http.post(
            "/fhir/Subscription", json=asked, headers={"Authorization": f"Bearer {team.token}"}
        )

    assert answer.status_code == 422
    assert "channel.header[0]" in answer.get_data(as_text=True)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    now = Instant(1614265330 * 1_000_000)

    sent = signed(
        {"signing-secret": secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, b'{"test": 2432232314}'
    )

    assert sent["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
