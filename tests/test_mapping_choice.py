"""Which mapping serves a message: the sender's own, the base, or none, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import UnmappedMessage
from service.mapping import Mappings
from service.model import OdsCode
from tests.mapping_fixtures import KIND, SENDER, Folder, apply, message, told


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(path=tmp_path)


def add(
    folder: Folder,
    mapping_id: str,
    sender: str = "",
    when: str = "",
    sent: str = "",
    *,
    description: str = "",
) -> None:
    lines = [f"mapping: {mapping_id}", 'version: "1.0.0"', "source:", "  format: json"]
    lines += ["  timezone: Europe/London", *([f"  sender: {sender}"] if sender else [])]
    lines += [f'  when: "{when}"'] if when else []
    lines += [f"description: {description}"] if description else []
    folder.mapping(
        KIND, mapping_id=mapping_id, head="\n".join(lines) + "\n", example=f"id=1\n{sent}"
    )


@pytest.fixture
def mappings(folder: Folder) -> Mappings:
    add(folder, "base/any", when="type != 'X'", description="everything but X")
    add(folder, "rjz-adt", "RJZ", "type = 'A'", "type=A")
    add(folder, "rjz-rest", "RJZ")
    add(folder, "two", "[RJ1, rrv]", "type = 'A'", "type=A")
    return folder.accepted()


@pytest.mark.parametrize(
    ("sender", "sent", "chosen"),
    [
        ("RJZ", "type=A", "rjz-adt"),
        ("RJZ", "type=B", "rjz-rest"),
        ("RJZ", "type=X", "rjz-rest"),
        ("RJ1", "type=A", "two"),
        ("RRV", "type=A", "two"),
        ("RJ1", "type=B", "base/any"),
        ("RWF", "type=A", "base/any"),
    ],
)
def test_the_senders_own_mapping_serves_before_the_base(mappings, sender, sent, chosen):
    mapping = mappings.for_source(OdsCode(sender), message(sent))

    assert mapping.id == chosen
    notices = [("information", "informational", "message", "")] if mapping.is_base else []
    assert told(apply(mapping, sent)) == notices


def test_a_message_that_no_mapping_serves_is_refused_with_every_reason(mappings):
    with pytest.raises(UnmappedMessage) as refused:
        mappings.for_source(OdsCode("RJ1"), message("type=X"))

    assert [issue.text for issue in refused.value.issues] == [
        "a message of type X (json) has no mapping of RJ1's",
        "two takes: messages where type = 'A'",
        "base/any takes: everything but X",
    ]


def test_an_unknown_sender_without_a_base_is_told_so(folder):
    add(folder, "rjz-adt", "RJZ")

    with pytest.raises(UnmappedMessage) as refused:
        folder.accepted().for_source(OdsCode("RWF"), message("a=1"))

    assert [issue.text for issue in refused.value.issues] == [
        "this message (json) has no mapping, and RWF has none of its own"
    ]


def test_a_mapping_may_be_named_if_it_fits(mappings):
    adt = message("type=A")

    assert mappings.choose(SENDER, adt, "rjz-rest").id == "rjz-rest"
    assert mappings.choose(SENDER, adt).id == "rjz-adt"
    with pytest.raises(UnmappedMessage) as refused:
        mappings.choose(SENDER, message("type=B"), "rjz-adt")
    assert refused.value.issues[0].text == "rjz-adt takes: messages where type = 'A'"
    with pytest.raises(UnmappedMessage, match="no mapping of this name"):
        mappings.by_id("none")


def test_two_mappings_that_serve_the_same_example_are_a_fault(folder):
    add(folder, "rjz-one", "RJZ", "type = 'A'", "type=A\nx=1")
    add(folder, "rjz-two", "[RJ1, RJZ]", "x = '1'", "type=B\nx=1")
    add(folder, "rj1-three", "RJ1", "type = 'A'", "type=A")

    assert folder.faults() == [
        "rjz-two.yaml:7:3: rjz-one and rjz-two both serve the example examples/rjz-one:"
        " only one may"
    ]


def test_two_mappings_without_a_condition_are_a_fault(folder):
    add(folder, "base/one")
    add(folder, "base/two")
    add(folder, "rjz-one", "RJZ")

    assert folder.faults() == [
        "base/two.yaml:1:1: base/one and base/two both serve every message: only one may"
    ]


def test_two_mappings_that_serve_one_message_refuse_it_and_are_both_named(folder):
    add(folder, "rjz-one", "RJZ", "type = 'A'", "type=A")
    add(folder, "rjz-two", "RJZ", "x = '1'", "x=1")
    mappings = folder.accepted()

    with pytest.raises(
        UnmappedMessage, match=r"more than one mapping serves.*: rjz-one and rjz-two"
    ):
        mappings.for_source(SENDER, message("type=A\nx=1"))
