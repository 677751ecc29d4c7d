"""What may happen to a message on its way, and what somebody may do to one on purpose."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.fuzz_bytes import (
    LARGEST,
    Mutation,
    cut,
    encode,
    flip,
    inflate,
    insert,
    join,
    lines,
    repeat,
    separate,
    swap,
)
from tests.fuzz_markup import package, xml_head, xml_tree, xml_words

__all__ = ["LARGEST", "mutations"]


def json_tree(body: bytes, chance: Random, _: bytes) -> bytes:
    """JSON: a value of another kind, a name twice, a name gone, and depth."""
    try:
        tree: Any = json.loads(body)
    except (ValueError, RecursionError):
        return flip(body, chance, b"")
    holders = list(_holders(tree))
    if not holders:
        return body
    holder = chance.choice(holders)
    key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    act = chance.randrange(5)
    if act == 0:
        del holder[key]
    elif act == 1 and isinstance(holder, dict):
        text = json.dumps(tree)
        name = json.dumps(key) + ": "
        return text.replace(name, f"{name}null, {name}", 1).encode()
    elif act == 2:
        depth = chance.choice((3, 60, 300, 20_000))
        mark = json.dumps(chance.random())
        holder[key] = json.loads(mark)
        nested = chance.choice(("[", '{"extension":['))
        closing = "]" if nested == "[" else "]}"
        return json.dumps(tree).replace(mark, nested * depth + "1" + closing * depth, 1).encode()
    else:
        other = chance.choice(holders)
        holder[key] = chance.choice(
            (
                None,
                [],
                {},
                "",
                " ",
                True,
                0,
                1e300,
                -1,
                "x" * 70_000,
                [[]],
                {"": {}},
                other,
                [other],
            )
        )
    try:
        return json.dumps(tree).encode()
    except (ValueError, RecursionError):  # it holds itself
        return body


def _holders(tree: Any) -> Any:
    """Yield every object and array that holds something."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list) and one:
            yield one
            waiting += list(one.values()) if isinstance(one, dict) else one


ANY: tuple[Mutation, ...] = (flip, cut, join, repeat, insert, swap, encode, inflate, lines)
_OF_XML: tuple[Mutation, ...] = (xml_tree, xml_tree, xml_words, xml_words, xml_head)
OWN: dict[str, tuple[Mutation, ...]] = {
    "hl7v2": (separate, separate, lines, lines),
    "fhir-r4": (json_tree, json_tree, json_tree, xml_tree, xml_words, xml_head),
    "fhir-stu3": (*_OF_XML, json_tree, json_tree),
    "json": (json_tree, json_tree, json_tree),
    "csv": (separate, separate, lines, lines),
    "docx": (package, package, package),
    "pdf": (),  # its own parts are compressed: bytes are all there is to change
}


def mutations(format_name: str) -> tuple[Mutation, ...]:
    """Every mutation that suits a format; one that nobody thought of is taken for XML."""
    return (*ANY, *OWN.get(format_name, _OF_XML))
