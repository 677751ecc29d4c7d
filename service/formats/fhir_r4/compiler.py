"""Compiling the FHIRPath subset to closures; whatever can be wrong with a path is told here.

docs of the subset: https://hl7.org/fhirpath/N1/. Beyond it, a resource type at the beginning
means the resources of that type in the message, focus() what the message is about, subject()
the patient, and roles() the PractitionerRoles of a Practitioner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final, NoReturn

from service.formats.fhir_r4 import conditions, parties, steps
from service.formats.fhir_r4.elements import ANYTHING, Types, alternatives, is_of_type, part
from service.formats.fhir_r4.grammar import (
    BadPath,
    Binary,
    Call,
    Constant,
    Expression,
    Item,
    Member,
    Resources,
    Variable,
    joined,
    parse,
)
from service.formats.fhir_r4.index import Index
from service.formats.fhir_r4.node import Node, computed
from service.formats.fhir_r4.steps import Step, Test
from service.model import r4
from service.model.definitions import Definitions

_BOOLEAN: Final[Types] = frozenset({"boolean"})
_EXTENSION: Final[Types] = frozenset({"Extension"})
_CONSTANTS: Final[dict[type, Types]] = {
    bool: _BOOLEAN,
    str: frozenset({"string"}),
    int: frozenset({"integer"}),
    Decimal: frozenset({"decimal"}),
}
_OF_PRIMITIVES: Final = frozenset({"id", "extension"})
_VARIABLES: Final[dict[str, tuple[Step, ...]]] = {
    "$this": (),
    "%bundle": (steps.whole,),
    "%resource": (steps.own_resource,),
}
_PLAIN: Final[dict[str, tuple[Step, Types | None]]] = {  # None: of the same type as before
    "first": (steps.first, None),
    "last": (steps.last, None),
    "resolve": (steps.resolve, ANYTHING),
    "focus": (parties.focal, ANYTHING),
    "subject": (parties.subjects, frozenset({"Patient"})),
    "roles": (parties.roles, frozenset({"PractitionerRole"})),
}
_KEPT: Final = (steps.resolve, parties.subjects)  # found once for the paths that begin so
_TO_PLACES: Final = frozenset({*_PLAIN, "where", "extension", "ofType", "repeat"})
_QUESTIONS: Final = frozenset({"exists", "empty", "not", "is"})
_TEXT_TESTS: Final[dict[str, Callable[[str], Callable[[str], object]]]] = {
    "startsWith": conditions.starts_with,
    "endsWith": conditions.ends_with,
    "contains": conditions.contains,
    "matches": conditions.matches,
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A path ready to run. `types` are those it can end at, ANYTHING if the message decides."""

    steps: tuple[Step | str, ...]  # a name alone: the elements of that name
    types: Types
    definitions: Definitions

    @property
    def find(self) -> Step:
        """The steps as one, made anew each time: keep it."""
        return steps.chain(self.steps)

    @property
    def structured(self) -> bool:
        """Whether it surely ends at places that have parts and no text."""
        return self.types != ANYTHING and not any(map(self.definitions.is_primitive, self.types))


@cache
def compile_expression(text: str, definitions: Definitions = r4.DEFINITIONS) -> Compiled:
    """Return `text` compiled for a release. Raises BadPath, a ValueError."""
    return _Compiler(text, definitions).compile(parse(text))


class _Compiler:
    """One path: its text is kept for what has to be said about it."""

    def __init__(self, text: str, definitions: Definitions, *, within: bool = False) -> None:
        self.text = text
        self.definitions = definitions
        self.within = within  # a criterion, asked of many nodes once each

    def fail(self, reason: str, at: int) -> NoReturn:
        raise BadPath(reason, self.text, at)

    def compile(self, tree: Expression) -> Compiled:
        """Return the tree as a step from places to places."""
        match tree:
            case Variable(name=name):
                found = self.made(_VARIABLES[name], ANYTHING)
            case Constant(value=value):
                found = self.made((steps.constant(value),), _CONSTANTS[type(value)])
            case Resources():
                found = self.resources(tree)
            case Member():
                found = self.member(tree)
            case Item(of=of, number=number):
                found = self.after(self.compile(of), steps.item(number))
            case Call():
                found = self.call(tree)
            case Binary(operator="|"):
                found = self.remembered(tree, self.union(tree))
            case Binary():
                found = self.answer(self.condition(tree))
        return found

    def made(self, steps: tuple[Step | str, ...], types: Types) -> Compiled:
        return Compiled(steps, types, self.definitions)

    def after(self, of: Compiled, step: Step | str, types: Types | None = None) -> Compiled:
        return self.made((*of.steps, step), of.types if types is None else types)

    def answer(self, test: Test) -> Compiled:
        """Return a condition as a path to true, false or nothing."""

        def step(nodes: Sequence[Node], index: Index) -> Sequence[Node]:
            found = test(nodes, index)
            return () if found is None else (computed(found),)

        return self.made((step,), _BOOLEAN)

    def remembered(self, tree: Expression, found: Compiled) -> Compiled:
        """Return it as found once a node, for all paths that begin with this tree."""
        if self.within:
            return found
        return self.made((steps.remembered(repr(tree), found.find),), found.types)

    def criterion(self, tree: Expression) -> Test:
        return _Compiler(self.text, self.definitions, within=True).condition(tree)

    def union(self, tree: Binary) -> Compiled:
        sides = [self.compile(one) for one in joined(tree)]
        open_ended = ANYTHING in [side.types for side in sides]
        types = ANYTHING if open_ended else frozenset().union(*(side.types for side in sides))
        return self.made((steps.union([side.find for side in sides]),), types)

    def resources(self, tree: Resources) -> Compiled:
        if not self.definitions.is_resource(tree.type):
            self.fail(f"{tree.type} is no resource type of {self.definitions.name}", tree.at)
        return self.made((steps.resources(tree.type),), frozenset({tree.type}))

    def member(self, tree: Member) -> Compiled:
        of = self.compile(tree.of)
        found = part(self.definitions, of.types, tree.name)
        if found is None:
            self.fail(self.unknown(of.types, tree.name), tree.at)
        if found.typed_names:
            return self.after(of, steps.choice(tree.name, found.typed_names), found.types)
        shared = tree.name in _OF_PRIMITIVES and not of.structured
        return self.after(of, steps.of_any(tree.name) if shared else tree.name, found.types)

    def unknown(self, types: Types, name: str) -> str:
        owner = " or ".join(sorted(types)) if len(types) in {1, 2} else self.definitions.name
        near = " or ".join(repr(one) for one in alternatives(self.definitions, types, name))
        return f"{owner} has no element '{name}'" + (f"; {near} is one" if near else "")

    def call(self, tree: Call) -> Compiled:
        """Return a function that yields places; the others are conditions."""
        if tree.name not in _TO_PLACES:
            return self.answer(self.condition(tree))
        of = self.compile(tree.of)
        match tree.name, tree.arguments:
            case name, () if name in _PLAIN:
                step, types = _PLAIN[name]
                found = self.after(of, step, types)
                found = self.remembered(tree, found) if step in _KEPT else found
            case "where", (criteria,):
                found = self.after(of, steps.where(self.criterion(criteria)))
            case "extension", (url,):
                found = self.extension(of, tree.at, url)
            case "ofType", (kind,):
                found = self.of_type(of, self.type_name(kind), tree.at)
            case "repeat", (again,):
                found = self.repeat(of, tree.at, again)
            case _:
                self.unknown_call(tree)
        return found

    def unknown_call(self, tree: Call) -> NoReturn:
        count = len(tree.arguments)
        known = ", ".join(sorted({*_TO_PLACES, *_QUESTIONS, *_TEXT_TESTS}))
        self.fail(f"{tree.name}() with {count} arguments is not known; there are {known}", tree.at)

    def extension(self, of: Compiled, at: int, url: Expression) -> Compiled:
        held = self.after(of, steps.of_any("extension"), _EXTENSION)
        test = self.criterion(Binary("=", Member(Variable("$this", at), "url", at), url, at))
        return self.after(held, steps.where(test))

    def of_type(self, of: Compiled, kind: str, at: int) -> Compiled:
        if of.types != ANYTHING and kind not in of.types:
            self.fail(f"this is never {kind}, but {' or '.join(sorted(of.types))}", at)
        return self.after(of, steps.only(is_of_type(kind, self.definitions)), frozenset({kind}))

    def repeat(self, of: Compiled, at: int, again: Expression) -> Compiled:
        inner = self.compile(again)
        if not isinstance(again, Member) or again.of != Variable("$this", again.at):
            self.fail("repeat() takes the name of one element", at)
        return self.after(of, steps.repeat(inner.find), inner.types)

    def type_name(self, tree: Expression) -> str:
        name = tree.type if isinstance(tree, Resources) else ""
        if isinstance(tree, Member):
            name = tree.name
        if not (self.definitions.is_primitive(name) or self.definitions.children(name)):
            self.fail(f"a type of {self.definitions.name} is due here", tree.at)
        return name

    def condition(self, tree: Expression) -> Test:
        """Return the tree as a question to places."""
        match tree:
            case Binary(operator="and"):
                test = conditions.every([self.condition(one) for one in joined(tree)])
            case Binary(operator="or"):
                test = conditions.some([self.condition(one) for one in joined(tree)])
            case Binary(operator="=", left=left, right=right):
                test = self.equals(left, right)
            case Binary(operator="!=", left=left, right=right):
                test = conditions.negation(self.equals(left, right))
            case Binary(operator="in", left=left, right=right):
                test = conditions.is_among(self.compile(left).find, self.compile(right).find)
            case Call() if tree.name not in _TO_PLACES:
                test = self.asked(tree)
            case _:
                test = conditions.truth(self.compile(tree).find)
        return test

    def equals(self, left: Expression, right: Expression) -> Test:
        if isinstance(right, Constant) and isinstance(right.value, str) and right.value.strip():
            return conditions.equals_text(self.compile(left).find, right.value)
        return conditions.equals(self.compile(left).find, self.compile(right).find)

    def asked(self, tree: Call) -> Test:
        """Return a function that is a question."""
        match tree.name, tree.arguments:
            case "exists", ():
                test = conditions.exists(self.compile(tree.of).find)
            case "exists", (criteria,):
                held = Call(tree.of, "where", (criteria,), tree.at)
                test = conditions.exists(self.compile(held).find)
            case "empty", ():
                test = conditions.empty(self.compile(tree.of).find)
            case "not", ():
                test = conditions.negation(self.condition(tree.of))
            case "is", (kind,):
                is_a = is_of_type(self.type_name(kind), self.definitions)
                test = conditions.is_a(self.compile(tree.of).find, is_a)
            case name, (Constant(value=str() as text),) if name in _TEXT_TESTS:
                test = self.text_test(tree, text)
            case _:
                self.unknown_call(tree)
        return test

    def text_test(self, tree: Call, text: str) -> Test:
        try:
            predicate = _TEXT_TESTS[tree.name](text)
        except ValueError as error:
            self.fail(str(error), tree.at)
        return conditions.text_test(self.compile(tree.of).find, predicate)
