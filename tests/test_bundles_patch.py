"""JSON Patch (RFC 6902) as a table and as properties."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest, Conflict
from service.fhir.patch import apply_patch
from tests.api_samples import Resource


# RFC 6902, appendix A, as far as it is about results
@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
        ({"a": 1}, [{"op": "add", "path": "/a", "value": None}], {"a": None}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
        ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 1}}], {"b": 1}),
        (
            {"a": {"b": 1}, "c": {}},
            [{"op": "move", "from": "/a/b", "path": "/c/d"}],
            {"a": {}, "c": {"d": 1}},
        ),
        ({"a": [1, 2, 3]}, [{"op": "move", "from": "/a/0", "path": "/a/2"}], {"a": [2, 3, 1]}),
        (
            {"a": {"b": [1]}},
            [
                {"op": "copy", "from": "/a", "path": "/c"},
                {"op": "add", "path": "/c/b/-", "value": 2},
            ],
            {"a": {"b": [1]}, "c": {"b": [1, 2]}},
        ),
        ({"a/b": 1, "m~n": 2}, [{"op": "remove", "path": "/a~1b"}], {"m~n": 2}),
        ({"m~n": 2}, [{"op": "test", "path": "/m~0n", "value": 2}], {"m~n": 2}),
        ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
        ({"a": [{"b": 1}]}, [{"op": "test", "path": "/a", "value": [{"b": 1}]}], {"a": [{"b": 1}]}),
    ],
)
def test_patches_do_what_the_rfc_says(
    document: Resource, operations: list[Any], expected: Resource
) -> None:
    before = copy.deepcopy(document)

    assert apply_patch(document, operations) == expected
    assert document == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "/list/-1", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "remove", "path": "/none"},
        {"op": "remove", "path": "/list/-"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "move", "from": "/none", "path": "/a"},
        {"op": "copy", "from": "/none", "path": "/a"},
        {"op": "test", "path": "/none", "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "move", "path": "/a"},
        {"op": "spam", "path": "/a", "value": 1},
        {"path": "/a", "value": 1},
        {"op": "remove", "path": 3},
        "remove /a",
    ],
)
def test_patches_that_cannot_be_carried_out_change_nothing(operation: Any) -> None:
    document = {"a": 1, "list": [1, 2]}

    with pytest.raises(BadRequest) as refused:
        apply_patch(document, [operation])

    assert "operation 0" in refused.value.issues[0].text
    assert document == {"a": 1, "list": [1, 2]}


@pytest.mark.parametrize(("found", "wanted"), [(1, 2), (True, 1), (0, False), ("1", 1), (1, None)])
def test_a_test_that_does_not_hold_is_a_conflict(found: Any, wanted: Any) -> None:
    with pytest.raises(Conflict):
        apply_patch({"a": found}, [{"op": "test", "path": "/a", "value": wanted}])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def pointer(*names: str) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.text(), json_values)
def test_adding_then_removing_gives_back_what_there_was(
    document: Resource, name: str, value: Any
) -> None:
    path = pointer(name)
    added = apply_patch(document, [{"op": "add", "path": path, "value": value}])
    tested = apply_patch(added, [{"op": "test", "path": path, "value": value}])
    removed = apply_patch(tested, [{"op": "remove", "path": path}])

    assert added[name] == value
    assert removed == {key: kept for key, kept in document.items() if key != name}
