"""Conditions over paths and texts (`= != in ~ exists before after and or not`) as closures.

condition  = conjunction { "or" conjunction }
conjunction = negation { "and" negation }
negation   = "not" negation | "(" condition ")" | "exists" path | comparison
comparison = operand ( ("=" | "!=") operand | ["not"] "in" "(" text { "," text } ")"
           | ("before" | "after") operand | "~" text )
operand    = path | text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.formats.source import ExplicitNull, Node, Path
from service.mapping.pattern import compile_pattern
from service.mapping.times import any_is_earlier

Condition = Callable[[Node], bool]
Values = Callable[[Node], Sequence[str]]
TokenKind = Literal["text", "path", "word", "sign", "end"]

MAX_CONDITION = 4_000  # characters
MAX_DEPTH = 50  # of brackets and nots
_WORDS = frozenset(("and", "or", "not", "in", "exists", "before", "after"))
_TEXT = re.compile(r"'((?:[^']|'')*)'")
_QUOTED_PATH = re.compile(r"`([^`]+)`")
_SIGN = re.compile(r"!=|[()=~,]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: TokenKind
    text: str
    at: int  # character, from 1


def compile_condition(text: str, compile_path: Callable[[str], Path]) -> Condition:
    """Return a function from a node to whether the condition holds there.

    Raises ValueError that says what is wrong and at which character.
    """
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    parser = _Parser(_tokens(text), compile_path)
    condition = parser.condition()
    parser.take("end", "", "and, or, or the end")
    return condition


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        tokens.append(token)
    return [*tokens, _Token("end", "", len(text) + 1)]


def _token(text: str, at: int) -> tuple[_Token, int]:
    """Return the token that begins at `at`, and where the next one may begin."""
    if found := _TEXT.match(text, at):
        return _Token("text", found[1].replace("''", "'"), at + 1), found.end()
    if found := _QUOTED_PATH.match(text, at):
        return _Token("path", found[1], at + 1), found.end()
    if found := _SIGN.match(text, at):
        return _Token("sign", found[0], at + 1), found.end()
    if text[at] in "'`!\"":
        raise ValueError(f"condition, character {at + 1}: {text[at]} is not closed or not known")
    end = _end_of_path(text, at)
    kind: TokenKind = "word" if text[at:end] in _WORDS else "path"
    return _Token(kind, text[at:end], at + 1), end


def _end_of_path(text: str, start: int) -> int:
    """Return where a bare path ends: at a blank or a sign outside its brackets and quotes."""
    at, open_brackets = start, ""
    while at < len(text):
        character = text[at]
        if open_brackets:
            if character in "'\"":
                at = _end_of_quote(text, at)
                continue
            if character == open_brackets[-1]:
                open_brackets = open_brackets[:-1]
        elif character.isspace() or character in "=!~,)'\"`":
            return at
        open_brackets += _CLOSING.get(character, "")
        at += 1
    if open_brackets:
        raise ValueError(f"condition, character {start + 1}: a bracket of the path is not closed")
    return at


def _end_of_quote(text: str, at: int) -> int:
    end = text.find(text[at], at + 1)
    if end < 0:
        raise ValueError(f"condition, character {at + 1}: the quote is not closed")
    return end + 1


class _Parser:
    """Recursive descent; every method returns the closure of what it read."""

    def __init__(self, tokens: list[_Token], compile_path: Callable[[str], Path]) -> None:
        self.tokens = tokens
        self.compile_path = compile_path
        self.at = 0
        self.depth = 0

    def condition(self) -> Condition:
        terms = [self.conjunction()]
        while self.next_is("word", "or"):
            terms.append(self.conjunction())
        return terms[0] if len(terms) == 1 else _any_of(tuple(terms))

    def conjunction(self) -> Condition:
        terms = [self.negation()]
        while self.next_is("word", "and"):
            terms.append(self.negation())
        return terms[0] if len(terms) == 1 else _all_of(tuple(terms))

    def negation(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error("the condition is nested too deeply")
        condition = self.term()
        self.depth -= 1
        return condition

    def term(self) -> Condition:
        if self.next_is("word", "not"):
            return _not(self.negation())
        if self.next_is("sign", "("):
            condition = self.condition()
            self.take("sign", ")", "and, or, or )")
            return condition
        if self.next_is("word", "exists"):
            return self.existence()
        return self.comparison()

    def comparison(self) -> Condition:
        left = self.operand()
        if self.next_is("sign", "="):
            return _equal(left, self.operand())
        if self.next_is("sign", "!="):
            return _not(_equal(left, self.operand()))
        if self.next_is("sign", "~"):
            return self.matching(left)
        is_before = self.next_is("word", "before")
        if is_before or self.next_is("word", "after"):
            right = self.operand()
            return _earlier(left, right) if is_before else _earlier(right, left)
        if self.next_is("word", "not"):
            self.take("word", "in", "in")
            return _not(_equal(left, self.texts()))
        self.take("word", "in", "=, !=, in, not in, before, after or ~")
        return _equal(left, self.texts())

    def matching(self, left: Values | frozenset[str]) -> Condition:
        token = self.take("text", None, "a pattern in single quotes")
        try:
            search = compile_pattern(token.text)
        except ValueError as error:
            raise ValueError(f"condition, character {token.at}: {error}") from None
        return _matches(_as_values(left), search)

    def texts(self) -> frozenset[str]:
        self.take("sign", "(", "( and texts in single quotes")
        found = [self.take("text", None, "a text in single quotes").text]
        while self.next_is("sign", ","):
            found.append(self.take("text", None, "a text in single quotes").text)
        self.take("sign", ")", ", or )")
        return frozenset(found)

    def operand(self) -> Values | frozenset[str]:
        token = self.tokens[self.at]
        if token.kind == "text":
            self.at += 1
            return frozenset((token.text,))
        return self.values()

    def existence(self) -> Condition:
        _, path = self.path()
        return _has_places(path) if path.structured else _exists(path.values)

    def values(self) -> Values:
        at, path = self.path()
        if path.structured:
            said = f"{path.text} has parts and no text of its own: name the part"
            raise ValueError(f"condition, character {at}: {said}")
        return path.values

    def path(self) -> tuple[int, Path]:
        token = self.take("path", None, "a path")
        try:
            return token.at, self.compile_path(token.text)
        except ValueError as error:
            raise ValueError(f"condition, character {token.at}: {error}") from None

    def next_is(self, kind: TokenKind, text: str) -> bool:
        token = self.tokens[self.at]
        if (token.kind, token.text) == (kind, text):
            self.at += 1
            return True
        return False

    def take(self, kind: TokenKind, text: str | None, expected: str) -> _Token:
        token = self.tokens[self.at]
        if token.kind != kind or text not in (None, token.text):
            raise self.error(f"expected {expected}")
        self.at += 1
        return token

    def error(self, text: str) -> ValueError:
        return ValueError(f"condition, character {self.tokens[self.at].at}: {text}")


def _any_of(terms: tuple[Condition, ...]) -> Condition:
    def any_of(node: Node) -> bool:
        for term in terms:  # noqa: SIM110 - a loop costs a third of any() with a generator
            if term(node):
                return True
        return False

    return any_of


def _all_of(terms: tuple[Condition, ...]) -> Condition:
    def all_of(node: Node) -> bool:
        for term in terms:  # noqa: SIM110 - a loop costs a third of all() with a generator
            if not term(node):
                return False
        return True

    return all_of


def _not(condition: Condition) -> Condition:
    return lambda node: not condition(node)


def _has_places(path: Path) -> Condition:
    return lambda node: len(path.nodes(node)) > 0


def _exists(values: Values) -> Condition:
    def exists(node: Node) -> bool:
        for value in values(node):  # noqa: SIM110 - as above
            if type(value) is not ExplicitNull:
                return True
        return False

    return exists


def _equal(left: Values | frozenset[str], right: Values | frozenset[str]) -> Condition:
    """Whether any value of one side is a value of the other."""
    if isinstance(left, frozenset):
        left, right = right, left
    values = _as_values(left)
    if isinstance(right, frozenset):
        apart = right.isdisjoint
        return lambda node: not apart(values(node))
    others = right
    return lambda node: not frozenset(others(node)).isdisjoint(values(node))


def _matches(values: Values, search: Callable[[str], re.Match[str] | None]) -> Condition:
    def matches(node: Node) -> bool:
        for value in values(node):  # noqa: SIM110 - as above
            if search(value):
                return True
        return False

    return matches


def _earlier(left: Values | frozenset[str], right: Values | frozenset[str]) -> Condition:
    """Whether a day of one side is before a day of the other."""
    ones, others = _as_values(left), _as_values(right)
    return lambda node: any_is_earlier(ones(node), others(node))


def _as_values(operand: Values | frozenset[str]) -> Values:
    if isinstance(operand, frozenset):
        texts = tuple(operand)
        return lambda _: texts
    return operand
