"""CSS selectors: compiled when a mapping is loaded, asked of a whole page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree


def compile_selector(text: str) -> Callable[[Any], list[Any]]:
    """Return what finds the elements of a page, in their order. Raises ValueError."""
    from cssselect import HTMLTranslator, SelectorError  # noqa: PLC0415 - only where one is used

    try:
        select = etree.XPath(HTMLTranslator().css_to_xpath(text))
    except (SelectorError, etree.XPathSyntaxError) as error:
        raise ValueError(f"not a CSS selector that is known here: {error}") from None

    def elements(tree: Any) -> list[Any]:
        found: Any = select(tree)
        return [one for one in found if isinstance(one, etree._Element)]

    return elements
