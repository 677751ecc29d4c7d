"""Paths: what an analyst writes finds what the standard's numbering says."""

from __future__ import annotations

import pytest
from hl7v2_fixtures import PID, read, value, values

from service.formats.hl7v2 import FORMAT

REFERRAL = read(
    PID,
    "NK1|1|TESTKIN^BEA|SPO",
    "NK1|2|TESTKIN^CAL|CHD",
    "PRD|RP^Referring^HL70286|TESTDOC^DAN||||020 7946 0000",
    "CTD|RP|TESTSECRETARY^EVE",
    "PRD|RT^Referred to^HL70286|^^^^^HOSPICE",
    "CTD|RT|TESTNURSE^FAY",
    "CTD|RT|TESTCLERK^GUS",
    "OBR|1|||100^Pain score",
    "NTE|1||about the order",
    "OBX|1|NM|abc||7||||||F",
    "NTE|1||first",
    "NTE|2||second",
    "OBX|2|ST|def&x||mild~severe||||||F",
    "OBR|2|||200^Mood",
    "OBX|1|ST|abc||low",
    "NTE|1||third",
    "DG1|1||R52.2^Chronic pain^I10||20250301|F",
    "DG1|2||^Low mood",
    "PV1|1|I",
    "NTE|1||about the visit",
    "MRG|A^^^RJZ&2.16.840&ISO~~B^^^RVV",
)


@pytest.mark.parametrize(
    ("path", "found", "places"),
    [
        ("PID-8", ["F"], ["PID-8"]),
        ("PID-3", ["9990123454", "X123"], ["PID-3[1].1", "PID-3[2].1"]),
        ("PID-3.1", ["9990123454", "X123"], ["PID-3[1].1", "PID-3[2].1"]),
        ("PID-3[2].1", ["X123"], ["PID-3[2].1"]),
        ("PID-3[3].1", [], []),
        ("PID-5.2", ["ADA"], ["PID-5.2"]),
        ("PID-5.9", [], []),
        ("PID-3[5='NH'].1", ["9990123454"], ["PID-3[1].1"]),
        ("PID-3[5!='NH'].1", ["X123"], ["PID-3[2].1"]),
        ("PID-3[4.1='NHS'].1", ["9990123454"], ["PID-3[1].1"]),
        ("PID-3[4='NHS' or 5='MR'].1", ["9990123454", "X123"], ["PID-3[1].1", "PID-3[2].1"]),
        ("PID-3[4='NHS' and 5='MR'].1", [], []),
        ("PID-3[5 in ('NH','HN')].1", ["9990123454"], ["PID-3[1].1"]),
        ('PID-3[5 not in ("NH", "HN")].1', ["X123"], ["PID-3[2].1"]),
        ("PID-3[not (4='NHS' and 5='NH')][1].1", ["X123"], ["PID-3[2].1"]),
        ("PID-3[2=''].1", ["9990123454", "X123"], ["PID-3[1].1", "PID-3[2].1"]),
        ("PID-3[5=''].1", [], []),
        ("PID-3[ 5 = 'NH' ] .1", ["9990123454"], ["PID-3[1].1"]),
        ("MRG-1[4='RJZ'].4.2", ["2.16.840"], ["MRG-1[1].4.2"]),
        ("MRG-1.4", ["RJZ", "RVV"], ["MRG-1[1].4.1", "MRG-1[3].4"]),
        ("MRG-1[3]", ["B"], ["MRG-1[3].1"]),
        ("NK1[2]-2.2", ["CAL"], ["NK1[2]-2.2"]),
        ("NK1-2.2", ["BEA", "CAL"], ["NK1[1]-2.2", "NK1[2]-2.2"]),
        ("PRD[1.1='RP']-2.1", ["TESTDOC"], ["PRD[1]-2.1"]),
        ("PRD[1='RT']-2.6", ["HOSPICE"], ["PRD[2]-2.6"]),
        ("PRD[1='RT' and 5='']-2.6", ["HOSPICE"], ["PRD[2]-2.6"]),
        ("OBX[3.1='abc']-5", ["7", "low"], ["OBX[1]-5", "OBX[3]-5"]),
        ("OBX[3.1='abc'][2]-5", ["low"], ["OBX[3]-5"]),
        ("OBX[3.1.2='x']-5[2]", ["severe"], ["OBX[2]-5[2]"]),
        ("OBX[5='severe']-1", ["2"], ["OBX[2]-1"]),
        ("OBX[5!='severe']-1", ["1", "1"], ["OBX[1]-1", "OBX[3]-1"]),
        ("OBX[3 not in ('abc')]-5", ["mild", "severe"], ["OBX[2]-5[1]", "OBX[2]-5[2]"]),
        ("DG1-3", ["R52.2"], ["DG1[1]-3.1"]),
        ("DG1-3.2", ["Chronic pain", "Low mood"], ["DG1[1]-3.2", "DG1[2]-3.2"]),
        ("DG1[2]", ["DG1|2||^Low mood"], ["DG1[2]"]),
        ("PV1", ["PV1|1|I"], ["PV1"]),
        ("ZZZ-1", [], []),
        ("MSH-1", ["|"], ["MSH-1"]),
        ("MSH-2", ["^~\\&"], ["MSH-2"]),
        ("MSH-9.2", ["A03"], ["MSH-9.2"]),
    ],
)
def test_a_path_finds_values_and_their_places(path, found, places):
    compiled = FORMAT.compile_path(path)

    assert list(compiled.values(REFERRAL)) == found
    assert list(compiled.places(REFERRAL)) == places
    assert compiled.text == path


def test_every_place_is_a_path_that_finds_its_value():
    for place in REFERRAL.leaves():
        assert list(FORMAT.compile_path(place).places(REFERRAL)) == [place]


def test_the_leaves_are_every_value_of_the_message():
    message = read('PID|1||A^^^B&C~D||"" ')

    assert list(message.leaves()) == [
        "MSH-3", "MSH-4", "MSH-5", "MSH-6", "MSH-7", "MSH-9.1", "MSH-9.2", "MSH-9.3", "MSH-10",
        "MSH-11", "MSH-12",
        "PID-1", "PID-3[1].1", "PID-3[1].4.1", "PID-3[1].4.2", "PID-3[2]", "PID-5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("each", "path", "found"),
    [
        ("DG1", "-3.1", [["R52.2"], []]),
        ("DG1", "-3.2", [["Chronic pain"], ["Low mood"]]),
        ("DG1", "-5", [["20250301"], []]),
        ("DG1", "PV1-2", [["I"], ["I"]]),
        ("PID-3", ".1", [["9990123454"], ["X123"]]),
        ("PID-3", ".5", [["NH"], ["MR"]]),
        ("PID-3[5='MR']", ".4", [["RJZ"]]),
        ("PID-3", "-8", [["F"], ["F"]]),
        ("PID-3", "PID-5.1", [["TESTPATIENT"], ["TESTPATIENT"]]),
        ("MRG-1", ".4.2", [["2.16.840"], []]),
        ("PID-5", "-3[5='MR'].1", [["X123"]]),
        ("DG1", ".1", [[], []]),
        ("PRD", "+CTD-2.2", [["EVE"], ["FAY", "GUS"]]),
        ("PRD", "+CTD[2]-2.2", [[], ["GUS"]]),
        ("PRD", "+CTD[2.1='TESTNURSE']-2.2", [[], ["FAY"]]),
        ("OBR", "+OBX-5", [["7", "mild", "severe"], ["low"]]),
        ("OBR", "+NTE-3", [["about the order"], []]),
        ("OBX", "+NTE-3", [["first", "second"], [], ["third"]]),
        ("PV1", "+NTE-3", [["about the visit"]]),
        ("PID", "+NK1-2.2", [["BEA", "CAL"]]),
        ("OBX-5", "+NTE-3", [["first", "second"], [], [], ["third"]]),
    ],
)
def test_inside_each_paths_go_on_from_where_it_is(each, path, found):
    nodes = FORMAT.compile_path(each).nodes(REFERRAL)
    relative = FORMAT.compile_path(path)

    assert [list(relative.values(node)) for node in nodes] == found


def test_groups_nest_in_each_other():
    orders = FORMAT.compile_path("OBR").nodes(REFERRAL)
    observations = [FORMAT.compile_path("+OBX").nodes(order) for order in orders]
    notes = FORMAT.compile_path("+NTE-3")

    assert [[list(notes.values(o)) for o in group] for group in observations] == [
        [["first", "second"], []],
        [["third"]],
    ]
    assert list(notes.places(observations[1][0])) == ["NTE[4]-3"]


@pytest.mark.parametrize(
    ("each", "path", "found"),
    [
        ("PR1", "+AUT-1", [["x"]]),
        ("PV1", "+AUT-1", [["y"]]),
        ("ZA1", "+ZB1-1", [["1"], ["2", "3"]]),
        ("ZA1", "+PR1-1", [[], []]),
    ],
)
def test_a_group_ends_where_its_like_or_a_higher_one_begins(each, path, found):
    message = read(
        "PR1|1", "AUT|x", "PV1|1", "AUT|y", "ZA1|", "ZB1|1", "ZA1|", "ZB1|2", "ZB1|3", "PR1|2"
    )
    nodes = [node for node in FORMAT.compile_path(each).nodes(message) if node.text != "PR1|2"]

    assert [list(FORMAT.compile_path(path).values(node)) for node in nodes] == found


def test_a_field_with_one_value_among_its_repetitions_is_not_empty():
    message = read("OBX|1||A||~x", "OBX|2||B||~", "OBX|3||C")

    assert values(message, "OBX[5='']-3") == ["B", "C"]
    assert values(message, "OBX[5!='']-3") == ["A"]


def test_a_repetition_whose_first_component_is_empty_is_still_gone_through():
    message = read("PID|1||||||||||^^LONDON~~12 TEST ROAD")

    assert values(message, "PID-11") == ["12 TEST ROAD"]
    nodes = FORMAT.compile_path("PID-11").nodes(message)
    assert [list(FORMAT.compile_path(".3").places(node)) for node in nodes] == [["PID-11[1].3"], []]


@pytest.mark.parametrize("path", ["PID-3.1", "PID-3[2].4", "OBX[3.1='abc']-5", "-3.1", "+NTE-3"])
def test_values_nodes_and_places_agree_in_order(path):
    compiled = FORMAT.compile_path(path)
    starts = [REFERRAL, *FORMAT.compile_path("OBX").nodes(REFERRAL)]

    for start in starts:
        counts = {len(ask(start)) for ask in (compiled.values, compiled.nodes, compiled.places)}
        assert len(counts) == 1


@pytest.mark.parametrize("path", ["-3", ".1", "+NTE-3", "-3[1=''].1"])
def test_a_relative_path_finds_nothing_from_the_message_itself(path):
    assert values(REFERRAL, path) == []


def test_a_node_outlives_its_message():
    (node,) = FORMAT.compile_path("PID").nodes(read(PID))

    assert list(FORMAT.compile_path("-5.2").values(node)) == ["ADA"]
    assert list(FORMAT.compile_path("-5.2").places(node)) == ["PID-5.2"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "a segment's name, three capitals or digits, is expected at the end, as in PID-3.1"),
        ("pid-3", "a segment's name, three capitals or digits, is expected at character 1"),
        ("PID.5", '"-" and a field number are expected at character 4, as in PID-3.1'),
        ("PID-", "a field number, 1 or more, is expected at the end, as in PID-3"),
        ("PID-0", "a field number, 1 or more, is expected at character 5"),
        ("PID-3.", "a component number, 1 or more, is expected at the end, as in PID-5.1"),
        ("PID-3.1.2.3", "the path should end at character 10"),
        ("PID-3[0]", "a number, 1 or more, is expected at character 7"),
        ("PID-3[5='NH'", "\"]\" is expected at the end, as in PID-3[5='NH'].1"),
        ("PID-3[5=NH].1", "a text in quotation marks is expected at character 9"),
        ("PID-3[5='NH].1", "a text in quotation marks is expected at character 9"),
        ("PID-3[5].1.x", "a subcomponent number, 1 or more, is expected at character 12"),
        ("PID-3[5 like 'x']", "=, !=, in or not in is expected at character 9"),
        ("PID-3[5 in 'x']", '"(" is expected at character 12'),
        ("PID-3[5 in ('x' 'y')]", '"," or ")" is expected at character 17'),
        ("PID-3[(5='x']", '")" is expected at character 13'),
        ("PID-3[5='x' and]", "a number of what to compare, 1 or more, is expected at character 16"),
        ("PID-3[1.2.3='x']", "=, !=, in or not in is expected at character 10"),
        ("PID 3", '"-" and a field number are expected at character 5'),
        ("+", "a segment's name, three capitals or digits, is expected at the end"),
        (".1.2.3", "the path should end at character 5"),
        ("PID-3 ", None),
    ],
)
def test_a_wrong_path_is_refused_with_place_and_example(path, fault):
    if fault is None:
        assert values(REFERRAL, path) == ["9990123454", "X123"]
        return
    with pytest.raises(ValueError, match="is no HL7 v2 path") as refused:
        FORMAT.compile_path(path)

    assert fault in str(refused.value)
    assert str(refused.value).startswith(repr(path))
    example = str(refused.value).rpartition("as in ")[2]
    assert FORMAT.compile_path(example).text == example


def test_a_value_is_found_again_without_reading_it_again():
    message = read(PID)
    first = FORMAT.compile_path("PID-5.1").values(message)[0]

    assert FORMAT.compile_path("PID-5.1").values(message)[0] is first
    assert value(message, "PID-5.1") == "TESTPATIENT"
