"""A recipient's feed: every Communication once, in order, whatever happens meanwhile."""

from __future__ import annotations

import threading
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
    issues,
    link,
    matches,
    parameters,
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


def test_pages_follow_in_the_order_of_arrival(either: Api) -> None:
    sent = send(either, *range(7))

    for count in (1, 3, 7, 50):
        assert walked(either.hospice, either.hospice.feed(f"&_count={count}")) == sent


def test_next_is_always_there_and_goes_on_with_what_comes_later(api: Api) -> None:
    empty = api.hospice.get(api.hospice.feed())
    first = send(api, 1)

    page = api.hospice.get(link(empty, "next"))
    later = api.hospice.get(link(page, "next"))
    second = send(api, 2)

    assert ids(empty) == []
    assert ids(page) == first
    assert ids(later) == []
    assert ids(api.hospice.get(link(later, "next"))) == second
    assert ids(api.hospice.get(link(page, "next"))) == second  # a link can be used again


def test_a_walk_meets_each_once_in_order_while_writers_add(either: Api) -> None:
    writers = [
        threading.Thread(target=send, args=(either, *range(start, start + 10)))
        for start in (0, 100, 200)
    ]
    for writer in writers:
        writer.start()
    got: list[str] = []
    url = either.hospice.feed("&_count=4")
    while any(writer.is_alive() for writer in writers) or matches(either.hospice.get(url)):
        page = either.hospice.get(url)
        got += ids(page)
        url = link(page, "next")

    assert len(got) == len(set(got)) == 30
    assert got == walked(either.hospice, either.hospice.feed())


def test_polling_by_last_updated_misses_nothing_and_sees_answers(either: Api) -> None:
    stop = threading.Event()
    sent: list[str] = []

    def write() -> None:
        for number in range(20):
            sent.extend(send(either, number))
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: dict[str, list[str]] = {}
    since = "2020-01-01"
    finished = False
    while not finished:
        finished = stop.is_set()
        for one in either.hospice.search(either.hospice.feed(f"&_lastUpdated=gt{since}")):
            seen.setdefault(one["id"], []).append(one["meta"]["versionId"])
            since = one["meta"]["lastUpdated"]
    writer.join()
    either.hospice.post(f"Communication/{sent[0]}/$acknowledge")

    (changed,) = either.hospice.search(either.hospice.feed(f"&_lastUpdated=gt{since}"))

    assert list(seen) == sent
    assert all(versions == ["1"] for versions in seen.values())
    assert (changed["id"], changed["meta"]["versionId"]) == (sent[0], "2")


def test_reading_is_not_acknowledging(api: Api) -> None:
    (sent,) = send(api, 1)

    for url in (api.hospice.feed(), f"Communication/{sent}"):
        api.hospice.get(url)

    assert "received" not in api.trust.get(f"Communication/{sent}").json


def test_an_answer_leaves_the_order_as_it_was(api: Api) -> None:
    sent = send(api, 1, 2, 3)
    api.hospice.post(f"Communication/{sent[0]}/$acknowledge", parameters(status="accepted"))

    assert walked(api.hospice, api.hospice.feed()) == sent


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


def test_the_sender_sees_what_it_sent_and_to_whom(api: Api) -> None:
    to_hospice = send(api, 1, 2)
    to_other = send(api, 3, to="8HX01")

    mine = f"Communication?sender:identifier={ODS}|RJZ"
    assert walked(api.trust, mine) == to_hospice + to_other
    assert walked(api.trust, f"Communication?recipient:identifier={ODS}|8HX01") == to_other
    assert walked(api.trust, "Communication?_count=2") == to_hospice + to_other
    assert link(api.trust.get(mine), "next") == ""


@pytest.mark.parametrize(
    "search",
    [
        "",
        f"recipient:identifier={HOSPICE}",
        f"recipient.identifier={ODS}|{HOSPICE}",
        f"recipient=Organization/{HOSPICE}",
        "status=in-progress",
        f"patient.identifier={NHS}|{ROSALIND}",
        f"patient.identifier={NHS}|{ROSALIND}&recipient:identifier={HOSPICE}",
        "patient.birthdate=1950-01-02",
        "_lastUpdated=gt2020-01-01",
        "_lastUpdated=gt2020-01-01&status=in-progress",
        "category=notification&sent=ge2020",
    ],
)
def test_a_recipient_can_poll_by_any_search(api: Api, search: str) -> None:
    first = send(api, 1, 2)
    send(api, 3, to="8HX01")

    page = api.hospice.get(f"Communication?{search}")
    empty = api.hospice.get(link(page, "next"))
    later = send(api, 4)

    assert ids(page) == first
    assert ids(empty) == []
    assert ids(api.hospice.get(link(empty, "next"))) == later


def test_who_sends_and_receives_meets_each_once(api: Api) -> None:
    sent = send(api, 1)
    reply = api.hospice.post("", referral("9", "9990123454", "8HX01"))
    own = reply.json["entry"][2]["response"]["location"].split("/")[1]

    for search in ("", "_lastUpdated=gt2020-01-01", "status=in-progress"):
        assert walked(api.hospice, f"Communication?{search}") == [own, *sent]
        assert walked(api.hospice, f"Communication?_count=1&{search}") == [own, *sent]
    assert walked(api.hospice, f"Communication?sender:identifier={ODS}|{HOSPICE}") == [own]
    assert walked(api.hospice, api.hospice.feed()) == sent


def test_filters_never_renumber(api: Api) -> None:
    sent = send(api, *range(6))
    for id_ in sent[::2]:
        api.hospice.post(f"Communication/{id_}/$acknowledge", parameters(status="accepted"))

    done = walked(api.hospice, api.hospice.feed("&status=completed&_count=2"))
    waiting = walked(api.hospice, api.hospice.feed("&status=in-progress&_count=2"))

    assert done == sent[::2]
    assert waiting == sent[1::2]


def test_newest_first(api: Api) -> None:
    sent = send(api, 1, 2, 3)

    newest = api.hospice.feed("&_sort=-_lastUpdated&_count=2")
    oldest = api.hospice.feed("&_sort=_lastUpdated&_count=2")
    by_date = api.hospice.feed("&_sort=-sent,_id&_count=2")

    assert walked(api.hospice, newest) == sent[::-1]
    assert walked(api.hospice, oldest) == sent
    assert sorted(walked(api.hospice, by_date)) == sorted(sent)


def test_totals_are_counted_when_asked_for(api: Api) -> None:
    sent = send(api, 1, 2, 3)
    api.hospice.post(f"Communication/{sent[0]}/$acknowledge", parameters(status="accepted"))

    def total(more: str) -> Any:
        answer = api.hospice.get(api.hospice.feed(more))
        return answer.json.get("total"), len(matches(answer))

    assert total("&_count=2") == (None, 2)
    assert total("&_count=2&_total=accurate") == (3, 2)
    assert total("&status=completed&_total=accurate") == (1, 1)
    assert total("&_summary=count") == (3, 0)
    assert total("&_count=0") == (3, 0)


def walk_store(store: Store) -> Iterator[int]:
    yield from (event.n for event in store.feed(HOSPICE, None, 100).events)


def test_what_the_api_pages_is_what_the_store_numbered(api: Api) -> None:
    send(api, *range(5))

    assert list(walk_store(api.relay.store)) == [1, 2, 3, 4, 5]
    assert len(walked(api.hospice, api.hospice.feed("&_count=2"))) == 5
