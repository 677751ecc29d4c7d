"""What is claimed of the types with routes of their own: Subscription, Group, Measure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from service.fhir.search_parameters import Resource
from tests.api_samples import Api, Caller, issues, matches
from tests.claimed import APART, RESOURCES
from tests.subscribed import registered, subscription

pytest_plugins = ["tests.store_fixtures", "tests.claim_fixtures"]

GROUP = "Group/caseload-8HX03"
NUMBER = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990123454"}
MEMBER = [
    {"name": "memberId", "valueIdentifier": NUMBER},
    {"name": "birthDate", "valueDate": "1950-01-02"},
    {"name": "basis", "valueCodeableConcept": {"text": "Direct care"}},
]
DECISION = {"name": "decision", "valueCode": "accept"}
CSV = b"nhs_number,birth_date,basis_text\n9990001006,1951-01-02,Direct care\n"
ALL = ("create", "read", "vread", "update", "patch", "delete", "history-instance", "search-type")


def called(parameter: list[Resource]) -> Resource:
    return {"resourceType": "Parameters", "parameter": parameter}


@pytest.fixture(scope="module")
def apart(claimed_api: Api) -> Caller:
    """A hospice whose client an operator has added, with a Subscription."""
    team = registered(claimed_api.relay, "8HX03")
    return Caller(claimed_api.app, team.token, "8HX03")


@pytest.fixture(scope="module")
def named(apart: Caller) -> dict[str, str]:
    """An address of each type."""
    made = apart.post("Subscription", subscription("https://1.1.1.1/hook"))
    assert made.status_code == 201, made.text
    measure = matches(apart.get("Measure"))[0]["id"]
    return {
        "Subscription": f"Subscription/{made.json['id']}",
        "Group": GROUP,
        "Measure": f"Measure/{measure}",
    }


def tried(apart: Caller, kind: str, url: str, code: str) -> Any:
    """Try an interaction out."""
    there = apart.get(url).json
    if code == "create":
        return apart.post(kind, {**there, "channel": subscription("https://1.1.1.1/hook")["channel"]}
                          if kind == "Subscription" else there)  # fmt: skip
    if code == "delete":
        made = apart.post(kind, subscription("https://1.1.1.1/gone")) if kind == APART[2] else None
        return apart.send("DELETE", f"/fhir/{kind}/{made.json['id']}" if made else f"/fhir/{url}")
    return {
        "read": lambda: apart.get(url),
        "vread": lambda: apart.get(f"{url}/_history/1"),
        "history-instance": lambda: apart.get(f"{url}/_history"),
        "search-type": lambda: apart.get(kind),
        "update": lambda: apart.put(url, there),
        "patch": lambda: apart.patch(url, []),
    }[code]()


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("kind", APART)
def test_claimed_interactions_work_and_no_others(
    apart: Caller, named: dict[str, str], kind: str, code: str
) -> None:
    claimed = {one["code"] for one in RESOURCES[kind]["interaction"]}

    answer = tried(apart, kind, named[kind], code)

    if code in claimed:
        assert answer.status_code in (200, 201, 204), answer.text
    else:
        assert answer.status_code in (404, 405), answer.text
        assert issues(answer)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, one["name"]) for kind in APART for one in RESOURCES[kind].get("searchParam", ())],
)
def test_claimed_parameters_find_and_others_are_refused(
    apart: Caller, named: dict[str, str], kind: str, name: str
) -> None:
    there = apart.get(named[kind]).json
    channel = there.get("channel", {})
    values = {
        "_id": there["id"],
        "criteria": there.get("criteria"),
        "payload": channel.get("payload"),
        "status": there["status"],
        "type": channel.get("type"),
        "url": channel.get("endpoint") or there.get("url"),
    }
    asked = urlencode({name: values[name]})

    found = matches(apart.get(f"{kind}?{asked}"))
    posted = apart.send(
        "POST",
        f"/fhir/{kind}/_search",
        asked.encode(),
        content="application/x-www-form-urlencoded",
    )

    assert there["id"] in [one["id"] for one in found]
    assert there["id"] in [one["id"] for one in matches(posted)]
    assert there["id"] not in [one["id"] for one in matches(apart.get(f"{kind}?{name}=none"))]
    assert apart.get(f"{kind}?banana=1").status_code == 400


def test_claimed_operations_of_a_caseload_are_carried_out(apart: Caller) -> None:
    claimed = [one["name"] for one in RESOURCES["Group"]["operation"]]

    answers = {
        "member-add": apart.post(f"{GROUP}/$member-add", called(MEMBER)),
        "member-remove": apart.post(f"{GROUP}/$member-remove", called(MEMBER[:1])),
        "import": apart.send("POST", f"/fhir/{GROUP}/$import", CSV, content="text/csv"),
        "reviews": apart.get(f"{GROUP}/$reviews"),
        "decide": apart.post(f"{GROUP}/$decide", called([DECISION])),
    }

    assert sorted(answers) == sorted(claimed)
    assert [one.status_code for one in answers.values()][:4] == [200, 200, 200, 200]
    assert issues(answers["decide"]) != []  # there is no such near match, and it is told
    assert apart.get(GROUP).json["quantity"] == 1


def test_claimed_operations_of_subscriptions_and_measures_answer(
    apart: Caller, named: dict[str, str]
) -> None:
    claimed = [(kind, one["name"]) for kind in APART[1:] for one in RESOURCES[kind]["operation"]]

    for kind, name in claimed:
        query = "?periodStart=2026-01-01&periodEnd=2026-12-31" if kind == "Measure" else ""
        answer = apart.get(f"{named[kind]}/${name}{query}")
        assert answer.status_code == 200, answer.text
    assert sorted(claimed) == [
        ("Measure", "evaluate-measure"),
        ("Subscription", "events"),
        ("Subscription", "status"),
    ]
