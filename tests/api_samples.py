"""Callers of the FHIR endpoint, and synthetic resources for them to send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from service.app import Relay
from service.model import OdsCode
from service.security import Client, Scopes

ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
FHIR = "application/fhir+json"
TRUST, OTHER_TRUST = "RJZ", "RJ1"
HOSPICE, OTHER_HOSPICE = "8HX03", "8HX01"
ROSALIND = "9990001006"
EVERYTHING = "system/*.cruds"
Resource = dict[str, Any]


@dataclass
class Api:
    """The application as its clients meet it."""

    relay: Relay
    app: Flask

    def caller(self, ods: str, scopes: str = EVERYTHING, client: str = "") -> Caller:
        who = Client(
            id=client or f"client-{ods}", organisation=OdsCode(ods), scopes=Scopes.parse(scopes)
        )
        return Caller(self.app, self.relay.tokens.issue(who, self.relay.new_id()), ods)

    @property
    def trust(self) -> Caller:
        return self.caller(TRUST)

    @property
    def hospice(self) -> Caller:
        return self.caller(HOSPICE)

    @property
    def stranger(self) -> Caller:
        return self.caller(OTHER_HOSPICE)


@dataclass
class Caller:
    """One client's system."""

    app: Flask
    token: str
    ods: str

    def send(
        self, method: str, url: str, body: Any = None, *, content: str = FHIR, **headers: str
    ) -> TestResponse:
        """Header names are written with _ for -."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        return self.app.test_client().open(
            relative(url),
            method=method,
            data=data,
            headers=told,
            content_type=content if data is not None else None,
        )

    def get(self, url: str, **headers: str) -> TestResponse:
        return self.send("GET", url if url.startswith("http") else f"/fhir/{url}", **headers)

    def post(self, url: str, body: Any = None, **headers: str) -> TestResponse:
        return self.send("POST", f"/fhir/{url}" if url else "/fhir", body, **headers)

    def put(self, url: str, body: Any, **headers: str) -> TestResponse:
        return self.send("PUT", f"/fhir/{url}", body, **headers)

    def patch(self, url: str, operations: Any, **headers: str) -> TestResponse:
        content = headers.pop("content", "application/json-patch+json")
        return self.send("PATCH", f"/fhir/{url}", operations, content=content, **headers)

    def create(self, resource: Resource) -> Resource:
        answer = self.post(resource["resourceType"], resource)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def search(self, url: str, **headers: str) -> list[Resource]:
        """The matches of one page."""
        answer = self.get(url, **headers)
        assert answer.status_code == 200, answer.text
        return matches(answer)

    def feed(self, more: str = "") -> str:
        """The search for what is addressed to this caller's organisation."""
        return f"Communication?recipient:identifier={ODS}|{self.ods}{more}"

    def pages(self, url: str, limit: int = 100) -> Iterator[TestResponse]:
        """Every page by `next`, until one has no match or there is no next."""
        for _ in range(limit):
            answer = self.get(url)
            assert answer.status_code == 200, answer.text
            yield answer
            url = link(answer, "next")
            if not url or not matches(answer):
                return


def relative(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def matches(answer: TestResponse) -> list[Resource]:
    return entries(answer, "match")


def entries(answer: TestResponse, mode: str) -> list[Resource]:
    found = answer.json.get("entry", [])
    return [entry["resource"] for entry in found if entry["search"]["mode"] == mode]


def link(answer: TestResponse, relation: str) -> str:
    found = [one["url"] for one in answer.json["link"] if one["relation"] == relation]
    return found[0] if found else ""


def issues(answer: TestResponse) -> list[tuple[str, str]]:
    """(code, place) of each issue of an OperationOutcome."""
    assert answer.json["resourceType"] == "OperationOutcome", answer.text
    return [(one["code"], one.get("expression", [""])[0]) for one in answer.json["issue"]]


def patient(nhs_number: str = ROSALIND, **elements: Any) -> Resource:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": NHS, "value": nhs_number}],
        "name": [{"family": "TESTPATIENT", "given": ["Rosalind"]}],
        "birthDate": "1950-01-02",
        "gender": "female",
        "address": [{"postalCode": "TN1 1AA"}],
        **elements,
    }


def service_request(subject: str, number: str = "1", **elements: Any) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "https://fhir.nhs.uk/RJZ/Id/referral", "value": number}],
        "status": "active",
        "intent": "order",
        "priority": "urgent",
        "code": {"text": "Hospice at home"},
        "subject": {"reference": subject},
        "authoredOn": "2025-03-14T15:30:00+00:00",
        "performer": [organisation(HOSPICE)],
        "reasonCode": [{"text": "Complex pain"}],
        **elements,
    }


def communication(subject: str, *recipients: str, **elements: Any) -> Resource:
    return {
        "resourceType": "Communication",
        "status": "in-progress",
        "subject": {"reference": subject},
        "recipient": [organisation(ods) for ods in recipients or (HOSPICE,)],
        "payload": [{"contentString": "Please visit within one working day."}],
        **elements,
    }


def organisation(ods: str) -> Resource:
    return {"identifier": {"system": ODS, "value": ods}}


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def entry(
    resource: Resource | None, method: str = "POST", url: str = "", full_url: str = "", **asked: str
) -> Resource:
    made: Resource = {
        "request": {"method": method, "url": url or resource["resourceType"], **asked}
    }
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def bundle(entries_: Sequence[Resource], kind: str = "transaction", **elements: Any) -> Resource:
    return {"resourceType": "Bundle", "type": kind, **elements, "entry": list(entries_)}


def referral(number: str = "1", nhs_number: str = ROSALIND, *recipients: str) -> Resource:
    """A referral to the hospice: patient if new, request, and who is told."""
    condition = f"identifier={NHS}|{nhs_number}"
    asked = [organisation(ods) for ods in recipients or (HOSPICE,)]
    return bundle(
        [
            entry(patient(nhs_number), full_url=urn(1), ifNoneExist=condition),
            entry(service_request(urn(1), number, performer=asked), full_url=urn(2)),
            entry(
                communication(urn(1), *recipients, basedOn=[{"reference": urn(2)}]),
                full_url=urn(3),
            ),
        ]
    )


def parameters(**values: str) -> Resource:
    """Parameters of $acknowledge."""
    kinds = {"status": "valueCode"}
    given = [{"name": name, kinds.get(name, "valueString"): text} for name, text in values.items()]
    return {"resourceType": "Parameters", "parameter": given}


def location(answer: TestResponse, index: int) -> str:
    """ "Type/id" of an entry of a response Bundle."""
    found: str = answer.json["entry"][index]["response"]["location"]
    return found.partition("/_history/")[0]
