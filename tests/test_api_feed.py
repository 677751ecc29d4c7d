"""A recipient's feed: every Communication once, in order, whatever happens meanwhile."""

from __future__ import annotations

import threading
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
