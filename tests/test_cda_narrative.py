"""The narrative of a section is shown as it was sent: every word, and the shape of tables."""

from __future__ import annotations

import re

import pytest
from cda_letters import document
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.fhir.validate.xhtml import is_narrative
from service.formats.cda import FORMAT

TEXT = FORMAT.compile_path("//section/text")


def shown(text: str) -> str:
    """Return what becomes of the inside of a section's text, without the div around it."""
    sections = f"<section><title>T</title>{text}</section>"
    (message,) = FORMAT.read(document(sections=sections))
    (found,) = TEXT.values(message.root)
    assert is_narrative(found)
    return found.removeprefix('<div xmlns="http://www.w3.org/1999/xhtml">').removesuffix("</div>")


SHOWN = {
    "<text>words</text>": "<p>words</p>",
    "<text>\n  one\n  two\n</text>": "<pre>one\ntwo</pre>",
    "<text>a &lt;b&gt; &amp; c</text>": "<p>a &lt;b&gt; &amp; c</p>",
    "<text><paragraph>a</paragraph><paragraph>b<br/>c</paragraph></text>": (
        "<p>a</p><p>b<br/>c</p>"
    ),
    "<text><content styleCode='Bold'>a</content> b</text>": "<b>a</b> b",
    "<text><content styleCode='Bold Italics'>a</content></text>": "<b><i>a</i></b>",
    "<text><content styleCode='Underline'>a</content></text>": (
        '<span style="text-decoration: underline">a</span>'
    ),
    "<text><content revised='delete'>a</content>b</text>": (
        '<span style="text-decoration: line-through">[deleted: a]</span>b'
    ),
    "<text><list><item>a</item><item>b</item></list></text>": "<ul><li>a</li><li>b</li></ul>",
    "<text><list listType='ordered'><caption>c</caption><item>a</item></list></text>": (
        "<ol><li><b>c</b></li><li>a</li></ol>"
    ),
    "<text><table border='1' width='9'><caption>c</caption><tbody><tr>"
    "<td colspan='2' onclick='x()'>a</td></tr></tbody></table></text>": (
        '<table border="1"><caption>c</caption><tbody><tr><td colspan="2">a</td></tr></tbody>'
        "</table>"
    ),
    "<text>H<sub>2</sub>O<footnote>n</footnote></text>": "H<sub>2</sub>O<span> [n]</span>",
    "<text><linkHtml href='https://www.nhs.uk'>n</linkHtml></text>": (
        '<a href="https://www.nhs.uk">n</a>'
    ),
    "<text><linkHtml href='javascript:x()'>n</linkHtml></text>": "<span>n</span>",
    "<text><script>alert(1)</script><unknown>kept</unknown></text>": (
        "<span>alert(1)</span><span>kept</span>"
    ),
    "<text><div xmlns='http://www.w3.org/1999/xhtml'><h2>a</h2></div></text>": (
        "<div><h2>a</h2></div>"
    ),
    "<text><renderMultiMedia referencedObject='m'/></text>": "<span>[attachment]</span>",
    "<text>a <![CDATA[<b>]]> c</text>": "<p>a &lt;b&gt; c</p>",
    "<text>a<br>b</br></text>": "a<br/>b",
    "<text>a\u00a0b<br/>  c  </text>": "a\u00a0b<br/> c ",
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_narrative_keeps_its_words_and_its_shape(text: str) -> None:
    assert shown(text) == SHOWN[text]


@pytest.mark.parametrize("text", ["<text/>", "<text> \n </text>", "<text><br/></text>"])
def test_a_text_without_words_is_none(text: str) -> None:
    (message,) = FORMAT.read(document(sections=f"<section><title>T</title>{text}</section>"))

    assert TEXT.values(message.root) == []


NAMES = st.sampled_from(
    ["content", "paragraph", "list", "item", "table", "tr", "td", "br", "x", "caption", "pre"]
)
WORDS = st.text(alphabet="abc <&>\u00e9\n", max_size=8)


@st.composite
def markup(draw: st.DrawFn, depth: int = 0) -> etree._Element:
    """Draw an element of any shape."""
    element = etree.Element(f"{{urn:hl7-org:v3}}{draw(NAMES)}")
    element.text = draw(WORDS)
    for _ in range(draw(st.integers(0, 3 if depth < 4 else 0))):
        child = draw(markup(depth=depth + 1))
        child.tail = draw(WORDS)
        element.append(child)
    return element


@given(markup())
def test_no_word_of_any_narrative_is_lost(inner: etree._Element) -> None:
    text = etree.tostring(inner, encoding="unicode")
    sent = "".join(map(str, inner.itertext())).split()
    if not sent:
        return

    found = shown(f"<text>{text}</text>")

    plain = etree.fromstring(f"<div>{found}</div>")
    assert re.sub(r"\s", "", "".join(map(str, plain.itertext()))) == "".join(sent)
