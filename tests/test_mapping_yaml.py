"""YAML is read as it is written, and what is doubtful in it is a fault at its place."""

from __future__ import annotations

import pytest

from service import yamlfile


def test_scalars_stay_as_they_are_written():
    document = yamlfile.parse("a: 01\nb: NO\nc: 22:30\nd: 1e3\ne: ~\nf: 'null'\ng:\n", "x.yaml")

    assert document.value == {
        "a": "01", "b": "NO", "c": "22:30", "d": "1e3", "e": None, "f": "null", "g": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: a is here twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", "x.yaml:1:11: b is here twice"),
        ("a: *b\n", "x.yaml:1:4: anchors and aliases are not used"),
        ("a: &b 1\n", "x.yaml:1:4: anchors and aliases are not used"),
        ("a: !!int 1\n", "x.yaml:1:4: tags are not used"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document"),
        ("a: [1\n", "x.yaml:2:1: not YAML"),
        ("a: 'b\n", "x.yaml:2:1: not YAML"),
        ("? {a: b}\n: c\n", "x.yaml:1:3: not YAML: a key must be text"),
        ("a: " + "[" * 60, "x.yaml:1:43: not YAML: nested too deeply"),
        ("a: \x01\n", "x.yaml:1:1: not YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_a_fault_at_its_place(text, said):
    faults = [str(fault) for fault in yamlfile.parse(text, "x.yaml").faults]

    assert [fault for fault in faults if fault.startswith(said)], faults


def test_a_file_that_is_not_utf8_or_not_there_is_a_fault(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")

    assert "byte 3 is not UTF-8" in str(yamlfile.read(tmp_path / "a.yaml", "a.yaml").faults[0])
    assert "No such file" in str(yamlfile.read(tmp_path / "b.yaml", "b.yaml").faults[0])
