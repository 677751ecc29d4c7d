"""Whatever is sent, the answer is FHIR's: never a 5xx, never a value of the request."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.app import assemble, create_app
from service.delivery.routing import Routing
from service.mapping import Mappings
from service.settings import Settings
from service.store import migrate, open_store
from tests.api_samples import Api, Resource, bundle, entry, parameters, patient, referral, urn

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]

SECRET = "Zyxwvut-9990001006"  # stands for a patient's value
JUNK: list[Any] = [None, "", " ", SECRET, 0, -1, 1.5, True, [], {}, [[]], [None], {"a": SECRET}]
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def shared(
    shipped_mappings: Mappings, shipped_routing: Routing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    url = f"sqlite:///{tmp_path_factory.mktemp('robust') / 'relay.db'}"
    migrate(url)
    with open_store(url) as store:
        relay = assemble(Settings(database=url), store, shipped_mappings, shipped_routing)
        yield Api(relay, create_app(relay))


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if here:
        yield here
    inner = value if isinstance(value, dict) else dict(enumerate(value if is_list(value) else ()))
    for name, one in inner.items():
        yield from places(one, (*here, name))


def is_list(value: Any) -> bool:
    return isinstance(value, list)


@st.composite
def spoilt(draw: st.DrawFn, whole: Resource) -> Resource:
    """A resource of which one to three places are gone, replaced or moved."""
    changed = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(places(changed))))
        holder = changed
        for name in way:
            holder = holder[name]
        if draw(st.booleans()):
            holder[last] = copy.deepcopy(draw(st.sampled_from(JUNK)))
        else:
            del holder[last]
        if not changed:
            return {"x": 1}
    return changed


def is_fair(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json["resourceType"] == "OperationOutcome"
        assert answer.json["issue"]
        assert SECRET not in answer.text


BUNDLES = st.sampled_from(
    [
        referral(),
        {**referral(), "type": "batch"},
        bundle(
            [
                entry(patient(), "PUT", "Patient?identifier=https://x|1", urn(1)),
                entry(None, "GET", "Patient?_count=1"),
            ]
        ),
    ]
)


@MANY
@given(data=st.data())
def test_spoilt_bundles_are_refused_or_taken(shared: Api, data: st.DataObject) -> None:
    is_fair(shared.trust.post("", data.draw(spoilt(data.draw(BUNDLES)))))


@MANY
@given(data=st.data())
def test_spoilt_resources_are_refused_or_taken(shared: Api, data: st.DataObject) -> None:
    posted = data.draw(spoilt(patient()))

    is_fair(shared.trust.post("Patient", posted))
    is_fair(shared.trust.put("Patient?identifier=https://x|1", posted))


@MANY
@given(data=st.data())
def test_spoilt_answers_are_refused_or_taken(shared: Api, data: st.DataObject) -> None:
    said = data.draw(spoilt(parameters(status="accepted", practitioner="x", reason="y")))
    listed = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "communication", "valueReference": {"reference": "Communication/1"}}
        ],
    }

    is_fair(shared.hospice.post("Communication/1/$acknowledge", said))
    is_fair(shared.hospice.post("Communication/$acknowledge", data.draw(spoilt(listed))))


@MANY
@given(data=st.data())
def test_spoilt_tasks_are_refused_or_taken(shared: Api, data: st.DataObject) -> None:
    shared.trust.post("", referral("t", "9990123454"))
    task = shared.hospice.search("Task?_sort=-_lastUpdated&_count=1")[0]
    changed = data.draw(spoilt({**task, "status": "received"}))
    tag = f'W/"{task["meta"]["versionId"]}"'

    is_fair(shared.hospice.put(f"Task/{task['id']}", changed, If_Match=tag))


NAMES = st.sampled_from(
    [
        *("_id", "_lastUpdated", "_count", "_sort", "_include", "_revinclude", "_summary"),
        *("_elements", "_total", "_cursor", "_format", "_tag", "identifier", "recipient"),
        *("recipient:identifier", "recipient.identifier", "patient", "patient.identifier"),
        *("subject:Patient.birthdate", "sent", "status", "status:not", "category:text"),
        *("based-on", "received:missing", "x", ""),
    ]
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "2025",
        "gt2025-03",
        "Patient/1",
        "a|b",
        "|",
        ",",
        "\\",
        "-sent",
        "true",
        "Task:focus",
        "0",
        "8HX03",
    ]
)


@MANY
@given(pairs=st.lists(st.tuples(NAMES, TEXTS), max_size=4), posted=st.booleans())
def test_any_search_is_answered_or_refused(
    shared: Api, pairs: list[tuple[str, str]], posted: bool
) -> None:
    client, told = shared.app.test_client(), {"Authorization": f"Bearer {shared.hospice.token}"}
    if posted:
        form: dict[str, list[str]] = {}
        for name, value in pairs:
            form.setdefault(name, []).append(value)
        answer = client.post("/fhir/Communication/_search", data=form, headers=told)
    else:
        answer = client.get("/fhir/Communication", query_string=pairs, headers=told)

    assert answer.status_code in (200, 400, 406, 415), answer.text
    assert answer.json["resourceType"] == (
        "Bundle" if answer.status_code == 200 else "OperationOutcome"
    )


@MANY
@given(
    header=st.sampled_from(
        [
            *("Accept", "Prefer", "If-None-Match", "If-Modified-Since", "If-Match"),
            *("If-None-Exist", "X-Request-Id", "X-Correlation-Id", "Content-Type"),
            *("Authorization", "Content-Encoding"),
        ]
    ),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)
def test_any_header_is_survived(shared: Api, header: str, value: str) -> None:
    told = {"Authorization": f"Bearer {shared.trust.token}", header: value}
    client = shared.app.test_client()

    for answer in (
        client.get("/fhir/Patient", headers=told),
        client.get("/fhir/Patient/1", headers=told),
        client.post("/fhir/Patient", json=patient(), headers=told),
        client.get("/fhir/metadata", headers=told),
    ):
        assert answer.status_code < 500
