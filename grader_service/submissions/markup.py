"""HTML out of pieces that a sandbox has made: whatever they are, no tag, attribute or address but these comes out."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

TAGS = frozenset(
    "p em strong s h1 h2 h3 h4 h5 h6 ul ol li blockquote code pre table thead tbody tr th td a br hr".split()
)
EMPTY = frozenset({"br", "hr"})
LINKS = ("https://", "http://", "mailto:")
ALIGNED = frozenset({"left", "right", "center"})
DEEPEST = 100  # tags inside each other; what is deeper is not set apart


def assemble(pieces: Iterable[tuple[str, str, str]]) -> Markup:
    """The pieces of `inside/prose.py` as HTML. Headings are two steps below the page's own."""
    out: list[str] = []
    opened: list[str] = []
    for kind, tag, word in pieces:
        if kind == "text":
            out.append(str(escape(word)))
        elif tag not in TAGS:
            continue
        elif kind == "open":
            out.append(f"<{_lower(tag)}{_attribute(tag, word)}>")
            if tag not in EMPTY:
                opened.append(tag)
            if len(opened) > DEEPEST:
                out.append(f"</{_lower(opened.pop())}>")
        elif opened and opened[-1] == tag:
            out.append(f"</{_lower(opened.pop())}>")
            if tag not in ("em", "strong", "s", "code", "a"):
                out.append("\n")
    out += [f"</{_lower(tag)}>" for tag in reversed(opened)]
    return Markup("".join(out))


def _lower(tag: str) -> str:
    return f"h{min(6, int(tag[1]) + 2)}" if tag[0] == "h" and tag[1:].isdecimal() else tag


def _attribute(tag: str, word: str) -> str:
    if tag == "a":
        return f' href="{escape(word)}"' if word.lower().startswith(LINKS) else ""
    if tag in ("th", "td"):
        return f' class="align-{word}"' if word in ALIGNED else ""
    if tag == "ol" and word.isascii() and word.isdecimal() and len(word) < 10:
        return f' start="{word}"'
    return ""
