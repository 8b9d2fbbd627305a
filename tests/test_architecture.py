"""The shape of the house: who may import whom, what may not be loaded in the player, and how big a file may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "appliance": ROOT / "appliance",
    "mixer": ROOT / "mixer",
    "sync": ROOT / "sync",
    "checkin": ROOT / "nfc" / "checkin",
    "cloud_stub": ROOT / "cloud_stub",
    "ml": ROOT / "ml",
}
SHARED = ("sync.wire", "sync.facts", "sync.digest", "checkin.rules", "checkin.tokens", "checkin.sun")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "mixer": (),
    "ml": (),
    "appliance": ("mixer", "ml"),
    "sync": ("appliance", "mixer.pcm", "mixer.decode"),
    "checkin": ("appliance",),
    "cloud_stub": ("ml", *SHARED),
}
LONGEST_MODULE = 400


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All that the file says, read once."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    """Every module the file imports, wherever in it, as `a.b` (for `from a import b`: both `a` and `a.b`)."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_allowed(target: str, package: str) -> bool:
    own = target.split(".", maxsplit=1)[0]
    if own == package or own not in FOLDERS:
        return True
    return any(target == allowed or target.startswith(allowed + ".") for allowed in MAY_IMPORT[package])


@pytest.mark.parametrize("package", FOLDERS)
def test_every_arrow_is_allowed(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {target}"
        for path in modules(FOLDERS[package])
        for target in imports(path)
        if not is_allowed(target, package)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", SHARED)
def test_what_both_sides_share_imports_nothing_of_ours_but_one_another(module: str) -> None:
    package, _, name = module.partition(".")
    ours = [target for target in imports(FOLDERS[package] / f"{name}.py") if target.split(".")[0] in FOLDERS]
    assert not [target for target in ours if not target.startswith(SHARED)]


def test_librosa_is_imported_in_one_file_at_most() -> None:
    files = [
        path for folder in FOLDERS.values() for path in modules(folder)
        if any(target.split(".")[0] == "librosa" for target in imports(path))
    ]  # fmt: skip
    assert len(files) <= 1, files


def test_the_only_sql_in_the_box_is_in_the_store() -> None:
    """The demo reads the box's file from outside, with a connection that cannot write."""
    outside = [
        path.relative_to(ROOT)
        for path in modules(FOLDERS["appliance"])
        if "sqlite3" in set(imports(path)) and path.parent.name not in ("store", "demo")
    ]
    assert not outside


def test_nfc_stays_the_name_of_the_driver_library() -> None:
    assert not (ROOT / "nfc" / "__init__.py").exists()
    for taken in ("serial", "ndef", "usb1", "nfc"):
        assert not list((ROOT / "nfc").glob(f"{taken}*")), f"nfc/{taken} would shadow a dependency"
    assert not (ROOT / "systemd" / "__init__.py").exists()


def test_the_player_loads_neither_network_nor_screen_nor_analysis() -> None:
    code = (
        "import sys, appliance.player, appliance.player_process; "
        "print(*sorted({'httpx', 'boto3', 'flet', 'librosa', 'fastapi', 'soundfile', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split("\n")[-2].strip() == "", done.stdout


def test_no_module_has_outgrown_its_noun() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in (*FOLDERS.values(), ROOT / "tests", ROOT / "benchmarks")
        for path in modules(folder)
        if (lines := len(path.read_text().splitlines())) > LONGEST_MODULE
    }
    assert not long


def test_no_global_state() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS.values()
        for path in modules(folder)
        for node in nodes(path)
        if isinstance(node, ast.Global)
    ]
    assert not wrong


MUST_SURVIVE = {
    "appliance/process.py": "the loop of a process",
    "sync/worker.py": "the loop of a thread",
    "nfc/checkin/attendant.py": "the loop around one reader's driver",
    "cloud_stub/refresh.py": "one room that cannot be ranked must not stop the others",
    "mixer/pump.py": "the thread that renders",
    "mixer/channels_engine.py": "the hand on the volumes",
    "appliance/ui/app.py": "one client that cannot be redrawn must not stop the others",
    "appliance/ui/feed.py": "hands what a job raised to the one who asked",
    "appliance/ui/widgets.py": "Flet would show the trace to whoever stands there",
}


def test_broad_excepts_stand_only_where_something_must_survive() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS.values()
        for path in modules(folder)
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
        and str(path.relative_to(ROOT)) not in MUST_SURVIVE
    ]
    assert not wrong, "\n".join(wrong)
