"""A child that works on a file: what it says, and every way it can end without a word."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from appliance.child import Ended, ask_child

pytestmark = pytest.mark.processes


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A child that does what it is told: `say`, `die`, `wait`, or `sandboxed` and then say."""
    (tmp_path / "told.py").write_text(
        textwrap.dedent(
            """
            import os, signal, sys
            from appliance.child import begin_child, progress_teller, tell
            word = sys.argv[1]
            if word == "sandboxed":
                def refused(niceness): raise PermissionError(1, "Operation not permitted")
                os.nice = refused
            begin_child()
            if word in ("say", "sandboxed"):
                progress = progress_teller()
                for share in (0.0, 0.001, 0.5, 1.0):
                    progress(share)
                print("some library's chatter", flush=True)
                tell({"found": sys.argv[2], "goes": int(open("/proc/self/oom_score_adj").read())})
            elif word == "die":
                print("out of luck", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGSEGV)
            elif word == "wait":
                signal.pause()
            """
        )
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return "told"


def test_its_result_and_its_progress_are_heard(module: str) -> None:
    shares: list[float] = []
    assert ask_child(module, "say", "ü\n") == Ended("said", {"found": "ü\n", "goes": 1000})
    ask_child(module, "say", "x", progress=shares.append)
    assert shares == [0.0, 0.5, 1.0], "what is not worth telling is not told"


def test_it_works_where_its_niceness_is_not_its_own_to_change(module: str) -> None:
    """As in the sync unit's sandbox, where no song became playable."""
    assert ask_child(module, "sandboxed", "x") == Ended("said", {"found": "x", "goes": 1000})


def test_one_that_dies_says_by_what(module: str) -> None:
    assert ask_child(module, "die") == Ended("failed", why="the decoder ended by signal 11: out of luck")


def test_one_that_ends_without_a_word_failed(module: str) -> None:
    assert ask_child(module, "nothing") == Ended("failed", why="the decoder ended by code 0: ")


def test_one_is_ended_when_we_stop_or_when_it_was_silent_for_too_long(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask_child(module, "wait", stopping=lambda: True).word == "stopped"
    monkeypatch.setattr("appliance.child.QUIET_S", 0.3)
    assert ask_child(module, "wait") == Ended("failed", why="no sign of life for 0 s")
