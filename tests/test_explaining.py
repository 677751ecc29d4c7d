"""Trying a message out, explaining a stored one: all is told, nothing stored, to whom it is due."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg
import pytest

from service.app import Relay
from service.bundled import bundled_folder
from service.fhir.validate import check
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.relay_client import FHIR, Team

pytest_plugins = ["tests.relay_fixtures"]

EXAMPLES = bundled_folder("mappings") / "examples"
COUNTED = ("message", "resource", "delivery", "visible", "search_index", "transition")


def rows_of(url: str) -> list[int]:
    """How many rows there are of everything that a message brings."""
    path = url.removeprefix("sqlite:///")
    connection: Any = sqlite3.connect(path) if path != url else psycopg.connect(url)
    with closing(connection):
        found = [connection.execute("SELECT count(*) FROM " + table) for table in COUNTED]  # noqa: S608
        return [one.fetchone()[0] for one in found]


def try_out(team: Team, body: bytes, mapping: str = "rjz-adt", **headers: str) -> dict[str, Any]:
    answer = team.post(f"/intake/{mapping}/$try", body, **headers)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


def fields(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["target"]: each for each in message["fields"]}


def message_of(team: Team) -> str:
    """The id of the message that brought the last thing of a feed."""
    return team.feed()[-1]["meta"]["source"].removeprefix("urn:uuid:")


def explain(team: Team, message_id: str) -> dict[str, Any]:
    answer = team.get(f"/messages/{message_id}/$explain")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


def test_a_trial_shows_what_is_made_beside_what_was_sent(trust: Team):
    tried = try_out(trust, a03(more=("ZKC|1|a local flag",)))

    assert (tried["stored"], tried["outcome"]) == (False, "converted")
    [message] = tried["messages"]
    assert message["mapping"]["file"] == "rjz-adt.yaml"
    assert (message["kind"], message["sender"], message["type"]) == ("discharge", "RJZ", "ADT^A03")
    number = fields(message)["patient.nhs_number"]
    assert (number["sent"], number["value"]) == ([NHS_NUMBER], NHS_NUMBER)
    assert number["source"].startswith("PID-3")
    assert number["rule"].startswith(("rjz-adt.yaml:", "base/hl7v2-adt.yaml:"))
    place = fields(message)["encounter.discharge_destination"]
    assert (place["sent"], place["table"]) == (["19"], "discharge-destination")
    assert place["row"].startswith("tables/")
    assert {"source": "ZKC-2", "value": "a local flag"} in message["unread"]
    assert all(check(resource) == [] for resource in message["resources"])
    assert {r["resourceType"] for r in message["resources"]} >= {"Patient", "Communication", "Task"}


def test_a_trial_says_who_would_be_told_and_which_rules_hold(trust: Team):
    [message] = try_out(trust, a03())["messages"]

    told = {each["ods"]: each["because"] for each in message["recipients"]}
    assert told["G99901"] == ["it is the patient's GP practice"]
    by_rule = {reason for because in told.values() for reason in because if "rule" in reason}
    held = {rule["rule"] for rule in message["rules"] if rule["holds"]}
    assert by_rule == {f"rule {name} of routing.yaml" for name in held}
    failing = [rule for rule in message["rules"] if not rule["holds"]]
    assert all(not all(c["holds"] for c in rule["conditions"]) for rule in failing)


def test_a_trial_stores_nothing_and_delivers_nothing(
    relay: Relay, trust: Team, hospice: Team, database_url: str
):
    before = rows_of(database_url)

    tried = try_out(trust, a03())
    again = try_out(trust, a03(postcode="ME14 9ZZ"))  # the same id: no conflict, nothing was kept
    refused = try_out(trust, b"MSH|")

    assert (tried["outcome"], again["outcome"], refused["outcome"]) == (
        *("converted", "converted"),
        "refused",
    )
    assert rows_of(database_url) == before
    assert hospice.feed() == []
    assert list(relay.store.dead_letters.list()) == []


def test_a_trial_knows_what_was_sent_before(trust: Team, hospice: Team):
    trust.post("/hl7v2", a03())

    [message] = try_out(trust, a03(control_id="K0002", event="A13"))["messages"]

    assert message["kind"] == "discharge-cancelled"
    assert {"8HX03", "G99901"} <= {each["ods"] for each in message["recipients"]}
    assert not [issue for issue in message["issues"] if "no discharge" in issue["text"]]
    [patient] = [r for r in message["resources"] if r["resourceType"] == "Patient"]
    assert patient["id"] == hospice.feed()[0]["subject"]["reference"].removeprefix("Patient/")
    assert len(hospice.feed()) == 1


@pytest.mark.parametrize(
    ("body", "status", "ack", "said"),
    [
        (b"", 400, "AE", ""),
        (b"Dear colleague", 400, "AE", ""),
        (a03().replace(b"ADT^A03^ADT_A03", b"ORU^R01^ORU_R01"), 422, "AR", "rjz-adt takes"),
        (a03().replace(b"|P|2.4", b"|T|2.4"), 422, "AR", "training"),
    ],
    ids=["empty", "no message", "another message", "training"],
)
def test_a_trial_says_how_a_message_would_be_refused(trust: Team, body, status, ack, said):
    tried = try_out(trust, body)

    assert tried["would_answer"] == {"status": status, "ack": ack}
    issues = [*tried.get("issues", ()), *(i for m in tried["messages"] for i in m["issues"])]
    assert any(said in issue["text"] for issue in issues)
    answer = trust.post("/intake/rjz-adt", body)
    assert answer.status_code == status


def test_a_refused_training_message_still_shows_what_it_would_become(trust: Team):
    [message] = try_out(trust, a03().replace(b"|P|2.4", b"|T|2.4"))["messages"]

    assert message["outcome"] == "refused"
    assert fields(message)["patient.nhs_number"]["value"] == NHS_NUMBER
    assert message["recipients"]


def test_a_trial_reads_any_format_that_has_a_mapping(relay: Relay):
    body = (EXAMPLES / "rwf-message-referral.json").read_bytes()

    answer = Team.of(relay, "RWF").post("/intake/rwf-fhir-referral/$try", body, FHIR)

    [message] = answer.get_json()["messages"]
    assert (message["kind"], message["format"]) == ("referral", "fhir-r4")
    assert fields(message)["patient.nhs_number"]["source"].startswith("entry[")


def test_a_client_tries_as_itself_and_may_be_told_so(relay: Relay):
    stranger = Team.of(relay, "RJ1")

    [message] = try_out(stranger, a03())["messages"]

    assert message["sender"] == "RJ1"
    assert any(issue["target"] == "message.claimed_sender" for issue in message["issues"])


@pytest.mark.parametrize(
    ("scopes", "mapping", "status"),
    [
        ("system/*.rs", "rjz-adt", 403),
        ("system/*.cruds", "no-such-mapping", 404),
        ("system/*.cruds", "base/hl7v2-adt", 200),
    ],
)
def test_a_trial_needs_the_right_to_send_and_a_mapping(relay: Relay, scopes, mapping, status):
    team = Team.of(relay, "RJZ", scopes)

    assert team.post(f"/intake/{mapping}/$try", a03()).status_code == status


def test_without_a_token_nothing_is_tried_or_explained(trust: Team):
    for answer in (
        trust.http.post("/intake/rjz-adt/$try", data=a03()),
        trust.http.get("/messages/x/$explain"),
    ):
        assert answer.status_code == 401


def test_a_stored_message_is_explained_to_its_sender_and_to_whom_it_went(
    trust: Team, hospice: Team
):
    trust.post("/hl7v2", a03())
    message_id = message_of(hospice)

    to_sender, to_hospice = explain(trust, message_id), explain(hospice, message_id)

    assert to_sender["messages"] == to_hospice["messages"]
    [message] = to_sender["messages"]
    assert fields(message)["patient.nhs_number"]["sent"] == [NHS_NUMBER]
    told = {each["ods"]: each["because"] for each in to_sender["recipients"]}
    assert {"8HX03", "G99901"} <= told.keys()
    assert all(told.values())
    assert [each["ods"] for each in to_hospice["recipients"]] == ["8HX03"]
    assert to_sender["read_with"]["same_version"]
    assert "which is in force now" in to_sender["read_with"]["note"]


def test_nobody_else_learns_even_that_a_message_is_there(relay: Relay, trust: Team, hospice: Team):
    trust.post("/hl7v2", a03())
    message_id = message_of(hospice)
    stranger = Team.of(relay, "RJ1")

    theirs, nobodys = (stranger.get(f"/messages/{one}/$explain") for one in (message_id, "0" * 36))

    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.get_json() == nobodys.get_json()
    assert (
        Team.of(relay, "RJZ", "system/Patient.rs")
        .get(f"/messages/{message_id}/$explain")
        .status_code
        == 403
    )


def test_a_refused_message_and_a_documents_bytes_are_no_message_to_explain(
    relay: Relay, hospice: Team
):
    sender = Team.of(relay, "RPA")
    sender.post("/hl7v2", (EXAMPLES / "rpa-t02-pdf.hl7").read_bytes())
    sender.post("/hl7v2", b"MSH|^~\\&|A|RPA|||20250314||ZZZ^Z99|7|P|2.4\r")
    [letter] = relay.store.dead_letters.list()
    found = sender.get("/fhir/DocumentReference").get_json()["entry"]
    urls = {e["resource"]["content"][0]["attachment"]["url"] for e in found}
    statuses = {
        sender.get(f"/messages/{url.removeprefix('Binary/')}/$explain").status_code for url in urls
    }

    assert sender.get(f"/messages/{letter.id}/$explain").status_code == 404
    assert statuses == {200, 404}  # the message as it came, and the document in it
