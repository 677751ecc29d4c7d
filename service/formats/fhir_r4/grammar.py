"""The grammar of the FHIRPath subset: text to a tree (https://hl7.org/fhirpath/N1/#grammar).

expression = and ("or" and)*          and = equality ("and" equality)*
equality   = membership (("=" | "!=") membership)?
membership = union ("in" union)?      union = postfix ("|" postfix)*
postfix    = term ("." name ("(" arguments ")")? | "[" number "]")*
term       = literal | "(" expression ("," expression)* ")" | "$this" | "%bundle"
           | name ("(" arguments ")")?
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, NoReturn

MAX_LENGTH: Final = 2000  # characters of one path
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`]+`)|(?P<variable>\$this|%bundle|%resource)"
    r"|(?P<sign>!=|[.,()\[\]|=])|(?P<end>$))"
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", **{c: c for c in "'\"`\\/"}}
Operator = Literal["=", "!=", "in", "and", "or", "|"]


@dataclass(frozen=True, slots=True)
class Constant:
    """'text', 5, 1.5, true, false."""

    value: str | int | Decimal | bool
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """$this (what the expression is asked of), %bundle (all), %resource (that of $this)."""

    name: str
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """of.name"""

    of: Expression
    name: str
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resources:
    """A resource type at the beginning: Patient."""

    type: str
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """of[number]"""

    of: Expression
    number: int
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """of.name(arguments)"""

    of: Expression
    name: str
    arguments: tuple[Expression, ...]
    at: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """left operator right"""

    operator: Operator
    left: Expression
    right: Expression
    at: int = field(repr=False)


Expression = Constant | Variable | Member | Resources | Item | Call | Binary


class BadPath(ValueError):
    """A path is not of the FHIRPath subset, or names what R4 does not have."""

    def __init__(self, reason: str, text: str, at: int) -> None:
        super().__init__(f"{reason} (column {at + 1} of {text})")


def parse(text: str) -> Expression:
    """Return the tree of an expression. Raises BadPath."""
    if len(text) > MAX_LENGTH:
        raise BadPath(f"a path has at most {MAX_LENGTH} characters", text[:40] + "…", 0)
    parser = _Parser(text)
    tree = parser.disjunction()
    if parser.kind != "end":
        parser.fail(f"'{parser.word}' is not expected")
    return tree


def joined(tree: Binary) -> Iterator[Expression]:
    """Yield what one operator joins: a, b and c of `a or b or c`."""
    left = tree.left
    if isinstance(left, Binary) and left.operator == tree.operator:
        yield from joined(left)
    else:
        yield left
    yield tree.right


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind = self.word = ""
        self.at = self._next = 0
        self.advance()

    def fail(self, reason: str) -> NoReturn:
        raise BadPath(reason, self.text, self.at)

    def advance(self) -> str:
        """Go to the next token; return the one that was current."""
        before = self.word
        match = _TOKEN.match(self.text, self._next)
        if match is None or match.lastgroup is None:
            self.at = self._next
            self.fail("this is not understood")
        self.kind, self.word = match.lastgroup, match[match.lastgroup]
        self.at, self._next = match.start(match.lastgroup), match.end()
        return before

    def takes(self, *tokens: str) -> bool:
        """Whether the current token is one of these signs or words; if so, go on."""
        if self.word in tokens and self.kind in {"sign", "name"}:
            self.advance()
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.takes(sign):
            self.fail(f"'{sign}' is due here")

    def disjunction(self) -> Expression:
        return self._chain("or", self.conjunction)

    def conjunction(self) -> Expression:
        return self._chain("and", self.equality)

    def _chain(
        self, operator: Literal["or", "and", "|"], part: Callable[[], Expression]
    ) -> Expression:
        tree = part()
        while self.word == operator and self.kind != "string":
            at = self.at
            self.advance()
            tree = Binary(operator, tree, part(), at)
        return tree

    def equality(self) -> Expression:
        tree = self.membership()
        for operator in ("=", "!="):
            at = self.at
            if self.takes(operator):
                return Binary(operator, tree, self.membership(), at)
        return tree

    def membership(self) -> Expression:
        tree, at = self.union(), self.at
        return Binary("in", tree, self.union(), at) if self.takes("in") else tree

    def union(self) -> Expression:
        return self._chain("|", self.postfix)

    def postfix(self) -> Expression:
        tree = self.term()
        while self.word in {".", "["} and self.kind == "sign":
            if self.takes("["):
                tree = Item(tree, self.position(), self.at)
                self.expect("]")
            else:
                self.advance()
                tree = self.named(tree)
        return tree

    def position(self) -> int:
        if self.kind != "number" or not self.word.isdigit():
            self.fail("a number (0 is the first) is due here")
        return int(self.advance())

    def named(self, of: Expression) -> Expression:
        if self.kind != "name":
            self.fail("an element or a function is due here")
        at, name = self.at, self.advance().strip("`")
        if self.takes("("):
            return Call(of, name, self.arguments(), at)
        return Member(of, name, at)

    def arguments(self) -> tuple[Expression, ...]:
        """The arguments after "(", the ")" taken too."""
        if self.takes(")"):
            return ()
        found = [self.disjunction()]
        while self.takes(","):
            found.append(self.disjunction())
        self.expect(")")
        return tuple(found)

    def term(self) -> Expression:
        at = self.at
        if self.kind in {"string", "number"} or self.word in {"true", "false"}:
            return Constant(self.constant(), at)
        if self.kind == "variable":
            return Variable(self.advance(), at)
        if self.takes("("):
            return self.group(at)
        if self.kind == "name" and self.word[0].isupper():
            return Resources(self.advance(), at)
        return self.named(Variable("$this", at))

    def group(self, at: int) -> Expression:
        """( a ), or a list: ( a, b ) is the same as ( a | b )."""
        if self.word == ")":
            self.fail("something is due between ( and )")
        tree, *others = self.arguments()
        for other in others:
            tree = Binary("|", tree, other, at)
        return tree

    def constant(self) -> str | int | Decimal | bool:
        kind, word = self.kind, self.advance()
        if kind == "string":
            return self.unescaped(word[1:-1])
        if kind == "number":
            return Decimal(word) if "." in word else int(word)
        return word == "true"

    def unescaped(self, text: str) -> str:
        for sign in _ESCAPE.findall(text):
            if len(sign) == 1 and sign not in _ESCAPES:
                self.fail(f"\\{sign} is no escape in a text; a backslash is written \\\\")
        return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    sign = match[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPES[sign]
