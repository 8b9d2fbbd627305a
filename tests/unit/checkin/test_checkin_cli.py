"""What staff type, and what they are told at once instead of after half a minute of waiting."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appliance.clock import SystemClock
from appliance.runtime import Runtime
from appliance.store import open_store
from checkin import desk
from checkin.cli import nfc


@pytest.fixture(autouse=True)
def nobody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "TAP_WITHIN_S", 0.0)


def said(folder: Path, *words: str) -> Result:
    env = {"COSOUND_CONFIG": str(folder / "none.toml"), "COSOUND_DATA_DIR": str(folder / "data"),
           "COSOUND_RUNTIME_DIR": str(folder / "run")}  # fmt: skip
    return CliRunner().invoke(nfc, words, env=env)


def readers_are(folder: Path, *readers: dict[str, str]) -> None:
    open_store(folder / "data", folder / "run", "test").close()
    Runtime(folder / "run").publish("reader", {"boot_s": SystemClock().boot_s(), "readers": readers})


@pytest.mark.parametrize("command", ["forget", "merge", "link"])
def test_without_a_reader_process_nobody_is_asked_to_wait(tmp_path: Path, command: str) -> None:
    told = said(tmp_path, command)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == "cosound: the reader process does not answer; is `cosound nfc` running?\n"


def test_a_reader_that_is_away_is_named_and_typed_taps_still_work(tmp_path: Path) -> None:
    readers_are(
        tmp_path,
        {"where": "usb", "state": "absent", "why": "nothing is plugged in there"},
        {"where": "typed taps", "state": "ready", "why": ""},
    )
    told = said(tmp_path, "forget")
    assert told.stdout.splitlines() == [
        "reader usb is absent: nothing is plugged in there",
        "Hold the card to the reader, within 0 s …",
    ]
    assert "nobody tapped" in told.stderr


def test_a_code_that_cannot_be_one_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    readers_are(tmp_path, {"where": "typed taps", "state": "ready", "why": ""})
    told = said(tmp_path, "link", "12")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "six digits" in told.stderr


def test_a_sheet_in_a_language_of_its_own(tmp_path: Path) -> None:
    url = "https://cosound.example/r/x"
    assert (
        said(tmp_path, "sheet", str(tmp_path / "a.png"), "--url", url, "--language", "es", "--sticker").exit_code == 0
    )
    told = said(tmp_path, "sheet", str(tmp_path / "a.png"), "--url", url, "--language", "it")
    assert told.stderr == "cosound: the sheet speaks en, de, fr, es, and not 'it'\n"
