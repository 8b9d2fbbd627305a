"""What the documentation says must be so: every command, key and file it names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_it_names_exist(page: Path) -> None:
    commands = {entry.name for entry in entry_points(group="cosound.commands")}
    named = set(re.findall(r"`(?:\.venv/bin/)?cosound ([a-z]+)", page.read_text()))
    assert named <= commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_it_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


def options(command: click.Command, path: str) -> Iterator[str]:
    """Every option and argument below a command, as `cosound add --email`."""
    for parameter in command.params:
        yield f"{path} {parameter.opts[-1]}"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from options(below, f"{path} {name}")


def test_no_secret_is_an_argument() -> None:
    """Everybody on a machine reads the arguments of everybody's processes: secrets come from the environment, a
    credential or a question."""
    all_options = [
        option for entry in entry_points(group="cosound.commands") for option in options(entry.load(), entry.name)
    ]
    assert "add --email" in all_options
    assert not [option for option in all_options if re.search(r"password|secret|token|pepper|pin$|key", option)]


@pytest.mark.parametrize("command", sorted(entry.name for entry in entry_points(group="cosound.commands")))
def test_every_command_explains_itself(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Usage:" in done.stdout
    assert len(done.stdout.splitlines()) > 3
