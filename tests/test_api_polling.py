"""Cursors and long polls: whose they are, when they end, what they never show."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.api_samples import (
    HOSPICE,
    NHS,
    ODS,
    ROSALIND,
    Api,
    Caller,
    issues,
    link,
    matches,
    referral,
)

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


@pytest.fixture(params=["api", "postgres_api"])
def either(request: pytest.FixtureRequest) -> Api:
    found: Api = request.getfixturevalue(request.param)
    return found


def send(api: Api, *numbers: int, to: str = HOSPICE) -> list[str]:
    """Send referrals; return the ids of their Communications."""
    sent = []
    for number in numbers:
        answer = api.trust.post("", referral(str(number), ROSALIND, to))
        assert answer.status_code == 200, answer.text
        sent.append(answer.json["entry"][2]["response"]["location"].split("/")[1])
    return sent


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in matches(answer)]


def walked(caller: Caller, url: str) -> list[str]:
    return [id_ for answer in caller.pages(url) for id_ in ids(answer)]


def test_an_unchanged_page_is_not_sent_again(api: Api) -> None:
    page = api.hospice.get(api.hospice.feed())
    empty = link(page, "next")
    tag = api.hospice.get(empty).headers["ETag"]

    again = api.hospice.get(empty, If_None_Match=tag)
    send(api, 1)
    changed = api.hospice.get(empty, If_None_Match=tag)

    assert (again.status_code, again.data) == (304, b"")
    assert (changed.status_code, len(matches(changed))) == (200, 1)


def cursor(answer: Any) -> str:
    return link(answer, "next").partition("_cursor=")[2]


def test_a_cursor_shows_nothing_of_a_patient(api: Api) -> None:
    send(api, 1)
    chain = f"patient.identifier={NHS}|{ROSALIND}&recipient:identifier={ODS}|{HOSPICE}"

    answer = api.hospice.send(
        "POST",
        "/fhir/Communication/_search",
        chain.encode(),
        content="application/x-www-form-urlencoded",
    )

    assert len(matches(answer)) == 1
    assert ROSALIND not in link(answer, "next")
    assert "patient" not in link(answer, "next")
    send(api, 2)
    assert len(matches(api.hospice.get(link(answer, "next")))) == 1


def test_a_cursor_that_was_altered_is_refused(api: Api) -> None:
    token = cursor(api.hospice.get(api.hospice.feed()))

    other = "B" if token[0] == "A" else "A"
    for bad in (token[:-2], other + token[1:], token[:40] + "zzzz" + token[44:], "x", "é"):
        answer = api.hospice.get(f"Communication?_cursor={bad}")
        assert answer.status_code == 400, bad
        assert issues(answer)


def test_a_cursor_is_its_organisations_and_its_searchs_alone(api: Api) -> None:
    token = cursor(api.hospice.get(api.hospice.feed()))

    assert api.stranger.get(f"Communication?_cursor={token}").status_code == 404
    assert api.hospice.get(f"Task?_cursor={token}").status_code == 400
    more = f"Communication?_cursor={token}&status=completed"
    assert api.hospice.get(more).status_code == 400
    other_client = api.caller(HOSPICE, client="night-shift")
    assert other_client.get(f"Communication?_cursor={token}").status_code == 200


def test_a_cursor_takes_another_count(api: Api) -> None:
    send(api, 1, 2, 3)
    first = api.hospice.get(api.hospice.feed("&_count=1"))

    second = api.hospice.get(link(first, "next") + "&_count=2")

    assert (len(matches(first)), len(matches(second))) == (1, 2)


def test_after_a_restore_a_cursor_is_gone_and_says_how_to_go_on(api: Api) -> None:
    send(api, 1)
    url = link(api.hospice.get(api.hospice.feed()), "next")
    api.relay.store.settings.new_epoch()
    time.sleep(1.1)  # the epoch is looked up once a second

    answer = api.hospice.get(url)

    assert answer.status_code == 410
    assert "Start again without _cursor" in answer.text


def test_below_the_floor_a_cursor_is_gone_and_a_new_walk_starts_at_it(api: Api) -> None:
    sent = send(api, 1, 2, 3)
    first = api.hospice.get(api.hospice.feed("&_count=1"))
    api.relay.store.forget(HOSPICE, 2)

    gone = api.hospice.get(link(first, "next"))

    assert gone.status_code == 410
    assert "Start again" in gone.text
    assert walked(api.hospice, api.hospice.feed()) == sent[2:]


def test_a_long_poll_answers_when_something_comes(either: Api) -> None:
    url = link(either.hospice.get(either.hospice.feed()), "next")
    late = threading.Timer(0.4, send, args=(either, 1))
    late.start()
    started = time.monotonic()

    answer = either.hospice.get(url, Prefer="wait=20")

    late.join()
    assert len(matches(answer)) == 1
    assert 0.3 < time.monotonic() - started < 5
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_a_long_poll_ends_empty_handed_when_its_time_is_over(api: Api) -> None:
    url = link(api.hospice.get(api.hospice.feed()), "next")
    started = time.monotonic()

    answer = api.hospice.get(url, Prefer="wait=1")

    assert time.monotonic() - started >= 0.9
    assert matches(answer) == []
    assert link(answer, "next")


def test_a_filtered_long_poll_is_not_ended_by_what_it_does_not_want(api: Api) -> None:
    feed = link(api.hospice.get(api.hospice.feed("&status=completed")), "next")
    late = threading.Timer(0.3, send, args=(api, 1))
    late.start()
    started = time.monotonic()

    answer = api.hospice.get(feed, Prefer="wait=2")

    late.join()
    assert matches(answer) == []
    assert time.monotonic() - started >= 1.9


def test_waiters_are_capped_for_a_client(api: Api) -> None:
    url = link(api.hospice.get(api.hospice.feed()), "next")
    answers: list[Any] = []
    patient_ones = [
        threading.Thread(target=lambda: answers.append(api.hospice.get(url, Prefer="wait=2")))
        for _ in range(4)
    ]
    for one in patient_ones:
        one.start()
    for one in patient_ones:
        one.join()

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["Retry-After"]) > 0
    assert issues(refused)[0][0] == "throttled"
    assert api.hospice.get(url).status_code == 200
