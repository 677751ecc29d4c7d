"""Where a push may go, and what becomes of one that is cut off: no private network is reached."""

from __future__ import annotations

import ipaddress
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from service.delivery.outbound import NotAllowed, Outbound, Unreachable, is_public, retry_after
from service.errors import BadRequest
from tests.certificates import Authority
from tests.hook_endpoint import endpoint

LOOPBACK = Outbound.of("localhost", "", "")
PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "198.18.0.1"),  # noqa: S104
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1"),
    *("64:ff9b::a00:1", "2002:7f00:1::", "fec0::1", "2001:db8::1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_on_the_public_network_is_told_however_it_is_written(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4009::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_name_that_means_a_private_address_is_not_connected_to() -> None:
    with endpoint() as there:
        port = there.url.rsplit(":", 1)[1].partition("/")[0]
        with pytest.raises(NotAllowed):
            Outbound().post(f"https://localhost:{port}/", b"{}", {}, 2)

        assert there.posts == []


def test_http_is_for_loopback_alone_even_where_a_host_is_inside() -> None:
    with pytest.raises(NotAllowed):
        Outbound.of("10.255.255.1", "", "").post("http://10.255.255.1/", b"{}", {}, 1)
    with pytest.raises(BadRequest):
        LOOPBACK.check("http://hooks.example/")


def test_where_hosts_are_named_no_others_are_reached() -> None:
    listed = Outbound.of("", "hooks.example", "")

    listed.check("https://hooks.example/in")
    with pytest.raises(BadRequest):
        listed.check("https://other.example/in")


def test_redirects_are_answers() -> None:
    with endpoint() as target, endpoint() as there:
        there.always = (307, {"Location": target.url})

        reply = LOOPBACK.post(there.url, b"{}", {}, 5)

    assert reply.status == 307
    assert target.posts == []


def test_a_certificate_is_checked_against_the_name_that_was_asked_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    right, wrong = authority.issue("localhost", "localhost"), authority.issue("x", "other.example")
    trusting = Outbound.of("localhost", "", str(authority.file))
    with endpoint(right) as there:
        assert trusting.post(there.url, b"{}", {}, 5).status == 200
        with pytest.raises(Unreachable, match="certificate"):
            LOOPBACK.post(there.url, b"{}", {}, 5)
    with endpoint(wrong) as there, pytest.raises(Unreachable, match="certificate"):
        trusting.post(there.url, b"{}", {}, 5)


@pytest.mark.parametrize("manner", ["slow", "trickle"])
def test_nothing_is_waited_for_longer_than_was_said(manner: str) -> None:
    with endpoint(always=manner) as there:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="too long"):
            LOOPBACK.post(there.url, b"{}", {}, 1)

        assert time.monotonic() - started < 2


def test_one_that_never_shakes_hands_in_tls_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            LOOPBACK.post(f"https://localhost:{silent.getsockname()[1]}/", b"{}", {}, 1)

        assert time.monotonic() - started < 3


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert retry_after("120") == 120
    assert 50 < retry_after(soon) <= 60
    assert [retry_after(text) for text in ("", "-3", "soon", "Mon, 99 Foo")] == [0] * 4
    assert retry_after("9" * 30) == 86_400
