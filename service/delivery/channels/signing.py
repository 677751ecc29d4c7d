"""Signatures of what is pushed, by which an endpoint knows that the relay sent it, and when.

As Standard Webhooks has it (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and the
bytes of the body. The R4 Backport IG has no signature; its `channel.header` carries the secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from service.model import Instant

SIGNED_BY: Final = "signing-secret"  # the header of a Subscription that is never sent
_PREFIX: Final = "whsec_"  # of a secret that is base64


def signed(headers: Mapping[str, str], id_: str, now: Instant, body: bytes) -> dict[str, str]:
    """Return the headers to send: a signature in the place of the secret, if there is one.

    id_ is the same for the same notification sent again; the time is that of sending.
    """
    sent = {name: value for name, value in headers.items() if name.lower() != SIGNED_BY}
    secret = next((value for name, value in headers.items() if name.lower() == SIGNED_BY), "")
    if not secret:
        return sent
    at = str(now // 1_000_000)
    content = b".".join((id_.encode(), at.encode(), body))
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {**sent, "webhook-id": id_, "webhook-timestamp": at, "webhook-signature": signature}


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
