"""From a request's Authorization header to the client that sent it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Request

from service.errors import Unauthenticated
from service.security import AccessTokens, Client

Authenticate = Callable[[Request], Client]


def bearer(tokens: AccessTokens) -> Authenticate:
    """Return the function that reads a request's access token. It raises Unauthenticated."""

    def authenticate(request: Request) -> Client:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "Send an access token: Authorization: Bearer … "
                "(POST /oauth2/token gives one to a registered client)."
            )
        return tokens.read(token.strip())

    return authenticate
