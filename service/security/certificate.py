"""The name by which a client's TLS certificate is known, kept beside its public keys.

Named as in OAuth: https://www.rfc-editor.org/rfc/rfc8705#section-2.1.2. A JWK Set may have other
members than `keys` (RFC 7517, section 5), so that it needs no column of its own.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

_MEMBER: Final = "tls_client_auth_san_dns"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,252}")


def parse_certificate_name(text: str) -> str:
    """Return a DNS name or URI in small letters. Raises ValueError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError("a name of a certificate is a DNS name or URI, without wildcards")
    return name


def certificate_name(jwks: str) -> str:
    """Return the name that a client's certificate must have; "" where it has no certificate."""
    name: str = json.loads(jwks or "{}").get(_MEMBER, "")
    return name


def with_certificate_name(key_set: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a JWK Set that also says the name of the client's certificate."""
    return {**key_set, _MEMBER: name}
