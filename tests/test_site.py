"""The documentation site is built, its links hold, and it asks nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc=["']?(https?:)?//"""
    r"""|<link\b(?=[^>]*stylesheet)[^>]*?href=["']?(https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Built strictly: a link that leads nowhere ends the build."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: `pip install mkdocs-material`")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_everybody_has_a_page(site):
    for page in ("index", "students", "instructors", "staff", "authors/index", "operations", "settings", "developers"):
        assert (site / f"{page}.html").is_file()


def test_nothing_is_loaded_from_a_network(site):
    for page in site.rglob("*.html"):
        assert not LOADED.search(page.read_text(encoding="utf-8")), page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_the_readme_is_short_and_its_links_lead_somewhere():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 60
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert links
    assert [link for link in links if not link.startswith("http") and not (REPOSITORY / link).exists()] == []
