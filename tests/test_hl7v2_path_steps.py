"""Paths that go on from a segment: to those that belong to it, and to the run that follows it."""

from __future__ import annotations

import pytest
from hl7v2_fixtures import read

from service.formats.hl7v2 import FORMAT

MESSAGE = read(
    "TXA|1|DS",
    "OBX|1|ED|D||^A^PDF^Base64^AAA",
    "OBX|2|ED|D||^^^^BBB",
    "NTE|1||between",
    "OBX|3|ED|D||^^^^CCC",
    "OBX|4|ED|E||^A^PDF^Base64^DDD",
    "TXA|2|CN",
    "OBX|1|TX|D||text",
)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("TXA+OBX-1", ["1", "2", "3", "4", "1"]),
        ("TXA[2]+OBX-5", ["text"]),
        ("TXA+OBX[1]-1", ["1", "1"]),
        ("TXA+OBX[2..]-1", ["2", "3", "4"]),
        ("OBX[2..]-1", ["2", "3", "4", "1"]),
        ("OBX[5.3!=''][2..]-5.5", ["DDD"]),
        ("OBX[5.3='PDF'][1]>OBX[5.3='']-5.5", ["AAA", "BBB"]),  # a note ends the run
        ("OBX[5.3='PDF']>OBX[5.3='']-5.5", ["AAA", "BBB", "DDD"]),
        ("TXA+OBX[5.3='PDF'][1]>OBX[5.3='']-5.5", ["AAA", "BBB"]),
        ("OBX[1]>OBX-1", ["1", "2"]),
        ("ZZZ+OBX-1", []),
    ],
)
def test_a_path_goes_on_from_the_segments_it_found(path: str, values: list[str]) -> None:
    compiled = FORMAT.compile_path(path)

    assert compiled.values(MESSAGE) == values
    assert len(compiled.places(MESSAGE)) == len(values)


def test_inside_each_a_path_begins_at_the_segment_found() -> None:
    first = FORMAT.compile_path("OBX").nodes(MESSAGE)[0]

    assert FORMAT.compile_path(">OBX[5.3='']-5.5").values(first) == ["AAA", "BBB"]
    assert FORMAT.compile_path(">OBX[5.3='']-5.5").values(MESSAGE) == []


@pytest.mark.parametrize(
    "path", ["TXA+", "OBX>-5", "OBX[2..", "OBX[2.]-5", "OBX[0..]-5", "+TXA+obx"]
)
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no HL7 v2 path"):
        FORMAT.compile_path(path)


LINES = read(
    "ORC|NW|P1",
    "OBR|1|P1",
    "OBX|1|TX|F^Findings||one",
    "OBX|2|TX|||two",
    "OBX|3|TX|F^Findings||three",
    "OBX|4|TX|I^Impression||four",
    "ORC|XO|P2",
    "OBR|2|P2",
    "OBX|1|TX|I^Impression||five",
    "OBX|2|ED|L||^A^PDF^Base64^JVBERi0x",
    "OBX|3|ED|L||^A^PDF^Base64^AAAA",
)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("OBX[2='TX'][each 3]-5", ["one", "four", "five"]),  # another segment ends a run
        ("OBX[2='TX'][each 3]>OBX[2='TX' and 3 same]-5", ["one", "two", "three", "four", "five"]),
        ("OBR+OBX[2='TX'][each 3][1]-5", ["one", "five"]),
        ("OBX[1]>OBX[3 same]-5", ["one", "two", "three"]),
        ("OBX[5.5 begins ('JVBER', 'e1xy')]-1", ["2"]),
        ("OBX[2='ED' and not 5.5 begins ('JVBER')]-1", ["3"]),
    ],
)
def test_a_path_takes_lines_under_one_name_together(path: str, values: list[str]) -> None:
    assert FORMAT.compile_path(path).values(LINES) == values


def test_a_segment_finds_the_one_that_it_belongs_to() -> None:
    orders = FORMAT.compile_path("OBR").nodes(LINES)

    control = FORMAT.compile_path("<ORC-1")
    assert [control.values(order) for order in orders] == [["NW"], ["XO"]]
    assert control.places(orders[1]) == ["ORC[2]-1"]
    assert FORMAT.compile_path("<TXA-1").values(orders[0]) == []


@pytest.mark.parametrize(
    "path", ["PID-3[each 4]", "PID-3[4 same]", "OBX[each]-5", "OBX[5 begins 'x']-5", "<-1"]
)
def test_a_path_that_takes_nothing_together_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no HL7 v2 path"):
        FORMAT.compile_path(path)
