"""Every threat is tried, and docs/security.md tells by what."""

from __future__ import annotations

import subprocess
import sys


def test_the_table_of_threats_is_of_today_s_tests(repository):
    # A process of its own: it collects all tests, and ours are being collected by another pytest already.
    command = [sys.executable, str(repository / "tests" / "support" / "threats.py"), "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert ran.returncode == 0, ran.stdout + ran.stderr
