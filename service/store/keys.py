"""Under which key of `search_index` a resource is found.

A value may have 200 characters and a commit thirty of them; the index holds 24 bytes instead, so
that it is a third as large and a commit changes a third of its pages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class SearchKey(NamedTuple):
    """place: 16 bytes, where in the index; what: which parameter, and the rest of the value.

    The place is a UUID that the value holds, since the ids of one commit, and what is named after
    them, then lie together; of any other value it is the BLAKE2b digest.
    """

    place: bytes
    what: int


def search_key(type_: str, param: str, value: str) -> SearchKey:
    """Return the key of a search value of one parameter of one type."""
    found = _UUID.search(value)
    if found is None:
        place = blake2b(value.encode(), digest_size=16).digest()
        return SearchKey(place, _what(type_, param, ""))
    start, end = found.span()
    rest = f"{value[:start]}\n{value[end:]}"
    return SearchKey(bytes.fromhex(value[start:end].replace("-", "")), _what(type_, param, rest))


@lru_cache(maxsize=1024)
def _what(type_: str, param: str, rest: str) -> int:
    """Return 64 bits, signed as databases have them."""
    digest = blake2b(f"{type_}\n{param}\n{rest}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
