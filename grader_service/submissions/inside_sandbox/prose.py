"""Markdown as the pieces of HTML: what of it may be shown is decided outside."""

import json

from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def pieces(text: str) -> str:
    """JSON: [["open", tag, attribute], ["close", tag, ""], ["text", "", words], ...] in the order of the text.

    attribute : the address of a link, the alignment of a cell, the first number of a list; else ""
    """
    found: list[list[str]] = []
    _add(_markdown.parse(text), found)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _add(tokens: list[Token], found: list[list[str]]) -> None:
    for token in tokens:
        if token.type == "inline":
            _add(token.children or [], found)
        elif token.hidden:
            continue
        elif token.nesting == 1:
            found.append(["open", token.tag, _attribute(token)])
        elif token.nesting == -1:
            found.append(["close", token.tag, ""])
        elif token.type in ("code_block", "fence"):
            found += [["open", "pre", ""], ["open", "code", ""], ["text", "", token.content]]
            found += [["close", "code", ""], ["close", "pre", ""]]
        elif token.type == "code_inline":
            found += [["open", "code", ""], ["text", "", token.content], ["close", "code", ""]]
        elif token.type in ("hardbreak", "hr"):
            found.append(["open", token.tag, ""])
        elif token.type == "softbreak":
            found.append(["text", "", "\n"])
        elif token.content:
            found.append(["text", "", token.content])


def _attribute(token: Token) -> str:
    """The one that a tag may have."""
    attributes = token.attrs
    if "href" in attributes:
        return str(attributes["href"])
    if "start" in attributes:
        return str(attributes["start"])
    return str(attributes.get("style", "")).removeprefix("text-align:")
