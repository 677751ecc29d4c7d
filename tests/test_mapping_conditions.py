"""Conditions hold where a plain evaluator says so, and never take long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.formats.source import NULL, Path
from service.mapping import compile_condition

Values = dict[str, Sequence[str]]


def path(text: str) -> Path:
    """A path over a dict of lists; any name is one but `bad`."""
    if text == "bad":
        raise ValueError("not a path of this format")
    return Path(
        text=text,
        values=lambda node: () if text == "parts" else node.get(text, ()),
        nodes=lambda node: node.get(text, ()),
        places=lambda node: [text] * len(node.get(text, ())),
        structured=text == "parts",
    )


def holds(condition: str, values: Values) -> bool:
    return compile_condition(condition, path)(values)


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("a = 'x'", True),
        ("a = 'y'", True),
        ("'y' = a", True),
        ("a = 'z'", False),
        ("a != 'z'", True),
        ("a != 'x'", False),
        ("none = 'x'", False),
        ("none != 'x'", True),
        ("a = b", True),
        ("a != b", False),
        ("a = none", False),
        ("'x' = 'x'", True),
        ("a in ('z', 'y')", True),
        ("a not in ('z', 'y')", False),
        ("none not in ('z')", True),
        ("exists a", True),
        ("exists none", False),
        ("exists parts", True),
        ("exists deleted", False),
        ("deleted = '\"\"'", True),
        ("not exists none", True),
        ("not not exists a", True),
        ("quote = 'O''Neill'", True),
        ("a = 'x' and b = 'z' or b = 'y'", True),
        ("a = 'x' and (b = 'z' or b = 'q')", False),
        ("not a = 'x' or b = 'y'", True),
        ("not (a = 'x' or b = 'y')", False),
        ("word ~ 'hosp'", True),
        ("word ~ '^hosp'", False),
        ("word ~ '(?i)^the HOSPICE$'", True),
        ("a ~ 'x|q'", True),
        ("none ~ '.*'", False),
        ("`a b` = '1'", True),
        ("x[p='a b' and q=(1)].c = '2'", True),
        ("f.where(system = 'u)').value = '3'", True),
        ("f.where(a=\"'\").g='4'", True),
        ("-3.1='5' and .='6'", True),
        ("andes = '7'", True),
    ],
)
def test_a_condition_holds_as_described(condition, true):
    values = {
        "a": ["x", "y"],
        "b": ["y"],
        "deleted": [NULL],
        "quote": ["O'Neill"],
        "word": ["the hospice"],
        "a b": ["1"],
        "x[p='a b' and q=(1)].c": ["2"],
        "f.where(system = 'u)').value": ["3"],
        'f.where(a="\'").g': ["4"],
        "-3.1": ["5"],
        ".": ["6"],
        "andes": ["7"],
        "parts": [object()],
    }
    assert holds(condition, values) is true


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("", "character 1: expected a path"),
        ("a", "character 2: expected =, !=, in, not in, before, after or ~"),
        ("a =", "character 4: expected a path"),
        ("a = 'x", "character 5: ' is not closed"),
        ("a = 'x' b = 'y'", "character 9: expected and, or, or the end"),
        ("a == 'x'", "character 4: expected a path"),
        ("(a = 'x'", "character 9: expected and, or, or )"),
        ("a = 'x')", "character 8: expected and, or, or the end"),
        ("a in 'x'", "character 6: expected ( and texts"),
        ("a in ()", "character 7: expected a text"),
        ("a in ('x' 'y')", "character 11: expected , or )"),
        ("a not ~ 'x'", "character 7: expected in"),
        ("a ~ b", "character 5: expected a pattern in single quotes"),
        ("a[1 = 'x'", "character 1: a bracket of the path is not closed"),
        ("a[x='1] = 1", "quote is not closed"),
        ("a ! 'x'", "character 3: ! is not closed or not known"),
        ("exists 'x'", "character 8: expected a path"),
        ("not", "character 4: expected a path"),
        ("parts = 'x'", "character 1: parts has parts and no text of its own"),
        ("bad = 'x'", "character 1: not a path of this format"),
        ("a ~ '('", "character 5: pattern, character 1: a ( is not closed"),
        ("(" * 60 + "a='x'" + ")" * 60, "nested too deeply"),
        ("not " * 60 + "a='x'", "nested too deeply"),
        ("a = '" + "x" * 5000 + "'", "at most 4000 characters"),
    ],
)
def test_a_wrong_condition_says_where(condition, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        compile_condition(condition, path)


names = st.sampled_from(["a", "b", "c[x='y z']", "d.e(f)"])
texts = st.sampled_from(["", "x", "y", "it's", "z z", '""'])


def _tree(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    )


terms = st.one_of(
    st.tuples(st.sampled_from(["=", "!="]), names, texts),
    st.tuples(st.sampled_from(["=p", "!=p"]), names, names),
    st.tuples(st.sampled_from(["in", "not in"]), names, st.lists(texts, min_size=1, max_size=3)),
    st.tuples(st.just("exists"), names),
    st.tuples(st.just("~"), names, st.sampled_from(["x", "^.$", "[xy]|s", "(?i)Z"])),
)
conditions = st.recursive(terms, _tree, max_leaves=12)
sent = st.dictionaries(
    names, st.lists(st.one_of(texts.filter(lambda t: t not in ("", '""')), st.just(NULL)))
)


def written(tree: Any) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    match tree:
        case ("not", inner):
            return f"not ({written(inner)})"
        case ("and" | "or" as word, list(inner)):
            return f" {word} ".join(f"({written(term)})" for term in inner)
        case ("=p" | "!=p" as sign, left, right):
            return f"{left} {sign[:-1]} {right}"
        case ("=" | "!=" | "~" as sign, left, text):
            return f"{left} {sign} {quoted(text)}"
        case ("in" | "not in" as word, left, options):
            return f"{left} {word} ({', '.join(quoted(text) for text in options)})"
        case ("exists", name):
            return f"exists {name}"
    raise AssertionError(tree)


def reference(tree: Any, values: Values) -> bool:  # noqa: PLR0911 - one a kind of term
    """The meaning of the table in docs/mapping-language.md, without any cleverness."""

    def of(name: str) -> Sequence[str]:
        return values.get(name, ())

    match tree:
        case ("not", inner):
            return not reference(inner, values)
        case ("and", list(inner)):
            return all(reference(term, values) for term in inner)
        case ("or", list(inner)):
            return any(reference(term, values) for term in inner)
        case ("=" | "!=" as sign, name, text):
            return (str(text) in [str(v) for v in of(name)]) == (sign == "=")
        case ("=p" | "!=p" as sign, left, right):
            return bool({*map(str, of(left))} & {*map(str, of(right))}) == (sign == "=p")
        case ("in" | "not in" as word, name, options):
            return any(str(v) in options for v in of(name)) == (word == "in")
        case ("exists", name):
            return any(v is not NULL for v in of(name))
        case ("~", name, pattern):
            return any(re.search(pattern, v) is not None for v in of(name))
    raise AssertionError(tree)


@settings(max_examples=400)
@given(conditions, sent)
def test_a_condition_means_what_a_plain_evaluator_says(tree, values):
    assert holds(written(tree), values) is reference(tree, values)


@settings(max_examples=400)
@given(conditions, sent)
def test_not_binds_before_and_and_before_or(tree, values):
    # without the brackets that `written` adds around everything
    a, b, c = ("a = 'x'", "exists b", written(tree))
    bare = f"not {a} and {b} or ({c})"

    assert holds(bare, values) is ((not holds(a, values) and holds(b, values)) or holds(c, values))


@settings(max_examples=500)
@given(st.text(alphabet="ab'`()[]=!~,.-\" \\nortexisd|*", max_size=40))
def test_any_text_is_a_condition_or_a_fault(text):
    outcome = "a fault"
    try:
        outcome = compile_condition(text, path)({"a": ["x"]})
    except ValueError as error:
        outcome = f"a fault: {error}"
    assert outcome in (True, False) or "character" in outcome or "too" in outcome
