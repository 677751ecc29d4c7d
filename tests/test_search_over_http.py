"""Searches over HTTP: the Bundle, inclusions, summaries, POST, the page walk on every type."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api_samples import (
    HOSPICE,
    NHS,
    ODS,
    ROSALIND,
    Api,
    Caller,
    Resource,
    entries,
    issues,
    link,
    matches,
    patient,
    referral,
    service_request,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


def posted(caller: Caller, kind: str, pairs: list[tuple[str, str]], query: str = "") -> Any:
    return caller.send(
        "POST",
        f"/fhir/{kind}/_search{query}",
        urlencode(pairs).encode(),
        content="application/x-www-form-urlencoded",
    )


def test_a_searchset_names_each_match_and_what_was_asked(api: Api) -> None:
    made = api.trust.create(patient())

    answer = api.trust.get("Patient?family=test&_count=5&_format=json")

    assert answer.json["type"] == "searchset"
    (one,) = answer.json["entry"]
    assert one["fullUrl"] == f"http://localhost/fhir/Patient/{made['id']}"
    assert one["search"] == {"mode": "match"}
    assert one["resource"] == made
    assert link(answer, "self") == "http://localhost/fhir/Patient?family=test&_count=5"
    assert "total" not in answer.json


def test_post_search_joins_the_form_and_the_query(api: Api) -> None:
    made = api.trust.create(patient())
    api.trust.create(patient("9990000034", gender="male"))

    both = posted(api.trust, "Patient", [("gender", "female")], "?family=testpatient")
    none = posted(api.trust, "Patient", [("gender", "female")], "?gender=male")
    everything = api.trust.send("POST", "/fhir/Patient/_search")
    wrong = api.trust.send("POST", "/fhir/Patient/_search", b"{}")

    assert [one["id"] for one in matches(both)] == [made["id"]]
    assert matches(none) == []
    assert len(matches(everything)) == 2
    assert wrong.status_code == 415


def test_unknown_parameters_are_refused_and_all_named(api: Api) -> None:
    answer = api.trust.get("Patient?family=x&shoesize=44&birthdate=old&_count=many")

    assert answer.status_code == 400
    assert {place for _, place in issues(answer)} == {
        "http.shoesize",
        "http.birthdate",
        "http._count",
    }
    eased = api.trust.get("Patient?shoesize=44", Prefer="handling=lenient")
    assert eased.status_code == 400


def test_lenient_handling_tells_what_it_left_aside(api: Api) -> None:
    api.trust.create(patient())

    answer = api.trust.get("Patient?_contained=false", Prefer="handling=lenient")

    assert len(matches(answer)) == 1
    (outcome,) = entries(answer, "outcome")
    assert outcome["issue"][0]["severity"] == "warning"
    assert "_contained" not in link(answer, "self")


def test_every_page_of_every_type_follows_the_one_before(api: Api) -> None:
    made = [api.trust.create(patient(birthDate=f"19{50 + n}-01-01"))["id"] for n in range(7)]

    for order, expected in {
        "": made,
        "&_sort=birthdate": made,
        "&_sort=-birthdate": made[::-1],
        "&_sort=_lastUpdated": made,
        "&_sort=-_lastUpdated": made[::-1],
        "&gender=female": made,
        "&birthdate=ge1953": made[3:],
        "&_lastUpdated=gt2020-01-01": made,
        f"&identifier={NHS}|{ROSALIND}": made,
    }.items():
        pages = list(api.trust.pages(f"Patient?_count=3{order}"))
        got = [one["id"] for page in pages for one in matches(page)]
        assert got == expected, order
        assert link(pages[-1], "next") == "", order


def test_pages_of_the_directory_and_of_posted_organisations_follow(api: Api) -> None:
    mine = api.trust.create({"resourceType": "Organization", "name": "Lister Ward"})

    got = [one["id"] for page in api.trust.pages("Organization?_count=5") for one in matches(page)]

    assert len(got) == len(set(got))
    assert got[-1] == mine["id"]
    assert "RJZ" in got
    assert len(api.trust.search("Organization?_id=RJZ," + mine["id"])) == 2


def test_inclusions_come_once_and_after_the_matches(api: Api) -> None:
    for number in ("1", "2"):
        api.trust.post("", referral(number))
    asked = "&".join(
        f"_include=Communication:{name}"
        for name in ("subject", "patient", "recipient", "sender", "based-on", "encounter")
    )

    answer = api.hospice.get(api.hospice.feed(f"&{asked}&_revinclude=Task:focus"))

    modes = [one["search"]["mode"] for one in answer.json["entry"]]
    assert modes == ["match"] * 2 + ["include"] * (len(modes) - 2)
    along = [f"{one['resourceType']}/{one['id']}" for one in entries(answer, "include")]
    assert len(along) == len(set(along))
    kinds = sorted(one.partition("/")[0] for one in along)
    assert kinds == [
        *("Organization", "Organization", "Patient", "ServiceRequest", "ServiceRequest"),
        *("Task", "Task"),
    ]


def test_reverse_inclusions_of_tasks_bring_what_they_are_about(api: Api) -> None:
    api.trust.post("", referral())

    answer = api.hospice.get("Task?_include=Task:focus&_include=Task:patient:Patient")

    assert [one["resourceType"] for one in entries(answer, "include")] == [
        *("Communication", "Patient"),
    ]


def keys(resource: Resource) -> set[str]:
    return set(resource) - {"resourceType", "id", "meta"}


@pytest.mark.parametrize(
    ("asked", "present", "absent"),
    [
        ("_summary=true", {"status", "subject"}, {"payload", "recipient", "text"}),
        ("_summary=text", {"text", "status"}, {"payload", "subject"}),
        ("_summary=data", {"payload", "status"}, {"text"}),
        ("_summary=false", {"payload", "text", "subject"}, set()),
        ("_elements=payload,subject", {"payload", "subject", "status"}, {"text", "recipient"}),
        ("_elements=Communication.payload", {"payload", "status"}, {"text", "recipient"}),
    ],
)
def test_summaries_and_elements_cut_and_say_so(
    api: Api, asked: str, present: set[str], absent: set[str]
) -> None:
    api.trust.post("", referral())

    (one,) = api.hospice.search(api.hospice.feed(f"&{asked}"))
    read = api.hospice.get(f"Communication/{one['id']}?{asked}").json

    assert present <= keys(one)
    assert not absent & keys(one)
    tags = [tag["code"] for tag in one["meta"].get("tag", [])]
    assert ("SUBSETTED" in tags) == bool(absent)
    assert keys(read) == keys(one)


def test_a_read_takes_no_search_parameters(api: Api) -> None:
    made = api.trust.create(patient())

    for asked in ("gender=female", "_sort=birthdate", "_include=Patient:organization", "x=1"):
        assert api.trust.get(f"Patient/{made['id']}?{asked}").status_code == 400


def test_a_change_is_found_under_its_new_keys_only(api: Api) -> None:
    made = api.trust.create(patient())
    other = "9990000034"

    api.trust.put(f"Patient/{made['id']}", {**patient(other), "id": made["id"]})

    assert api.trust.search(f"Patient?identifier={NHS}|{ROSALIND}") == []
    assert len(api.trust.search(f"Patient?identifier={NHS}|{other}")) == 1


def test_chains_find_by_what_the_target_says(api: Api) -> None:
    for number, nhs_number in enumerate((ROSALIND, "9990000034")):
        api.trust.post("", referral(str(number), nhs_number))

    for caller, url in [
        (api.hospice, api.hospice.feed(f"&patient.identifier={NHS}|{ROSALIND}")),
        (api.hospice, api.hospice.feed(f"&subject.identifier={ROSALIND}")),
        (api.trust, f"Communication?patient.identifier={NHS}|{ROSALIND}"),
        (api.trust, f"ServiceRequest?subject.identifier={NHS}|{ROSALIND}"),
        (api.trust, f"ServiceRequest?patient.identifier={NHS}|{ROSALIND}&status=active"),
        (api.hospice, f"Task?patient.identifier={NHS}|{ROSALIND}"),
    ]:
        assert len(caller.search(url)) == 1, url
    assert len(api.hospice.search(api.hospice.feed("&patient.birthdate=1950-01-02"))) == 2
    assert api.hospice.search(api.hospice.feed("&patient.birthdate=1960")) == []


def test_the_same_patient_of_two_trusts_is_found_once_for_each(api: Api) -> None:
    other = api.caller("RJ1")
    for caller in (api.trust, other):
        assert caller.post("", referral()).status_code == 200

    found = api.hospice.search(f"Patient?identifier={NHS}|{ROSALIND}")
    told = api.hospice.search(api.hospice.feed(f"&patient.identifier={NHS}|{ROSALIND}"))

    assert len(found) == 2
    assert len({one["subject"]["reference"] for one in told}) == 2


def test_a_request_is_found_by_whom_it_asks(api: Api) -> None:
    api.trust.post("", referral())

    for url in (
        f"ServiceRequest?performer:identifier={ODS}|{HOSPICE}",
        f"ServiceRequest?identifier={NHS.replace('nhs-number', 'x')}|1&_total=accurate",
        "ServiceRequest?priority=urgent&authored=2025-03-14",
    ):
        assert len(api.hospice.search(url)) == (0 if "|1" in url else 1), url


def test_history_pages_and_filters(api: Api) -> None:
    made = api.trust.create(patient())
    url = f"Patient/{made['id']}"
    for gender in ("male", "other", "unknown"):
        api.trust.put(url, {**made, "gender": gender})
    second = api.trust.get(f"{url}/_history/2").json["meta"]["lastUpdated"]

    whole = api.trust.get(f"{url}/_history").json
    first_page = api.trust.get(f"{url}/_history?_count=3")
    rest = api.trust.get(link(first_page, "next"))
    since = api.trust.get(f"{url}/_history?_since={second}").json
    at = api.trust.get(f"{url}/_history?_at={second}").json

    def versions(bundle: Resource) -> list[str]:
        return [one["resource"]["meta"]["versionId"] for one in bundle["entry"]]

    assert whole["type"] == "history"
    assert versions(whole) == ["4", "3", "2", "1"]
    assert [one["request"]["method"] for one in whole["entry"]] == ["PUT", "PUT", "PUT", "POST"]
    assert whole["entry"][3]["response"]["status"] == "201 Created"
    assert whole["entry"][0]["response"]["etag"] == 'W/"4"'
    assert versions(first_page.json) + versions(rest.json) == ["4", "3", "2", "1"]
    assert versions(since) == ["4", "3", "2"]
    assert versions(at) == ["2"]
    for wrong in ("_since=soon", "_count=x", "banana=1"):
        assert api.trust.get(f"{url}/_history?{wrong}").status_code == 400
    assert api.trust.get("Patient/nobody/_history").status_code == 404


def test_pages_stay_whole_while_resources_are_added(api: Api) -> None:
    before = [api.trust.create(patient())["id"] for _ in range(5)]
    first = api.trust.get("Patient?_count=2")
    later = [api.trust.create(patient())["id"] for _ in range(2)]

    rest = [one["id"] for page in api.trust.pages(link(first, "next")) for one in matches(page)]

    assert [one["id"] for one in matches(first)] + rest == before + later


def test_a_search_that_narrows_to_nothing_is_an_empty_bundle(api: Api) -> None:
    answer = api.trust.get("Patient?identifier=none")

    assert answer.json["type"] == "searchset"
    assert "entry" not in answer.json
    assert link(answer, "next") == ""


def test_a_request_whose_type_takes_any_is_found_by_logical_reference(api: Api) -> None:
    person = api.trust.create(patient())
    made = api.trust.create(
        service_request(f"Patient/{person['id']}", requester={"identifier": {"value": "GMC1"}})
    )

    found = api.trust.search("ServiceRequest?requester:identifier=GMC1")

    assert [one["id"] for one in found] == [made["id"]]
