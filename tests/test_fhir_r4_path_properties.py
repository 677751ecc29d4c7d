"""Random resources and random paths: the compiled closures agree with a plain evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_r4_fixtures import resources
from hypothesis import given, settings
from hypothesis import strategies as st

from service.formats.fhir_r4 import FORMAT, messages
from service.formats.fhir_r4.index import Index
from service.formats.fhir_r4.node import root

NAMES = ("section", "title", "mode", "other")
VALUES = st.sampled_from(["a", "b", " ", "", True, False, 0, 1, None])
TREES = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)
ROOTS = st.dictionaries(st.sampled_from(NAMES), TREES, max_size=5)


@dataclass(frozen=True)
class Step:
    """One step as text and as what it does to (value, place) pairs."""

    text: str
    kind: str
    name: str = ""
    literal: Any = None
    position: int = 0


def member(name: str) -> Step:
    return Step(name, "member", name)


LITERALS = st.sampled_from([("'a'", "a"), ("'b'", "b"), ("true", True), ("1", 1)])
MEMBERS = st.sampled_from(["section", "title", "mode"])
STEPS = st.one_of(
    st.just(member("section")),
    st.integers(0, 3).map(lambda at: Step(f"[{at}]", "item", position=at)),
    st.sampled_from([Step("first()", "first"), Step("last()", "last")]),
    st.builds(
        lambda name, literal: Step(f"where({name} = {literal[0]})", "equal", name, literal[1]),
        MEMBERS,
        LITERALS,
    ),
    MEMBERS.map(lambda name: Step(f"where({name}.exists())", "exists", name)),
    MEMBERS.map(lambda name: Step(f"where({name}.empty())", "empty", name)),
)
PATHS = st.builds(
    lambda inner, last: [member("section"), *inner, *([member(last)] if last else [])],
    st.lists(STEPS, max_size=5),
    st.sampled_from(["", "section", "title", "mode"]),
)

Found = list[tuple[Any, str]]


def written(path: list[Step]) -> str:
    """Return the path's text."""
    text = ""
    for step in path:
        text += step.text if step.kind == "item" or not text else f".{step.text}"
    return text


def naive(path: list[Step], value: Any) -> Found:
    """Evaluate step by step, as one reads the specification."""
    found: Found = [(value, "")]
    for step in path:
        found = ONE_STEP[step.kind](step, found)
    return [(value, place) for value, place in found if is_there(value)]


def below(value: Any, place: str, name: str) -> Iterator[tuple[Any, str]]:
    if not isinstance(value, dict) or value.get(name) is None:
        return
    here = f"{place}.{name}".lstrip(".")
    if isinstance(value[name], list):
        yield from ((item, f"{here}[{at}]") for at, item in enumerate(value[name]))
    else:
        yield value[name], here


def is_there(value: Any) -> bool:
    return isinstance(value, dict) or not (
        value is None or isinstance(value, list) or str(value).strip() == ""
    )


def held(value: Any, name: str) -> list[Any]:
    return [one for one, _ in below(value, "", name) if is_there(one)]


def equals(value: Any, step: Step) -> bool:
    match held(value, step.name):
        case [one]:
            return type(one) is type(step.literal) and bool(one == step.literal)
    return False


ONE_STEP = {
    "member": lambda step, found: [hit for v, p in found for hit in below(v, p, step.name)],
    "item": lambda step, found: found[step.position : step.position + 1],
    "first": lambda _, found: [one for one in found if is_there(one[0])][:1],
    "last": lambda _, found: [one for one in found if is_there(one[0])][-1:],
    "equal": lambda step, found: [one for one in found if equals(one[0], step)],
    "exists": lambda step, found: [one for one in found if held(one[0], step.name)],
    "empty": lambda step, found: [one for one in found if not held(one[0], step.name)],
}


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=400, deadline=None)
@given(resource=ROOTS, path=PATHS)
def test_closures_find_what_a_plain_reading_finds(
    resource: dict[str, Any], path: list[Step]
) -> None:
    expected = naive(path, resource)
    node = (root(resource), Index(resource))
    compiled = FORMAT.compile_path("$this." + written(path))

    values = [(as_text(v), place) for v, place in expected if not isinstance(v, dict)]
    assert list(compiled.values(node)) == [value for value, _ in values]
    assert list(compiled.places(node)) == [place for _, place in values]
    assert [one[0][0] for one in compiled.nodes(node)] == [value for value, _ in expected]


@settings(max_examples=200, deadline=None)
@given(resource=resources())
def test_every_leaf_is_found_by_the_path_that_is_its_place(resource: dict[str, Any]) -> None:
    (found,) = messages(resource)
    places = list(found.leaves())

    assert len(set(places)) == len(places)
    for leaf in places:
        assert list(FORMAT.compile_path(leaf).places(found.root)) == [leaf]


@settings(max_examples=300, deadline=None)
@given(text=st.text("Patient.nam()[]='|0 andorwhe$%`@\\", max_size=30))
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    told = ""
    try:
        told = FORMAT.compile_path(text).text
    except ValueError as refusal:
        told = str(refusal)

    assert text in told
