"""Documents that were made to hurt whoever reads them, for any root element."""

from __future__ import annotations

from collections.abc import Callable

MEGABYTE = 1024 * 1024
SECRET = "Testpatient"

_LAUGHS = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_BOMB = f'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">{_LAUGHS}]>'
_PARAMETERS = '<!DOCTYPE r [<!ENTITY % a "aaaaaaaaaa"><!ENTITY % b "%a;%a;"> %b;]>'
_MANY = " ".join(f"a{n}='x'" for n in range(10**6))
_SOME = " ".join(f"a{n}='x'" for n in range(3 * 10**5))

Attack = Callable[[str, str], bytes]  # from start and end tag to the document

# What it is, and what its refusal says.
ATTACKS: dict[str, tuple[Attack, str]] = {
    "entities within entities": (lambda a, z: f"{_BOMB}{a}&i;{z}".encode(), "document type"),
    "behind a declaration and a comment": (
        lambda a, z: f"<?xml version='1.0'?>\n<!-- <a> -->{_BOMB}{a}&i;{z}".encode(),
        "document type",
    ),
    "in UTF-16": (lambda a, z: f"{_BOMB}{a}&i;{z}".encode("utf-16"), "document type"),
    "in UTF-16 without a mark": (lambda a, z: f"{_BOMB}{a}{z}".encode("utf-16-be"), "document"),
    "parameter entities": (lambda a, z: f"{_PARAMETERS}{a}{z}".encode(), "document type"),
    "a long entity many times": (
        lambda a, z: f'<!DOCTYPE r [<!ENTITY a "{"a" * 10**6}">]>{a}{"&a;" * 10**5}{z}'.encode(),
        "document type",
    ),
    "a file": (
        lambda a, z: f'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{a}&x;{z}'.encode(),
        "document type",
    ),
    "an address": (
        lambda a, z: f'<!DOCTYPE r SYSTEM "http://192.0.2.1/x.dtd">{a}{z}'.encode(),
        "document type",
    ),
    "an entity that nobody declared": (lambda a, z: f"{a}&nbsp;{z}".encode(), "not well-formed"),
    "101 levels": (lambda a, z: f"{a}{'<b>' * 101}{'</b>' * 101}{z}".encode(), "100 levels"),
    "300,000 levels": (lambda a, z: f"{a}{'<b>' * 300_000}".encode(), "100 levels"),
    "a million elements": (lambda a, z: f"{a}{'<b/>' * 10**6}{z}".encode(), "more elements"),
    "a million attributes": (
        lambda a, z: f"{a}<b {_MANY}/>{z}".encode(),
        "more elements or attributes",
    ),
    "300,000 attributes of one element": (
        lambda a, z: f"{a}<b {_SOME}/>{z}".encode(),
        "more than 500 attributes",
    ),
    "an element that never ends": (
        lambda a, z: f"{a}<{SECRET} {'x' * 19 * MEGABYTE}".encode(),
        "not well-formed",
    ),
    "nothing but a tag's beginning": (
        lambda a, z: a.encode() + b"<" * 10 * MEGABYTE,
        "more elements",
    ),
    "a comment that never ends": (
        lambda a, z: f"<!--{'- ' * 9 * MEGABYTE}{a}{z}".encode(),
        "not well-formed",
    ),
    "19 MB of spaces and no end": (
        lambda a, z: a.encode() + b" " * 19 * MEGABYTE,
        "not well-formed",
    ),
}
