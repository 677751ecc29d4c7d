"""XML that was made to hurt is refused at once, on every route; any character set is read."""

from __future__ import annotations

import time

import pytest
from xml_attacks import ATTACKS, MEGABYTE, SECRET

from service.app import Relay
from service.errors import TooLarge, UnreadableMessage
from service.formats.xml_tree import read_tree
from tests.relay_client import Team

pytest_plugins = ["tests.relay_fixtures"]

WITHIN = 1.0  # second of work: what else the machine does meanwhile is not counted
ROUTES = {
    "/fhir/$process-message": (
        "application/fhir+xml",
        '<Bundle xmlns="http://hl7.org/fhir">',
        "</Bundle>",
    ),
    "/cda": (
        "application/xml",
        '<ClinicalDocument xmlns="urn:hl7-org:v3">',
        "</ClinicalDocument>",
    ),
}


@pytest.fixture(scope="module")
def attacks() -> dict[tuple[str, str], bytes]:
    """Every attack in the clothes of every route."""
    return {
        (route, name): attack(start, end)
        for route, (_, start, end) in ROUTES.items()
        for name, (attack, _) in ATTACKS.items()
    }


@pytest.mark.parametrize("route", ROUTES)
def test_every_attack_is_refused_within_a_second_and_names_its_place(
    route: str, attacks: dict[tuple[str, str], bytes], relay: Relay
) -> None:
    trust = Team.of(relay, "RJZ")
    for name, (_, reason) in ATTACKS.items():
        start = time.process_time()
        response = trust.post(route, attacks[route, name], ROUTES[route][0])
        took = time.process_time() - start

        assert response.status_code == 400, name
        assert reason in response.text, name
        assert "line " in response.text, name
        assert SECRET not in response.text, name
        assert took < WITHIN, name


@pytest.mark.parametrize("route", ROUTES)
def test_100_mb_of_spaces_are_refused_within_a_second(route: str, relay: Relay) -> None:
    media_type, opening, _ = ROUTES[route]
    body = opening.encode() + b" " * 100 * MEGABYTE
    trust = Team.of(relay, "RJZ")

    start = time.process_time()
    response = trust.post(route, body, media_type)

    assert response.status_code == 413
    assert time.process_time() - start < WITHIN


def test_more_than_20_mb_are_not_even_looked_at() -> None:
    with pytest.raises(TooLarge):
        read_tree(b"<a>" + b" " * 100 * MEGABYTE + b"</a>")


NAME = "Zoë O\u2019Testpatient"
READ = {
    "UTF-8": (f"<a>{NAME}</a>".encode(), []),
    "UTF-8 with a mark": (f"<a>{NAME}</a>".encode("utf-8-sig"), ["byte order mark"]),
    "UTF-16 with a mark": (f"<a>{NAME}</a>".encode("utf-16"), ["byte order mark"]),
    "UTF-16 without one": (f"<a>{NAME}</a>".encode("utf-16-le"), []),
    "UTF-16, the other way": (f"<?xml version='1.0'?><a>{NAME}</a>".encode("utf-16-be"), []),
    "Windows-1252": (
        f"<?xml version='1.0' encoding='windows-1252'?><a>{NAME}</a>".encode("cp1252"),
        [],
    ),
    "ISO 8859-1 with Windows' own signs": (
        f"<?xml version='1.0' encoding='ISO-8859-1'?><a>{NAME}</a>".encode("cp1252"),
        [],
    ),
    "UTF-8 that calls itself UTF-16": (
        f"<?xml version='1.0' encoding='utf-16'?><a>{NAME}</a>".encode(),
        [],
    ),
    "blanks before the declaration": (
        f"\r\n  <?xml version='1.0' encoding='utf-8'?><a>{NAME}</a>".encode(),
        [],
    ),
    "Windows-1252 that calls itself UTF-8": (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<a>{NAME}</a>".encode("cp1252"),
        ["the bytes are not UTF-8; read as CP1252"],
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_every_character_set_that_a_document_may_have_is_read(kind: str) -> None:
    body, doubts = READ[kind]

    tree = read_tree(body)

    assert tree.root.text == NAME
    assert tree.content.decode().endswith(f"<a>{NAME}</a>")
    assert len(tree.issues) == len(doubts)
    for issue, doubt in zip(tree.issues, doubts, strict=True):
        assert doubt in issue.text
    assert tree.charset_guessed == (kind == "Windows-1252 that calls itself UTF-8")


def test_the_mapping_says_how_bytes_are_read_that_are_not_what_they_claim() -> None:
    tree = read_tree("<a>Čapek</a>".encode("iso8859-2"), "iso8859-2")

    assert tree.root.text == "Čapek"
    assert not tree.charset_guessed


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"<?xml version='1.0' encoding='klingon'?><a/>", 1),
        ("<a>\n\u00e9</a>".encode("utf-16-le")[:-1], 2),
        (b"<a>\n<b>\n</a>", 3),
        (b"\n<!-- c -->\n<!DOCTYPE a><a/>", 3),
        (b"", 1),
    ],
)
def test_a_refusal_names_the_line(body: bytes, line: int) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        read_tree(body)

    (issue,) = refusal.value.issues
    assert issue.source.startswith(f"line {line},")


def test_attached_documents_of_any_size_that_is_taken_are_read() -> None:
    body = b"<a>" + b"QUJD" * (4 * MEGABYTE) + b"</a>"

    assert len(read_tree(body).root.text or "") == 16 * MEGABYTE
