"""A page in all its looks, and axe."""

from __future__ import annotations

from typing import Literal

import pytest

from .browsers import SCREENS, fits, keep, playwright

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = [(screen, scheme) for screen in SCREENS for scheme in SCHEMES]


axe = pytest.importorskip(
    "axe_playwright_python.base", reason="axe is not installed: `pip install axe-playwright-python`"
)
AXE = axe.AXE_SCRIPT


def look(page: playwright.Page, name: str) -> None:
    """A page in all looks: nothing sticks out, and axe has nothing to say."""
    page.evaluate(AXE)
    for screen, scheme in LOOKS:
        width, height = SCREENS[screen]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        keep(page, f"{name}-{screen}-{scheme}")
        assert fits(page), f"{screen}: something sticks out sideways"
        assert violations(page) == [], f"{screen}, {scheme}"


def violations(page: playwright.Page | playwright.Frame) -> list[str]:
    """Each in a line: the rule, where it is broken, and how."""
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
    return [
        f"{one['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for one in found
        for node in one["nodes"]
    ]
