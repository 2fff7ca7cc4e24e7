"""Makes HTML from the pieces that a sandbox returns. Only the tags, attributes and addresses below are allowed."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

TAGS = frozenset(
    "p em strong s h1 h2 h3 h4 h5 h6 ul ol li blockquote code pre table thead tbody tr th td a br hr".split()
)
EMPTY = frozenset({"br", "hr"})
LINKS = ("https://", "http://", "mailto:")
ALIGNED = frozenset({"left", "right", "center"})
DEEPEST = 100  # nested tags; deeper ones are closed at once


def assemble(pieces: Iterable[tuple[str, str, str]]) -> Markup:
    """The pieces of `inside_sandbox/prose.py` as HTML. Headings are two levels below those of the page."""
    html: list[str] = []
    opened: list[str] = []
    for kind, tag, value in pieces:
        if kind == "text":
            html.append(str(escape(value)))
        elif tag not in TAGS:
            continue
        elif kind == "open":
            html.append(f"<{_lower(tag)}{_attribute(tag, value)}>")
            if tag not in EMPTY:
                opened.append(tag)
            if len(opened) > DEEPEST:
                html.append(f"</{_lower(opened.pop())}>")
        elif opened and opened[-1] == tag:
            html.append(f"</{_lower(opened.pop())}>")
            if tag not in ("em", "strong", "s", "code", "a"):
                html.append("\n")
    html += [f"</{_lower(tag)}>" for tag in reversed(opened)]
    return Markup("".join(html))


def _lower(tag: str) -> str:
    return f"h{min(6, int(tag[1]) + 2)}" if tag[0] == "h" and tag[1:].isdecimal() else tag


def _attribute(tag: str, value: str) -> str:
    if tag == "a":
        return f' href="{escape(value)}"' if value.lower().startswith(LINKS) else ""
    if tag in ("th", "td"):
        return f' class="align-{value}"' if value in ALIGNED else ""
    if tag == "ol" and value.isascii() and value.isdecimal() and len(value) < 10:
        return f' start="{value}"'
    return ""
