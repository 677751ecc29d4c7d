"""Who may do what: registered clients, SMART scopes, signed assertions, access tokens."""

from service.security.assertion import AssertionVerifier, InvalidAssertion
from service.security.certificate import (
    certificate_name,
    parse_certificate_name,
    with_certificate_name,
)
from service.security.client import Client, Registration
from service.security.scopes import Scopes
from service.security.token import AccessTokens

__all__ = [
    "AccessTokens",
    "AssertionVerifier",
    "Client",
    "InvalidAssertion",
    "Registration",
    "Scopes",
    "certificate_name",
    "parse_certificate_name",
    "with_certificate_name",
]
