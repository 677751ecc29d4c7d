"""XPath 1.0 as an analyst writes it: plain element names, and no function that is not there.

A name without a prefix is an element of HL7 v3; attributes have none. What XPath itself would
tell only when a message waits (an unknown function or prefix) is a fault of the path here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from lxml import etree

from service.formats.cda.names import PREFIXES

Kind = Literal["literal", "number", "sign", "name"]
Start = Literal["place", "document", "envelope"]

LONGEST: Final = 2_000  # characters of a path
_ANY: Final = etree.Element("any")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<literal>"[^"]*"|'[^']*')|(?P<number>\d+(?:\.\d*)?|\.\d+)"""
    r"""|(?P<sign>//|::|\.\.|!=|<=|>=|[/()\[\]@,|+\-=<>*.])"""
    r"""|(?P<name>[A-Za-z_][\w.-]*(?::(?!:)(?:[A-Za-z_][\w.-]*|\*))?))"""
)
_KINDS: Final[tuple[Kind, ...]] = ("literal", "number", "sign", "name")
_FUNCTIONS: Final = frozenset(
    (
        *("last", "position", "count", "local-name", "namespace-uri", "name", "string", "concat"),
        *("starts-with", "contains", "substring-before", "substring-after", "substring"),
        *("string-length", "normalize-space", "translate", "boolean", "not", "true", "false"),
        *("number", "sum", "floor", "ceiling", "round"),
    )
)
_NODE_TYPES: Final = frozenset(("node", "text"))
_AXES: Final = frozenset(
    (
        *("ancestor", "ancestor-or-self", "attribute", "child", "descendant"),
        *("descendant-or-self", "following", "following-sibling", "parent", "preceding"),
        *("preceding-sibling", "self"),
    )
)
_OPERATORS: Final = frozenset(("and", "or", "div", "mod"))
_ENDS_AN_OPERAND: Final = frozenset((")", "]", "..", "."))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str
    at: int  # character, from 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """A path ready to be asked, and where it starts: at a place, the document or the envelope."""

    find: etree.XPath
    start: Start


def compile_xpath(text: str) -> Compiled:
    """Compile one path. Raises ValueError that says what is wrong with it, and where."""
    if len(text) > LONGEST:
        raise ValueError(f"a path has at most {LONGEST} characters")
    tokens = list(_tokens(text))
    if not tokens:
        raise ValueError("a path is empty")
    words = list(_rewritten(tokens))
    try:
        find = _tried(words)
        for predicate in _predicates(words):
            _tried(["self::node()", *predicate])
    except (etree.XPathSyntaxError, etree.XPathEvalError):
        raise ValueError(f"{text} is no XPath 1.0") from None
    first = next((token.text for token in tokens if token.kind == "name"), "")
    is_absolute = tokens[0].text in {"/", "//"}
    absolute: Start = "envelope" if first.startswith("itk:") else "document"
    return Compiled(find=find, start=absolute if is_absolute else "place")


def _tried(words: list[str]) -> etree.XPath:
    """Compile and evaluate once: that a number is no set of elements, only evaluation finds."""
    find = etree.XPath(" ".join(words).replace(" :: ", "::"), namespaces=PREFIXES)
    find(_ANY)
    return find


def _predicates(words: list[str]) -> Iterator[list[str]]:
    """Yield each predicate with its brackets: where no element is found, none is evaluated."""
    opened: list[int] = []
    for i, word in enumerate(words):
        if word == "[":
            opened.append(i)
        elif word == "]":
            yield words[opened.pop() : i + 1]


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            raise ValueError(f"{text}: character {at + 1} is not understood")
        kind = next(kind for kind in _KINDS if match[kind] is not None)
        yield _Token(kind, match[kind], match.start(kind) + 1)
        at = match.end()


def _rewritten(tokens: list[_Token]) -> Iterator[str]:
    """Yield the tokens, plain element names with the prefix of HL7 v3."""
    operand_ended = False  # so that a name, or *, can only be an operator
    for i, token in enumerate(tokens):
        if token.kind == "name" and operand_ended:
            _must_be_one_of(token, _OPERATORS, "operator")
            yield token.text
            operand_ended = False
            continue
        before = tokens[i - 1].text if i else ""
        after = tokens[i + 1].text if i + 1 < len(tokens) else ""
        yield _named(token, before, after) if token.kind == "name" else token.text
        if token.text == "*":
            operand_ended = not operand_ended
        else:
            operand_ended = token.kind != "sign" or token.text in _ENDS_AN_OPERAND


def _named(token: _Token, before: str, after: str) -> str:
    """Return a name that is no operator: of a function, an axis, an attribute or an element."""
    if after == "(":
        _must_be_one_of(token, _FUNCTIONS | _NODE_TYPES, "function")
        return token.text
    if after == "::":
        _must_be_one_of(token, _AXES, "axis")
        return token.text
    prefix, colon, _ = token.text.partition(":")
    if colon and prefix not in PREFIXES:
        raise ValueError(f"there is no prefix {prefix}; there are {', '.join(PREFIXES)}")
    return token.text if colon or before == "@" else f"hl7:{token.text}"


def _must_be_one_of(token: _Token, known: frozenset[str], what: str) -> None:
    if token.text not in known:
        raise ValueError(f"character {token.at}: there is no {what} {token.text}")
