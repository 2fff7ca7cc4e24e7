"""Asks, when a distribution is built, whether the solutions and the hidden tests may be in it.

    DEEPGRADE_WHEEL=without-solutions pip wheel .     for anybody: engine, service, and the students' half of the course
    DEEPGRADE_WHEEL=with-solutions pip wheel .        for machines that grade; keep it as you keep an exam

Without a word nothing is built. An editable install (`pip install -e .`) packs no files, so it is not asked.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE, WITH, WITHOUT = "DEEPGRADE_WHEEL", "with-solutions", "without-solutions"
REFUSED = (
    "deepgrade: this would hold the solutions and hidden tests of every assignment; set "
    f"{VARIABLE}={WITHOUT} to leave them out, or {VARIABLE}={WITH} for machines that grade"
)


class SolutionsHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is collected. Exits with one sentence where nobody has said what is wanted."""
        if version == "editable":
            return
        wanted = os.environ.get(VARIABLE)
        if wanted == WITHOUT and self.target_name == "wheel":
            self.build_config.target_config.setdefault("exclude", []).append("/solutions")
        elif wanted == WITH:
            self.app.display_warning(f"{VARIABLE}={WITH}: what is built holds the solutions and the hidden tests")
        else:
            sys.exit(REFUSED)
