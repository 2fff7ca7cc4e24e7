"""An assignment's README as HTML: Markdown without raw HTML, below the page's own title."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from markdown_it.token import Token
from markupsafe import Markup

from autograder.course.course import Assignment
from grader_service.web import markdown


def render(assignment: Assignment) -> Markup | None:
    """The handout, or None if the assignment has none. A changed file is rendered again."""
    path = assignment.folder / "README.md"
    try:
        status = path.stat()
        return _rendered(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=256)
def _rendered(path: Path, changed: int, size: int) -> Markup:
    text = path.read_text(encoding="utf-8", errors="replace")
    tokens = markdown.parse(text)
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]  # the page already shows the title
    for token in tokens:
        if token.tag == "h1":
            token.tag = "h2"
        if token.children:
            token.children = _without_local_links(token.children)
    return markdown.render(tokens)


def _without_local_links(tokens: Sequence[Token]) -> list[Token]:
    """Links to files beside the README work only in the kit: the page keeps their text without the link."""
    kept, dropping = [], False
    for token in tokens:
        if token.type == "link_open":
            dropping = not str(token.attrGet("href")).startswith(("https://", "http://"))
        if not (dropping and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            dropping = False
    return kept
