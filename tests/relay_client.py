"""An organisation's system as the relay meets it over HTTP."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import Relay, create_app
from service.model import OdsCode
from service.security import Client, Scopes

HL7V2 = "application/hl7-v2"
FHIR = "application/fhir+json"
_LOCK = Lock()
_MADE: deque[tuple[Relay, Flask]] = deque(maxlen=4)  # the last ones: an app holds its relay


@dataclass
class Team:
    """One organisation with an access token."""

    ods: str
    http: FlaskClient
    token: str

    @classmethod
    def of(cls, relay: Relay, ods: str, scopes: str = "system/*.cruds") -> Team:
        """Return a client of this organisation, with these scopes."""
        client = Client(id=f"{ods}-1", organisation=OdsCode(ods), scopes=Scopes.parse(scopes))
        token = relay.tokens.issue(client, relay.new_id())
        return cls(ods=ods, http=_app(relay).test_client(), token=token)

    def post(self, path: str, body: bytes, media_type: str = HL7V2, **headers: str) -> TestResponse:
        """Post bytes."""
        return self.http.post(
            path, data=body, content_type=media_type, headers=self._headers(headers)
        )

    def put(self, path: str, resource: Any, **headers: str) -> TestResponse:
        """Put a resource."""
        return self.http.put(path, json=resource, content_type=FHIR, headers=self._headers(headers))

    def get(self, path: str, **headers: str) -> TestResponse:
        """Get an address; an absolute one of the relay too."""
        return self.http.get(path, headers=self._headers(headers))

    def feed(self) -> list[dict[str, Any]]:
        """Return every Communication of this team, by following `next` to an empty page."""
        found: list[dict[str, Any]] = []
        system = "https://fhir.nhs.uk/Id/ods-organization-code"
        path = f"/fhir/Communication?recipient:identifier={system}|{self.ods}&_count=20"
        while True:
            bundle = self.get(path).get_json()
            entries = bundle.get("entry", [])
            if not entries:
                return found
            found += [entry["resource"] for entry in entries]
            path = next(link["url"] for link in bundle["link"] if link["relation"] == "next")

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.token}", **named}


def _app(relay: Relay) -> Flask:
    """Return the relay's application, made once; threads cannot safely make several at once.

    Werkzeug compiles its routes, and CPython 3.11 fails at times when two threads compile
    (python/cpython#106905).
    """
    with _LOCK:
        found = next((app for made, app in _MADE if made is relay), None)
        if found is None:
            found = create_app(relay)
            _MADE.append((relay, found))
        return found
