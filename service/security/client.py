"""A client as it was registered, and a client as its access token shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.model import OdsCode
from service.security.scopes import Scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """What `discharge-relay client add` recorded of a client."""

    id: str
    organisation: OdsCode
    name: str
    scopes: Scopes  # the most that it may ask for
    jwks: dict[str, Any] | None = None  # its public keys, or
    jwks_url: str | None = None  # where it publishes them (https)
    disabled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Who is calling: nothing here comes from the message, all of it from the access token."""

    id: str
    organisation: OdsCode
    scopes: Scopes

    def may(self, resource: str, letter: str) -> bool:
        """Whether the token covers an interaction (c, r, u, d or s) on a resource type."""
        return self.scopes.may(resource, letter)
