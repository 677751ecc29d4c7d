"""What a rule reads before anything is made of it: alternatives, pieces, joined texts."""

from __future__ import annotations

from collections.abc import Sequence

from service.formats.source import NULL, ExplicitNull, Node
from service.mapping.run import Values


def first_of(readers: tuple[Values, ...]) -> Values:
    """The values of the first path that has any."""
    if len(readers) == 1:
        return readers[0]

    def first_found(node: Node) -> Sequence[str]:
        for values in readers:
            found = values(node)
            if found:
                return found
        return ()

    return first_found


def joined(readers: tuple[Values, ...], separator: str) -> Values:
    """All values of all paths as one text."""

    def join(node: Node) -> Sequence[str]:
        found = [value for values in readers for value in values(node)]
        sent = [value for value in found if type(value) is not ExplicitNull]
        if sent:
            return (separator.join(sent),)
        return (NULL,) if found else ()

    return join


def parted(values: Values, separator: str, take: int | None) -> Values:
    """The pieces of every value, or one of them."""

    def pieces(text: str) -> Sequence[str]:
        if type(text) is ExplicitNull:
            return (text,)
        found = [piece.strip() for piece in text.split(separator)]
        if take is not None:
            at = take - 1 if take > 0 else take
            found = found[at : at + 1 or None]
        return [piece for piece in found if piece]

    return lambda node: [piece for text in values(node) for piece in pieces(text)]
