"""Markdown as HTML that any page may show: raw HTML is escaped, pictures are words, no link's scheme runs."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def parse(text: str) -> list[Token]:
    """The pieces of a text, to be changed before they are rendered."""
    return _markdown.parse(text)


def render(tokens: Sequence[Token]) -> Markup:
    """HTML of them."""
    for token in tokens:
        # The columns of a table come with styles of their own, which the pages' policy blocks.
        if align := str(token.attrs.pop("style", "")).removeprefix("text-align:"):
            token.attrJoin("class", f"align-{align}")
    return Markup(_markdown.renderer.render(tokens, _markdown.options, {}))
