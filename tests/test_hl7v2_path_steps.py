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
