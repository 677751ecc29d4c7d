"""Operators over HTTP: what is stuck, who is late, who must decide; and who may ask for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from service.app import Relay
from tests.audit_trail import audited
from tests.caseload_lists import put
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.operators_desk import DESK, EVERYTHING, do, refuse
from tests.relay_client import Team
from tests.simulated_days import HOSPICE, SECOND, TRUST, Loop
from tests.subscribed import create, registered, subscription

pytest_plugins = ["tests.operators_fixtures"]


def test_stuck_channels_and_subscriptions_are_found_and_go_on(
    operated: Relay, desk: Team, database_url: str
) -> None:
    for n in range(3):
        assert Team.of(operated, TRUST).post("/hl7v2", a03(control_id=f"K{n}")).status_code == 200
    hook = create(
        registered(operated, "G99901"),
        subscription("https://hooks.example.org/in/secret-path", header=["X-Key: swordfish"]),
    )
    name = f"rest-hook/{hook['id']}"
    operated.store.channels.park("G99901", "mesh", "nobody collects it")
    operated.store.channels.park("G99901", name, "404 three times")

    every = desk.get("/operator/channels?organisation=G99901")
    stuck = desk.get("/operator/channels?state=stuck&_count=1").get_json()
    rest = desk.get(stuck["next"]).get_json()
    beyond = do(desk, "channels/G99901/mesh/$resume", after="9")
    resumed = do(desk, "channels/G99901/mesh/$resume", after="2")
    hooked = do(desk, f"channels/G99901/{name}/$resume")

    found = {one["channel"]: one for one in every.get_json()["channels"]}
    assert (found["mesh"]["state"], found["mesh"]["reason"]) == ("parked", "nobody collects it")
    assert (found["mesh"]["sent"], found["mesh"]["of"], found["mesh"]["behind"]) == (0, 3, 3)
    assert (found[name]["of"], found[name]["behind"], found[name]["stuck"]) == (3, 0, True)
    assert found[name]["subscription"]["endpoint"] == "https://hooks.example.org"
    assert "swordfish" not in every.get_data(as_text=True)
    assert "secret-path" not in every.get_data(as_text=True)
    assert [one["channels"][0]["channel"] for one in (stuck, rest)] == ["mesh", name]
    assert beyond.status_code == 400
    assert (resumed.status_code, resumed.get_json()["sent"]) == (200, 2)
    assert hooked.status_code == 200
    assert desk.get("/operator/channels?state=stuck").get_json() == {"channels": []}
    assert len(audited(database_url, "resume", count=3)) == 3


def test_a_subscription_that_is_off_or_deleted_is_not_gone_on_with(
    operated: Relay, desk: Team
) -> None:
    team = registered(operated, HOSPICE)
    made = [create(team, subscription("https://hooks.example.org/in")) for _ in range(2)]
    off, gone = (f"rest-hook/{one['id']}" for one in made)
    team.put(f"/fhir/Subscription/{made[0]['id']}", {**made[0], "status": "off"})
    team.http.delete(
        f"/fhir/Subscription/{made[1]['id']}", headers={"Authorization": f"Bearer {team.token}"}
    )

    assert do(desk, f"channels/{HOSPICE}/{off}/$resume").status_code == 409
    assert do(desk, f"channels/{HOSPICE}/{gone}/$resume").status_code == 404
    assert do(desk, f"channels/{HOSPICE}/mesh/$resume").status_code == 404
    [one] = desk.get("/operator/channels").get_json()["channels"]
    assert (one["channel"], one["stuck"]) == (off, False)


def test_who_can_turn_on_again_what_its_endpoint_turned_off_is_told(
    operated: Relay, desk: Team
) -> None:
    team = registered(operated, HOSPICE)
    create(team, subscription("https://hooks.example.org/in"))
    [known] = operated.store.subscriptions.of(HOSPICE)
    gone = replace(known, status="off", reason="the endpoint answered 410 Gone")
    operated.store.subscriptions.change(known, gone)

    findings = desk.get("/operator/findings").get_json()["findings"]

    [told] = [one for one in findings if one["about"] == "channels"]
    assert "410 Gone" in told["text"]
    assert told["todo"] == "its owner mends that and asks for the subscription again by PUT"
    assert team.put(f"/fhir/Subscription/{known.id}", _again(team, known.id)).status_code == 200
    later = desk.get("/operator/findings").get_json()["findings"]
    assert not [one for one in later if one["about"] == "channels" and one["severity"] == "error"]


def _again(team: Team, id_: str) -> dict[str, object]:
    asked: dict[str, object] = team.get(f"/fhir/Subscription/{id_}").get_json()
    return {**asked, "status": "requested"}


def test_late_acknowledgements_are_paged_with_the_longest_late_first(loop: Loop) -> None:
    message = loop.discharge()
    loop.pass_time(hours=60, step=timedelta(hours=1))
    desk = Team.of(loop.relay, DESK, EVERYTHING)

    first = desk.get("/operator/late?_count=1").get_json()
    second = desk.get(first["next"]).get_json()
    progress = desk.get(f"/operator/messages/{message}/$status").get_json()

    assert (first["late"][0]["ods"], second["late"][0]["ods"]) == (HOSPICE, SECOND)
    assert first["late"][0]["due"] < second["late"][0]["due"]
    assert first["late"][0]["message"] == message
    assert HOSPICE in {one["ods"] for one in progress["recipients"]}
    assert NHS_NUMBER not in json.dumps([first, second, progress])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_near_matches_are_listed_compared_and_decided(operated: Relay, desk: Team) -> None:
    put(operated, birth_date="1944-02-04")
    Team.of(operated, TRUST).post("/hl7v2", a03(postcode="ME14 9ZZ"))

    [review] = desk.get("/operator/reviews").get_json()["reviews"]
    path = f"reviews/{review['id']}"
    unseen = desk.get(f"/operator/{path}")
    both = Team.of(operated, DESK, "operator/Patient.r").get(f"/operator/{path}").get_json()
    silent = do(desk, f"{path}/$decide", decision="accept")
    decided = do(desk, f"{path}/$decide", decision="accept", reason="rang the ward")

    assert NHS_NUMBER not in json.dumps(review)
    assert unseen.status_code == 403
    assert (both["listed"]["birth_date"], both["sent"]["birthDate"]) == ("1944-02-04", "1944-02-03")
    assert silent.status_code == 400
    assert decided.get_json() == {"id": review["id"], "state": "accepted", "delivered": 1}
    assert desk.get("/operator/reviews").get_json() == {"reviews": []}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_is_told_with_what_to_do(operated: Relay, desk: Team) -> None:
    refuse(operated)
    Team.of(operated, TRUST).post("/hl7v2", a03())
    operated.store.channels.park("G99901", "mesh", "nobody collects it")

    answer = desk.get("/operator/findings")

    found = {one["about"]: one for one in answer.get_json()["findings"]}
    assert found["channels"]["todo"].endswith("channels resume G99901 mesh")
    assert found["directory"]["severity"] == "error"
    assert found["dead letters"]["severity"] == "warning"
    assert NHS_NUMBER not in answer.get_data(as_text=True)


GET = ("findings", "messages", "messages/x", "messages/x/$status", "channels", "late", "reviews")
POST = ("messages/x/$replay", "messages/x/$skip", "messages/$replay", "channels/x/y/$resume")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scopes", ["system/*.cruds", "operator/Nothing.cruds"])
def test_nothing_of_it_is_for_who_has_no_operators_scope(operated: Relay, scopes: str) -> None:
    team = Team.of(operated, TRUST, scopes)
    refuse(operated)

    answers = [team.get(f"/operator/{path}") for path in GET]
    answers += [do(team, path) for path in (*POST, "messages/x/$release", "reviews/x/$decide")]

    assert {answer.status_code for answer in answers} == {403}
    assert team.http.get("/operator/messages").status_code == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_operators_scope_reads_nothing_of_the_feeds(operated: Relay) -> None:
    desk = Team.of(operated, HOSPICE, "operator/*.cruds operator/Binary.r operator/Patient.r")

    assert desk.get(f"/fhir/Communication?recipient:identifier={HOSPICE}").status_code == 403
    assert desk.get("/fhir/Patient").status_code == 403
    assert desk.post("/hl7v2", a03()).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("messages?sate=skipped", 400),
        ("messages?state=lost", 400),
        ("messages?_count=0", 400),
        ("messages?_count=x", 400),
        ("messages?sender=%00", 400),
        ("messages/%00", 400),
        ("messages/none", 404),
        ("messages/none/$status", 404),
        ("channels?state=new", 400),
        ("late?after=x&_count=3", 200),
        ("reviews/none", 403),
        ("nothing", 404),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_fhir(
    operated: Relay, desk: Team, path: str, status: int
) -> None:
    answer = desk.get(f"/operator/{path}")

    assert answer.status_code == status
    assert status == 200 or answer.get_json()["resourceType"] == "OperationOutcome"
