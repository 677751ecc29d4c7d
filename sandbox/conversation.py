"""What the relay answers over HTTP, of every kind: read, found, changed, sent on, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox.produced import Document, Example, Resource, mapping_examples
from service.api.reply import dumps
from service.app import Relay, compose, create_app, listed_organisations, take_in
from service.delivery.contents import Contents
from service.evaluation import MEASURES
from service.fhir.digest import Digest, Item
from service.fhir.systems import ODS
from service.model import OdsCode
from service.security import Client, Scopes
from service.settings import Settings
from service.store import migrate

FHIR: Final = "application/fhir+json"
XML: Final = "application/fhir+xml"
TRUST, OTHER_TRUST = "RJZ", "RJ1"
HOSPICE: Final = "8HX03"
_PATCH: Final = "application/json-patch+json"
_NOBODY: Final = "Patient/00000000-0000-7000-8000-00000000dead"


def answers() -> Iterator[Document]:
    """Yield every FHIR answer of a relay that has taken in the mappings' examples."""
    with relaying() as relay:
        for example in mapping_examples():
            yield from _taken(relay, example)
        app = create_app(relay)
        for ods in (HOSPICE, TRUST, OTHER_TRUST):
            caller = Caller(app.test_client(), _token(relay, ods))
            yield from _read(caller, ods)
            yield from _written(caller)
            yield from _refused(caller)
            yield from _evaluated(caller)
        yield from _refused(Caller(app.test_client(), ""))
        yield _digest(relay)


@contextmanager
def relaying() -> Iterator[Relay]:
    """Yield a relay with the shipped mappings on a fresh database."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'relay.db')}"
        migrate(url)
        relay = compose(Settings(database=url))
        with relay.store:
            yield relay


class Caller:
    """A client; `ask` yields the answer if it is FHIR."""

    def __init__(self, http: FlaskClient, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def open(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send; a body that is not text is written as JSON. Header names have _ for -."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.open(
            f"/fhir/{path}",
            method=method,
            data=body if isinstance(body, str | None) else json.dumps(body),
            headers={"Content-Type": FHIR, **self._headers, **told},
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Iterator[Document]:
        """Yield the answer, if it has a body that is FHIR."""
        answer = self.open(method, path, body, **headers)
        if answer.mimetype in (FHIR, XML) and answer.data:
            name = f"{answer.status_code} to {method} {path} {headers or ''}"
            yield Document(name=name, text=answer.text)

    def get(self, path: str) -> Resource:
        """Return what is there as JSON."""
        return dict(self.open("GET", path).get_json())


def _taken(relay: Relay, example: Example) -> Iterator[Document]:
    sender = OdsCode(TRUST) if example.sender == "X9999" else example.sender
    for answer in take_in(relay, sender, "", example.body, example.mapping_id):
        if answer.media_type.startswith((FHIR, XML)) and answer.body:
            stu3 = "stu3" in example.mapping_id or "itk3" in example.mapping_id
            if not stu3:
                yield Document(name=f"answer to {example.name}", text=answer.body.decode())


def _read(caller: Caller, ods: str) -> Iterator[Document]:
    yield from caller.ask("GET", "metadata")
    yield from caller.ask("GET", f"Communication?recipient:identifier={ODS}|{ods}&_count=5")
    for claimed in caller.get("metadata")["rest"][0]["resource"]:
        kind = claimed["type"]
        yield from caller.ask("GET", f"{kind}?_count=200")
        yield from caller.ask("GET", f"{kind}?_count=3", Accept=XML)
        yield from caller.ask("GET", f"{kind}?_summary=count")
        for included in claimed.get("searchInclude", ()):
            yield from caller.ask("GET", f"{kind}?_include={included}&_count=20")
        for entry in caller.get(f"{kind}?_count=3").get("entry", ()):
            yield from _one(caller, f"{kind}/{entry['resource']['id']}")


def _one(caller: Caller, place: str) -> Iterator[Document]:
    yield from caller.ask("GET", place)
    yield from caller.ask("GET", place, Accept=XML)
    yield from caller.ask("GET", f"{place}/_history")
    yield from caller.ask("GET", f"{place}/_history/1")


def _evaluated(caller: Caller) -> Iterator[Document]:
    """What the figures mean, and the figures of the time in which all this was sent."""
    this_year = f"periodStart=2025&periodEnd={datetime.now(UTC).year}"
    yield from caller.ask("GET", "Measure")
    for id_ in MEASURES:
        yield from caller.ask("GET", f"Measure/{id_}")
        yield from caller.ask("GET", f"Measure/{id_}/$evaluate-measure?{this_year}")
        yield from caller.ask("GET", f"Measure/{id_}/$evaluate-measure?{this_year}", Accept=XML)
    yield from caller.ask("GET", "Measure/patients/$evaluate-measure?periodStart=soon")


def _digest(relay: Relay) -> Document:
    """A day's digest of all that a team was sent."""
    contents = Contents(relay.store, listed_organisations(relay))
    events = relay.store.feed(HOSPICE, 0, 200).events
    items = [
        Item(n=event.n, communication=json.loads(event.body), task=task)
        for event in events
        for task in contents.tasks(HOSPICE, event.id)[:1] or [None]
    ]
    digest = Digest(
        recipient=HOSPICE,
        day="2026-11-24",
        n=events[-1].n,
        at="2026-11-24T08:00:00Z",
        base="https://relay.example/fhir",
        new=items,
        unanswered=[],
    )
    return Document(name="a digest", text=dumps(digest.message()).decode())


def _written(caller: Caller) -> Iterator[Document]:
    made = caller.open("POST", "Patient", PATIENT).get_json()
    place = f"Patient/{made['id']}"
    named = [{"op": "replace", "path": "/name/0/family", "value": "XXTESTCHANGED"}]
    transaction = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}},
            {"request": {"method": "GET", "url": place}},
        ],
    }
    told = {"Prefer": "return=representation"}
    yield from caller.ask("PATCH", place, named, Content_Type=_PATCH)
    yield from caller.ask("GET", f"{place}/_history")
    yield from caller.ask("POST", "", transaction, **told)
    yield from caller.ask("POST", "", transaction, Prefer="return=OperationOutcome")
    yield from caller.ask("POST", "", {**transaction, "type": "batch"}, Accept=XML)
    yield from caller.ask("POST", "Patient", PATIENT, Prefer="return=OperationOutcome")
    for task in caller.get("Task?status=requested&_count=2").get("entry", ()):
        about = task["resource"]["focus"]["reference"]
        yield from caller.ask("POST", f"{about}/$acknowledge", ACCEPTED, **told)


def _refused(caller: Caller) -> Iterator[Document]:
    """Whatever can be wrong with a request, each answered with an OperationOutcome."""
    yield from caller.ask("GET", _NOBODY)
    yield from caller.ask("GET", "Nothing/1")
    yield from caller.ask("GET", "Patient?favourite-colour=red")
    yield from caller.ask("GET", "Patient?birthdate=soon", Accept=XML)
    yield from caller.ask("GET", "Patient", Accept="image/png")
    yield from caller.ask("DELETE", _NOBODY)
    yield from caller.ask("POST", "Patient", "{", Prefer="return=representation")
    yield from caller.ask("POST", "Patient", "<Patient/>", Content_Type=XML)
    yield from caller.ask("POST", "Patient", PATIENT, Content_Type="text/plain")
    yield from caller.ask("POST", "Patient", {**PATIENT, "gender": "F", "birthDate": "1.2.50"})
    yield from caller.ask("PUT", _NOBODY, PATIENT)
    yield from caller.ask("POST", "", {"resourceType": "Bundle", "type": "message"})
    yield from caller.ask("POST", "$process-message", {"resourceType": "Bundle", "type": "batch"})


PATIENT: Final[Resource] = {
    "resourceType": "Patient",
    "name": [{"family": "XXTESTPATIENT", "given": ["Rosalind"]}],
    "gender": "female",
    "birthDate": "1950-01-02",
}
ACCEPTED: Final[Resource] = {
    "resourceType": "Parameters",
    "parameter": [{"name": "status", "valueCode": "accepted"}],
}


def _token(relay: Relay, ods: str) -> str:
    scopes = Scopes.parse("system/*.cruds")
    client = Client(id=f"client-{ods}", organisation=OdsCode(ods), scopes=scopes)
    return relay.tokens.issue(client, relay.new_id())
