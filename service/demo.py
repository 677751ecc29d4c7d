"""The main job over real HTTP: three trusts send, a hospice polls, reads and acknowledges."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from service.store import RegisteredClient, open_store

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TIMEOUT: Final = 30  # seconds
_REFUSED: Final = 400  # HTTP statuses from here on
FHIR_JSON: Final = "application/fhir+json"
Resource = dict[str, Any]


class DemoFailed(Exception):
    """A step did not go as it should; the text says which, and what was answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """A client of the demo."""

    id: str
    organisation: str  # ODS code
    name: str
    scopes: str


KINGS: Final = Party(
    id="kings", organisation="RJZ", name="King's College Hospital", scopes="system/*.cruds"
)
GUYS: Final = Party(
    id="guys", organisation="RJ1", name="Guy's and St Thomas'", scopes="system/*.cruds"
)
MAIDSTONE: Final = Party(
    id="maidstone",
    organisation="RWF",
    name="Maidstone and Tunbridge Wells",
    scopes="system/*.cruds",
)
HOSPICE: Final = Party(
    id="hospice",
    organisation="8HX03",
    name="Hospice at Home",
    scopes="system/*.rs system/Communication.rus system/Task.rus",
)
PARTIES: Final = (KINGS, GUYS, MAIDSTONE, HOSPICE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """One message of the demo, as it comes with the mappings."""

    by: Party
    what: str
    example: str  # below the mappings folder
    path: str
    media_type: str


SENDINGS: Final = (
    Sending(
        by=KINGS,
        what="a discharge, HL7 v2 ADT^A03",
        example="examples/rjz-a03-home.hl7",
        path="/hl7v2",
        media_type="application/hl7-v2",
    ),
    Sending(
        by=GUYS,
        what="a referral, FHIR R4 Bundle",
        example="examples/rj1-transaction-referral.json",
        path="/fhir",
        media_type=FHIR_JSON,
    ),
    Sending(
        by=MAIDSTONE,
        what="a discharge document, FHIR R4 Bundle",
        example="examples/rwf-document-discharge.json",
        path="/fhir",
        media_type=FHIR_JSON,
    ),
)


def register(database: str) -> dict[str, ECKey]:
    """Make a key for every party and register its public half; return the keys by client id."""
    keys = {party.id: ECKey.generate_key("P-384", auto_kid=True) for party in PARTIES}
    with open_store(database) as store:
        for party in PARTIES:
            store.clients.add(_registration(party, keys[party.id]))
    return keys


def _registration(party: Party, key: ECKey) -> RegisteredClient:
    return RegisteredClient(
        id=party.id,
        organisation=party.organisation,
        name=f"{party.name} (demo)",
        scopes=party.scopes,
        jwks=json.dumps({"keys": [key.as_dict(private=False)]}),
    )


class Caller:
    """A party's system: it proves who it is, then calls the relay over HTTP."""

    def __init__(self, party: Party, key: ECKey, base: str) -> None:
        self.party = party
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no business on the loopback
        self._session.headers["Authorization"] = f"Bearer {self._token(key)}"

    def _token(self, key: ECKey) -> str:
        """https://hl7.org/fhir/smart-app-launch/backend-services.html"""
        endpoint = self.get("/.well-known/smart-configuration")["token_endpoint"]
        claims = {
            "iss": self.party.id,
            "sub": self.party.id,
            "aud": endpoint,
            "exp": int(time.time()) + 60,
            "jti": str(uuid.uuid4()),
        }
        assertion = jwt.encode({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"])
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
            "scope": self.party.scopes,
        }
        answer = self._answer("POST", endpoint, data=form)
        return str(answer.json()["access_token"])

    def get(self, address: str) -> Resource:
        """Return what is at an address, or at a path of the relay. Raises DemoFailed."""
        url = address if address.startswith("http") else self.base + address
        found: Resource = self._answer("GET", url).json()
        return found

    def send(self, path: str, body: bytes, media_type: str) -> requests.Response:
        """Post something. Raises DemoFailed."""
        headers = {"Content-Type": media_type}
        return self._answer("POST", self.base + path, data=body, headers=headers)

    def _answer(self, method: str, url: str, **content: Any) -> requests.Response:
        try:
            answer = self._session.request(method, url, timeout=_TIMEOUT, **content)
        except requests.RequestException as error:
            raise DemoFailed(f"{method} {url}: {type(error).__name__}") from error
        if answer.status_code >= _REFUSED:
            raise DemoFailed(f"{method} {url}: {answer.status_code}\n{answer.text}")
        return answer

    def post_example(self, sending: Sending, mappings: Path) -> str:
        """Send an example; return how it was answered, in a few words."""
        body = (mappings / sending.example).read_bytes()
        return _in_few_words(self.send(sending.path, body, sending.media_type))

    def poll(self, start: str) -> Iterator[tuple[str, list[Resource]]]:
        """Follow `next` from a search on, until nothing new is there.

        Yields the address of each page and its resources; the last page is empty, and the
        address behind it is where the next poll would go on.
        """
        address = start
        while True:
            page = self.get(address)
            found = [entry["resource"] for entry in page.get("entry", []) if is_match(entry)]
            yield address, found
            address = link(page, "next")
            if not found or not address:
                return

    def acknowledge(self, communication: Resource, **said: str) -> str:
        """Say that the party has it, or more; return the path. Raises DemoFailed."""
        path = f"/fhir/Communication/{communication['id']}/$acknowledge"
        given = [
            {"name": name, "valueCode" if name == "status" else "valueString": text}
            for name, text in said.items()
        ]
        parameters = {"resourceType": "Parameters", "parameter": given}
        self.send(path, json.dumps(parameters).encode() if given else b"", FHIR_JSON)
        return path

    def requests_of(self, communication: Resource) -> list[Resource]:
        """Return the ServiceRequests that a Communication is based on."""
        references = [based["reference"] for based in communication.get("basedOn", [])]
        return [self._with_requester(self.get(f"/fhir/{reference}")) for reference in references]

    def _with_requester(self, request: Resource) -> Resource:
        """Return a ServiceRequest whose requester has a name for people, where there is one."""
        requester = request.get("requester", {})
        if "display" in requester or "reference" not in requester:
            return request
        role = self.get(f"/fhir/{requester['reference']}")
        names = [role.get(part, {}).get("display") for part in ("practitioner", "organization")]
        named = {**requester, "display": ", ".join(filter(None, names))}
        return {**request, "requester": named}


def is_match(entry: Resource) -> bool:
    """Whether an entry of a search is what was searched for, not what comes with it."""
    return str(entry.get("search", {}).get("mode", "match")) == "match"


def link(bundle: Resource, relation: str) -> str:
    """Return one of a Bundle's links, "" if it has none of this relation."""
    found = (str(one["url"]) for one in bundle["link"] if one["relation"] == relation)
    return next(found, "")


def _in_few_words(answer: requests.Response) -> str:
    """Return the status, and the acknowledgement code or resource type of the body."""
    if "hl7" in answer.headers["Content-Type"]:
        fields = next(s for s in answer.text.split("\r") if s.startswith("MSA")).split("|")
        return f"{answer.status_code}, {'|'.join(fields[:3])}"
    body = answer.json()
    kind = body.get("type", "")
    return f"{answer.status_code}, {body['resourceType']}{f' ({kind})' if kind else ''}"
