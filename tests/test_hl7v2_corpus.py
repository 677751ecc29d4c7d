"""Public sample messages: each is read whole, or refused for the reason that stands here."""

from __future__ import annotations

import sys

import pytest
from hl7v2_fixtures import SHARED, corpus, values

from service.errors import UnreadableMessage
from service.formats.hl7v2 import FORMAT, Hl7Message

FOLDERS = ("corpus/hl7v2-uk-itk", "corpus/hl7v2-international", "peers/hl7v2/messages")
REFUSED = {"sample_unix.hl7": "JSON", "sample_win.hl7": "JSON"}  # MSH-2 with two backslashes

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not (SHARED / FOLDERS[0]).is_dir(), reason="the samples are not here"),
]


def test_every_sample_is_read_or_refused_for_a_stated_reason():
    outcomes = {}
    for path in [path for folder in FOLDERS for path in corpus(folder)]:
        try:
            (message,) = FORMAT.read(path.read_bytes())
        except UnreadableMessage as refused:
            outcomes[path.name] = refused.text
            continue
        assert FORMAT.matches("", path.read_bytes())
        outcomes[path.name] = message.message_type
    sys.stdout.writelines(f"{name}: {outcome}\n" for name, outcome in outcomes.items())

    assert len(outcomes) == 40
    for name, reason in REFUSED.items():
        assert reason in outcomes.pop(name)
    assert {outcome.partition("^")[0] for outcome in outcomes.values()} == {
        "ADT", "MDM", "ORM", "ORU", "REF",
    }  # fmt: skip


def test_no_value_of_a_sample_is_lost():
    """Every text between separators is the value of exactly one leaf."""
    for path in [path for folder in FOLDERS for path in corpus(folder)]:
        if path.name in REFUSED:
            continue
        (message,) = FORMAT.read(path.read_bytes())
        found = [values(message, leaf)[0] for leaf in message.leaves()]

        assert sorted(found) == sorted(parts(message)), path.name


def parts(message: object) -> list[str]:
    """What a plain split finds; the samples have few escapes."""
    assert isinstance(message, Hl7Message)
    found: list[str] = []
    for segment in message.segments:
        fields = segment.text.split("|")[2 if segment.name == "MSH" else 1 :]
        for text in "~".join(fields).replace("^", "~").split("~"):
            found += text.split("&")
    return [text.replace("\\T\\", "&") for text in found if text]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("MSH-9.1", "ADT"),
        ("PID-3[4='NHS'].1", "3333333333"),
        ("PID-5.1", "SMITH"),
        ("PID-11.5", "YO32 5TT"),
        ("PD1-3.3", "Y06601"),
        ("PV1-36", "3"),
        ("PV1-37", "19"),
        ("PV1-45", "201010211706"),
        ("PV1-9.1", "C3456789"),
        ("OBX[3='ID1234564440']-5.2", "MADE_UP_CODE_7"),
        ("ZU1-8", ""),
        ("ZU3-8", "normal"),
    ],
)
def test_the_itk_discharge_is_read_as_its_guide_says(path, found):
    (message,) = FORMAT.read((SHARED / FOLDERS[0] / "A03_example.txt").read_bytes())

    assert values(message, path) == ([found] if found else [])


def test_a_multi_line_observation_is_read_whole():
    (message,) = FORMAT.read((SHARED / FOLDERS[1] / "ORU-multiline-short-mixed.hl7").read_bytes())

    assert values(message, "OBX-11") == ["F"] * len(message.named["OBX"])
