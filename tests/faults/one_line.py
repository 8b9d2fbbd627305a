"""A process that must not start, and the one line it leaves."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.patience import PATIENCE_S


def start(arguments: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "appliance", *arguments]
    return subprocess.Popen(
        command,
        env={**os.environ, "SDL_AUDIODRIVER": "dummy", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def the_line(process: subprocess.Popen[str]) -> str:
    """The one line it ends with; its exit code is 2."""
    said, complaint = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complaint.count("\n"), said) == (2, 1, ""), said + complaint
    assert "Traceback" not in complaint
    return complaint
