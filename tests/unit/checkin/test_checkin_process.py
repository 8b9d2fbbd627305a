"""The reader process as it is started on a box: from a card in the air, or a typed number, to a stored tap."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.demo.air import Air
from appliance.demo.emulated_tag import Tag, sticker
from checkin.message import Record, message_in, records_of
from checkin.sun import SunKeys
from tests.blank_ntag424 import BlankNtag424
from tests.emulated_ntag424 import Ntag424
from tests.patience import PATIENCE_S
from tests.reader_process import ReaderProcess
from tests.simulated_pn532 import SimulatedPN532

pytestmark = pytest.mark.processes

URL = "https://cosound.example/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=AAAAAAAAAAAAAAAA"
CARD = bytes.fromhex("04a1b2c3d4e5f6")


@pytest.fixture
def air() -> Iterator[Air]:
    air = Air()
    yield air
    air.close()


def test_from_the_air_to_the_store(air: Air, tmp_path: Path) -> None:
    box = ReaderProcess(tmp_path, air.where)
    box.ready()
    air.tag = Tag(CARD)
    result = box.next_tap()
    assert (result.outcome, result.new_listener, result.here) == ("in", True, 1)
    typed = box.tap(CARD.hex())
    assert result.listener is not None
    assert typed.stdout == f"{result.listener.display_name} stays\n"
    second = subprocess.run(
        ReaderProcess.command("nfc"), env=box.env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert second.returncode == 2
    assert f"already runs on {tmp_path / 'data'} as pid {box.process.pid}" in second.stderr
    log = box.end()
    assert box.process.returncode == 0
    assert CARD.hex() not in log.lower()
    assert "Traceback" not in log
    pepper = tmp_path / "data" / "pepper"
    assert pepper.stat().st_mode & 0o777 == 0o600
    assert pepper.read_text() not in log


def test_a_card_that_signs_from_the_air_to_the_store_and_a_copy_of_it_not(air: Air, tmp_path: Path) -> None:
    cloud, keys = "https://cosound.example", SunKeys(1, bytes(range(16)), bytes(range(16, 32)))
    text = f"1:{keys.meta.hex()}:{keys.file.hex()}"
    box = ReaderProcess(tmp_path, air.where, COSOUND_SUN_KEYS=text, DJANGO_API_URL=cloud)
    box.ready()
    air.tag = Ntag424(keys, cloud, CARD, shows="random")
    first = box.next_tap()
    assert (first.outcome, first.new_listener) == ("in", True)
    air.tag = Tag(CARD)
    assert box.next_tap().outcome == "again", "its number alone is nobody"
    log = box.end()
    kept = (tmp_path / "data" / "cosound.db").read_bytes() + (tmp_path / "run" / "reader.json").read_bytes()
    for secret in (CARD, keys.meta, keys.file, keys.of_card(CARD)):
        assert secret.hex() not in log.lower()
        assert secret not in kept
        assert secret.hex().encode() not in kept.lower()
    assert "Traceback" not in log


def test_two_people_at_two_readers_at_once(tmp_path: Path) -> None:
    chips = SimulatedPN532(), SimulatedPN532()
    box = ReaderProcess(tmp_path, ",".join(chip.port for chip in chips))
    box.ready()
    for number, chip in enumerate(chips):
        chip.tag = Tag(bytes([4, 0, 0, 0, 0, 0, number + 1]))
    box.wait_for_taps(2)
    assert box.store.people.here() == 2
    assert "Traceback" not in box.end()
    for chip in chips:
        chip.unplug()


def test_a_lamp_that_is_none_is_one_line_before_anything_is_opened(tmp_path: Path) -> None:
    env = {**os.environ, "COSOUND_CONFIG": str(tmp_path / "none.toml"), "COSOUND_DATA_DIR": str(tmp_path / "data"),
           "COSOUND_RUNTIME_DIR": str(tmp_path / "run"), "COSOUND_FEEDBACK": "gpio:17"}  # fmt: skip
    done = subprocess.run(
        ReaderProcess.command("nfc"), env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "led:NAME" in done.stderr
    assert not (tmp_path / "data").exists()


def test_typed_taps_for_people(tmp_path: Path) -> None:
    box = ReaderProcess(tmp_path, "none")
    box.ready()
    arrived = box.tap()
    assert arrived.returncode == 0
    assert arrived.stdout.endswith(" is here (1 in the room)\n")
    phone = box.tap("08a1b2c3")
    assert phone.stdout == "a phone's number changes every time: use the sticker or a card\n"
    refused = box.tap("00000000")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    box.end()
    nobody = box.tap()
    assert nobody.returncode == 2
    assert "start `cosound nfc`" in nobody.stderr


def test_forgotten_by_the_next_tap(tmp_path: Path) -> None:
    box = ReaderProcess(tmp_path, "none")
    box.ready()
    name = box.tap(CARD.hex()).stdout.split(" is here")[0]
    with subprocess.Popen(desk("forget"), env=box.env, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert "Hold the card" in asking.stdout.readline()
        box.tap(CARD.hex())
        said = asking.stdout.read()
    assert said.startswith(f"{name} is forgotten. Receipt: ")
    assert box.store.db.count("select count(*) from profiles") == 0
    assert [op.type for op in box.store.outbox.batch(10)] == ["forget"]
    assert box.store.outbox.batch(1)[0].op_id == said.split()[-1]
    box.end()


def test_a_sticker_and_a_sheet_from_the_command_line(air: Air, tmp_path: Path) -> None:
    env = {**os.environ, "COSOUND_CONFIG": str(tmp_path / "none.toml"), "COSOUND_DATA_DIR": str(tmp_path / "data"),
           "COSOUND_RUNTIME_DIR": str(tmp_path / "run"), "COSOUND_READER": air.where}  # fmt: skip
    air.tag = sticker(CARD)

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(desk(*words), env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    written = ask("write", "--url", URL, "--lock")
    assert written.stdout.endswith("written, read back and locked\n")
    assert records_of(message_in(bytes(air.tag.pages or b""))) == (Record("uri", URL),)
    assert ask("sheet", str(tmp_path / "sheet.pdf"), "--url", URL).returncode == 0
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")
    refused = ask("sheet", str(tmp_path / "sheet.png"), "--url", "http://x")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "https" in refused.stderr


def test_a_card_is_made_to_sign_and_then_taps_in_as_nobody_else_can(air: Air, tmp_path: Path) -> None:
    cloud, keys = "https://cosound.example", SunKeys(1, bytes(range(16)), bytes(range(16, 32)))
    signing = {"COSOUND_SUN_KEYS": f"1:{keys.meta.hex()}:{keys.file.hex()}", "DJANGO_API_URL": cloud}
    env = {**os.environ, "COSOUND_CONFIG": str(tmp_path / "none.toml"), "COSOUND_DATA_DIR": str(tmp_path / "data"),
           "COSOUND_RUNTIME_DIR": str(tmp_path / "run"), "COSOUND_READER": air.where, **signing}  # fmt: skip

    def write(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = desk("write", "--sun", *words)
        return subprocess.run(command, env=env | more, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    air.tag = card = BlankNtag424(CARD)
    assert "docs/reader.md" in write(COSOUND_SUN_KEYS="").stderr
    assert "--lock" in write("--lock").stderr
    assert not card.heard
    done = write()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("it signs, under version 1 of the keys: hand it out\n")
    again = write()
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "signs already" in again.stderr
    air.tag = None
    box = ReaderProcess(tmp_path, air.where, **signing)
    box.ready()
    air.tag = card
    assert box.next_tap().outcome == "in"
    assert "signs what it says" in box.tap(CARD.hex()).stdout, "a copy of its number is nobody"
    box.end()
    told = done.stdout + done.stderr + again.stdout + again.stderr
    assert not any(secret.hex() in told.lower() for secret in (*card.keys[:3], keys.file, CARD))


def desk(*words: str) -> list[str]:
    return [sys.executable, "-c", "from checkin.cli import nfc; nfc()", *words]
