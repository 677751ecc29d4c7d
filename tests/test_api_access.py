"""Nobody meets another organisation's resources by any route (broken object level access)."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest

from service.store import Store
from tests.api_samples import (
    HOSPICE,
    NHS,
    ODS,
    ROSALIND,
    Api,
    Caller,
    Resource,
    bundle,
    communication,
    entries,
    entry,
    issues,
    matches,
    parameters,
    patient,
    referral,
    service_request,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]

# Everything that one referral makes, by type: what the hospice may see and a stranger may not.
KINDS = ("Patient", "ServiceRequest", "Communication", "Task")


@pytest.fixture
def sent(api: Api) -> dict[str, Resource]:
    """A referral to the hospice, by type, as its sender sees it."""
    assert api.trust.post("", referral()).status_code == 200
    return {kind: api.trust.search(kind)[0] for kind in KINDS}


def test_the_recipient_and_the_sender_see_all_of_it(api: Api, sent: dict[str, Resource]) -> None:
    for caller in (api.trust, api.hospice):
        for kind, resource in sent.items():
            assert caller.get(f"{kind}/{resource['id']}").status_code == 200, kind
            assert [one["id"] for one in caller.search(kind)] == [resource["id"]]


def attempts(caller: Caller, kind: str, resource: Resource) -> Iterator[tuple[str, Any]]:
    """Every route on one resource, with what it is answered."""
    url = f"{kind}/{resource['id']}"
    yield "read", caller.get(url)
    yield "head", caller.send("HEAD", f"/fhir/{url}")
    yield "vread", caller.get(f"{url}/_history/1")
    yield "history", caller.get(f"{url}/_history")
    yield "update", caller.put(url, resource, If_Match='W/"1"')
    yield "patch", caller.patch(url, [{"op": "test", "path": "/id", "value": resource["id"]}])
    if kind == "Communication":
        yield "acknowledge", caller.post(f"{url}/$acknowledge")
        answered = caller.post(f"{url}/$acknowledge", parameters(status="accepted"))
        yield "accept", answered


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_is_answered_as_if_it_were_not_there(
    api: Api, sent: dict[str, Resource], kind: str
) -> None:
    resource = sent[kind]
    missing = {**resource, "id": "01890000-0000-7000-8000-000000000000"}

    real = dict(attempts(api.stranger, kind, resource))
    none = dict(attempts(api.stranger, kind, missing))

    for route, answer in real.items():
        assert answer.status_code in (404, 405), route
        assert answer.status_code == none[route].status_code, route
        assert answer.data == none[route].data, route
    after = api.trust.get(f"{kind}/{resource['id']}").json
    assert after == resource


def test_a_strangers_searches_find_nothing(api: Api, sent: dict[str, Resource]) -> None:
    person, told = sent["Patient"]["id"], sent["Communication"]["id"]
    for url in (
        *KINDS,
        *(f"{kind}?_id={resource['id']}" for kind, resource in sent.items()),
        f"Patient?identifier={NHS}|{ROSALIND}",
        "Patient?birthdate=1950-01-02",
        "Patient?family=testpatient",
        f"Communication?patient={person}",
        f"Communication?patient.identifier={NHS}|{ROSALIND}",
        f"Communication?recipient:identifier={ODS}|{HOSPICE}",
        f"Communication?sender:identifier={ODS}|RJZ",
        f"Communication?recipient=Organization/{HOSPICE}",
        "Communication?_lastUpdated=gt2020-01-01",
        "Communication?_sort=-sent",
        f"Task?focus=Communication/{told}",
        f"Task?owner:identifier={ODS}|{HOSPICE}&status=requested",
        "Task?status=requested",
        f"ServiceRequest?subject=Patient/{person}",
        "ServiceRequest?_lastUpdated=gt2020-01-01",
    ):
        answer = api.stranger.get(url)
        assert answer.status_code == 200, url
        assert matches(answer) == [], url
        counted = api.stranger.get(f"{url}{'&' if '?' in url else '?'}_summary=count")
        assert counted.json["total"] == 0, url


def test_a_batch_is_no_way_around(api: Api, sent: dict[str, Resource]) -> None:
    asked = [
        entry(None, "GET", f"{kind}/{resource['id']}{tail}")
        for kind, resource in sent.items()
        for tail in ("", "/_history", "/_history/1")
    ]
    asked += [entry(None, "GET", f"{kind}?_id={one['id']}") for kind, one in sent.items()]

    for form in ("batch", "transaction"):
        answer = api.stranger.post("", bundle(asked, form))
        single, searches = answer.json["entry"][:-4], answer.json["entry"][-4:]
        assert {one["response"]["status"] for one in single} == {"404 Not Found"}
        assert all("entry" not in one["resource"] for one in searches)


def test_references_to_what_is_not_yours_are_refused(api: Api, sent: dict[str, Resource]) -> None:
    """Otherwise posting a reference would open what it points at to its poster's recipients."""
    theirs = f"Patient/{sent['Patient']['id']}"

    answer = api.stranger.post("ServiceRequest", service_request(theirs))
    missing = api.stranger.post("ServiceRequest", service_request("Patient/nobody"))

    assert answer.status_code == missing.status_code == 422
    assert answer.data == missing.data
    assert issues(answer) == [("not-found", "ServiceRequest.subject.reference")]


def test_conditions_find_only_what_is_the_clients_own(api: Api, sent: dict[str, Resource]) -> None:
    condition = f"identifier={NHS}|{ROSALIND}"

    created = api.stranger.post("Patient", patient(), If_None_Exist=condition)
    updated = api.hospice.put(f"Patient?{condition}", patient(gender="unknown"))

    assert created.status_code == updated.status_code == 201
    assert api.trust.get(f"Patient/{sent['Patient']['id']}").json == sent["Patient"]


def test_inclusions_are_checked_again(api: Api, sent: dict[str, Resource]) -> None:
    """What a stranger may see points at what it may not: the pointer is all it gets."""
    person = f"Patient/{sent['Patient']['id']}"
    store: Store = api.relay.store
    seen = api.trust.get(person).json
    assert seen
    mine = api.stranger.create(
        {
            "resourceType": "Flag",
            "status": "active",
            "code": {"text": "x"},
            "subject": {"reference": f"http://relay.example/fhir/{person}"},
        }
    )
    stored = store.read("8HX01", "Flag", mine["id"])
    assert stored is not None

    answer = api.stranger.get("Flag?_include=Flag:subject&_include=Flag:patient")

    assert len(matches(answer)) == 1
    assert entries(answer, "include") == []


def test_inclusions_need_the_scope_of_what_they_bring(api: Api, sent: dict[str, Resource]) -> None:
    narrow = api.caller(HOSPICE, "system/Communication.rs")

    silent = narrow.get(narrow.feed("&_include=Communication:subject"))
    named = narrow.get(narrow.feed("&_include=Communication:subject:Patient"))
    reverse = narrow.get(narrow.feed("&_revinclude=Task:focus"))
    chained = narrow.get(narrow.feed("&patient.birthdate=1950-01-02"))

    assert entries(silent, "include") == []
    assert named.status_code == reverse.status_code == chained.status_code == 403
    by_birth = narrow.feed("&subject:Patient.birthdate=1950-01-02")
    assert narrow.get(by_birth).status_code == 403
    several = f"Provenance?target.identifier={NHS}|{ROSALIND}"
    assert matches(api.caller(HOSPICE, "system/Provenance.rs").get(several)) == []


def test_only_the_owner_changes_what_others_may_see(api: Api, sent: dict[str, Resource]) -> None:
    for kind in ("Patient", "ServiceRequest", "Communication"):
        resource = sent[kind]
        url = f"{kind}/{resource['id']}"
        changed = {**resource, "language": "en-GB"}
        assert api.hospice.put(url, changed).status_code == 403, kind
        patched = api.hospice.patch(url, [{"op": "add", "path": "/language", "value": "cy"}])
        assert patched.status_code == 403, kind
        assert api.trust.get(url).json == resource


def test_only_the_recipient_answers(api: Api, sent: dict[str, Resource]) -> None:
    told, task = sent["Communication"], sent["Task"]

    by_sender = api.trust.post(f"Communication/{told['id']}/$acknowledge")
    by_put = api.trust.put(f"Task/{task['id']}", {**task, "status": "received"}, If_Match='W/"1"')

    assert by_sender.status_code == 403
    assert by_put.status_code == 403
    assert api.trust.get(f"Task/{task['id']}").json == task


def test_everybody_sees_the_directory_and_nobody_changes_it(api: Api) -> None:
    listed = api.stranger.get("Organization/RJZ")
    assert listed.json["identifier"][0] == {"system": ODS, "value": "RJZ"}

    for caller in (api.trust, api.stranger):
        assert caller.put("Organization/RJZ", listed.json).status_code == 403
        found = caller.search(f"Organization?identifier={ODS}|RJZ")
        assert [one["id"] for one in found] == ["RJZ"]
        assert len(caller.search("Organization?name=king")) == 1


def test_a_posted_organisation_is_its_posters_alone(api: Api) -> None:
    made = api.trust.create({"resourceType": "Organization", "name": "Lister Ward"})

    assert [one["id"] for one in api.trust.search("Organization?name=lister")] == [made["id"]]
    assert api.stranger.search("Organization?name=lister") == []
    assert api.stranger.get(f"Organization/{made['id']}").status_code == 404


def test_the_original_message_is_the_senders_and_its_recipients(api: Api) -> None:
    hl7 = (
        "MSH|^~\\&|EPIC|RJZ|||20250314163000||ADT^A03^ADT_A03|T1|P|2.4|||||GBR\r"
        "EVN|A03|20250314163000\r"
        "PID|1||9990001006^^^NHS^NH||TESTPATIENT^ROSALIND||19500102|2|||1 Road^^Town^^TN1 1AA\r"
        "PV1|1|I|LISTER^^^RJZ||||||||||||||||V1^^^RJZ^VN||||||||||||||||||||||||||||20250314161500\r"
    )
    answer = api.trust.send("POST", "/hl7v2", hl7.encode(), content="application/hl7-v2")
    assert answer.status_code == 200, answer.text
    (document, *_) = [
        one
        for one in api.trust.search("DocumentReference")
        if one["content"][0]["attachment"]["url"].startswith("Binary/")
    ]
    url = document["content"][0]["attachment"]["url"]

    raw = api.trust.get(url, Accept="*/*")
    wrapped = api.trust.get(url)
    json_wanted = api.trust.get(f"{url}?_format=json", Accept="*/*")

    assert raw.data == hl7.encode()
    assert raw.headers["Content-Disposition"].startswith("attachment")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert wrapped.status_code == 406 or wrapped.content_type.startswith("application/hl7-v2")
    assert json_wanted.json["resourceType"] == "Binary"
    assert api.trust.get(url, Accept="application/fhir+json").json["contentType"]
    assert api.trust.get(url, Accept="image/png").status_code == 406
    assert api.stranger.get(url, Accept="*/*").status_code == 404


def test_every_route_is_audited_and_no_patient_is_in_the_audit(
    api: Api, sent: dict[str, Resource]
) -> None:
    api.hospice.get(f"Patient?identifier={NHS}|{ROSALIND}", X_Request_Id="req-1")
    api.hospice.get("Patient/nobody", X_Request_Id="req-2")
    api.hospice.post(f"Communication/{sent['Communication']['id']}/$acknowledge")
    time.sleep(0.5)  # reads are recorded within 100 ms

    path = api.relay.settings.database.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM audit").fetchall()
        columns = [one[1] for one in connection.execute("PRAGMA table_info(audit)")]
    kept = [dict(zip(columns, row, strict=True)) for row in rows]
    said = {(one["action"], one["type"], one["outcome"]) for one in kept}
    assert {
        ("transaction", "Bundle", "0"),
        ("search-type", "Patient", "0"),
        ("read", "Patient", "4"),
        ("operation", "Task", "0"),
    } <= said
    assert ROSALIND not in json.dumps(kept, default=str)


def test_passing_on_another_organisations_patient_does_not_open_it(
    api: Api, sent: dict[str, Resource]
) -> None:
    """A hospice writes to a second about a trust's Patient: the second sees the letter only."""
    person = f"Patient/{sent['Patient']['id']}"

    answer = api.hospice.post("Communication", communication(person, "8HX01"))

    assert answer.status_code == 201, answer.text
    assert len(api.stranger.search(api.stranger.feed())) == 1
    assert api.stranger.get(person).status_code == 404
    assert api.stranger.search("Patient") == []
