"""Markdown as pieces of HTML. `markup` decides outside of the sandbox which pieces are shown."""

import json

from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def pieces(text: str) -> str:
    """JSON: [["open", tag, attribute], ["close", tag, ""], ["text", "", words], ...] in the order of the text.

    attribute : the address of a link, the alignment of a cell, the first number of a list; else ""
    """
    output: list[list[str]] = []
    _add(_markdown.parse(text), output)
    return json.dumps(output, ensure_ascii=False, separators=(",", ":"))


def _add(tokens: list[Token], output: list[list[str]]) -> None:
    for token in tokens:
        if token.type == "inline":
            _add(token.children or [], output)
        elif token.hidden:
            continue
        elif token.nesting == 1:
            output.append(["open", token.tag, _attribute(token)])
        elif token.nesting == -1:
            output.append(["close", token.tag, ""])
        elif token.type in ("code_block", "fence"):
            output += [["open", "pre", ""], ["open", "code", ""], ["text", "", token.content]]
            output += [["close", "code", ""], ["close", "pre", ""]]
        elif token.type == "code_inline":
            output += [["open", "code", ""], ["text", "", token.content], ["close", "code", ""]]
        elif token.type in ("hardbreak", "hr"):
            output.append(["open", token.tag, ""])
        elif token.type == "softbreak":
            output.append(["text", "", "\n"])
        elif token.content:
            output.append(["text", "", token.content])


def _attribute(token: Token) -> str:
    """The only attribute that a tag may have."""
    attributes = token.attrs
    if "href" in attributes:
        return str(attributes["href"])
    if "start" in attributes:
        return str(attributes["start"])
    return str(attributes.get("style", "")).removeprefix("text-align:")
