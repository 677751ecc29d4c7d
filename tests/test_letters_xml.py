"""Records in XML: where their values stand, told quickly however many there are."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.formats import FORMATS

XML = FORMATS["xml"]
TREES = st.recursive(
    st.sampled_from(["a", "b", "<!--c-->"]),
    lambda inner: st.tuples(st.sampled_from("abc"), st.lists(inner, max_size=5)),
    max_leaves=30,
)


def written(tree: str | tuple[str, list[object]]) -> str:
    if isinstance(tree, str):
        return tree if tree.startswith("<") else f"<{tree}>x</{tree}>"
    name, inner = tree
    return f"<{name}>x{''.join(map(written, inner))}</{name}>"  # type: ignore[arg-type]


@given(TREES)
def test_every_value_has_the_place_that_xpath_gives_it(tree: object) -> None:
    body = f"<letter>{written(tree)}</letter>"  # type: ignore[arg-type]
    root = etree.fromstring(body)
    (message,) = XML.read(body.encode())

    told = list(message.leaves())

    places = root.getroottree()
    assert told == [places.getpath(one) for one in root.iter(etree.Element) if one.text]
    assert all(XML.compile_path(place).values(message.root) for place in told)


def test_ten_thousand_siblings_are_listed_in_a_moment() -> None:
    rows = "".join(f"<row>{n}</row>" for n in range(10_000))
    (message,) = XML.read(f"<letter>{rows}</letter>".encode())

    began = time.process_time()
    told = list(message.leaves())

    assert told[-1] == "/letter/row[10000]"
    assert time.process_time() - began < 1
