"""Stickers written, read back and locked by nfcpy's real code, on simulated ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import load_config
from appliance.demo.air import Air
from appliance.demo.emulated_tag import Tag, classic, sticker
from appliance.errors import InputError, SetupError, TransientError
from appliance.handover import ROOM_URL
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from checkin.address import checked, room_address
from checkin.desk import write_sticker
from checkin.message import Record, message_in, records_of, uri_message
from checkin.nfcpy_driver import NfcpyDriver
from tests.simulated_pn532 import SimulatedPN532

URL = "https://cosound.example/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=AAAAAAAAAAAAAAAA"
UID = bytes.fromhex("04a1b2c3d4e5f6")
KEY = "csp_0123abcd_" + "x" * 43


@pytest.fixture
def air() -> Iterator[Air]:
    air = Air()
    yield air
    air.close()


def written(tag: Tag) -> tuple[Record, ...]:
    return records_of(message_in(bytes(tag.pages or b"")))


def test_written_and_read_by_the_reader_as_it_comes_by(air: Air) -> None:
    air.tag = sticker(UID)
    write_sticker(air.where, URL, print)
    assert written(air.tag) == (Record("uri", URL),)
    driver = NfcpyDriver(air.where)
    driver.open()
    seen = driver.poll(0.1)
    driver.close()
    assert seen is not None
    assert (seen.uid, seen.ndef) == (UID, uri_message(URL))


def test_written_again_over_something_longer(air: Air) -> None:
    air.tag = sticker(UID, uri_message(URL + "x" * 20))
    write_sticker(air.where, URL, print)
    assert written(air.tag) == (Record("uri", URL),)


def test_a_locked_sticker_stays_as_it_is(air: Air) -> None:
    air.tag = sticker(UID)
    write_sticker(air.where, URL, print, lock=True)
    with pytest.raises(InputError, match="locked"):
        write_sticker(air.where, "https://evil.example/", print)
    assert written(air.tag) == (Record("uri", URL),)


def test_air_that_is_slow_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine. nfcpy alone gives a page 5 ms, and takes what comes late for the page it asks for next."""
    reply = Air._reply

    def late(air: Air, datagram: bytes) -> bytes | None:
        time.sleep(0.008)  # not a wait for something: it is the air that is slow
        return reply(air, datagram)

    monkeypatch.setattr(Air, "_reply", late)
    air = Air()
    air.tag = sticker(UID)
    write_sticker(air.where, URL, print, lock=True)
    assert written(air.tag) == (Record("uri", URL),)
    air.close()


def test_over_a_serial_pn532_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from nfc.clf.transport import TTY

    hasty = TTY.read
    monkeypatch.setattr(TTY, "read", lambda line, timeout: hasty(line, timeout * 30))
    chip = SimulatedPN532()
    chip.tag = sticker(UID)
    write_sticker(chip.port, URL, print)
    assert written(chip.tag) == (Record("uri", URL),)
    chip.unplug()


@pytest.mark.parametrize(
    ("tag", "why"),
    [(classic(b"\xde\xad\xbe\xef"), "takes no address"), (sticker(UID, user_bytes=48), "needs")],
    ids=["classic", "too small"],
)
def test_a_tag_that_cannot_hold_it_is_named(air: Air, tag: Tag, why: str) -> None:
    air.tag = tag
    with pytest.raises(InputError, match=why):
        write_sticker(air.where, URL, print)


def test_pulled_away_in_mid_write(air: Air) -> None:
    class Pulled(Tag):
        """Gone after the third page written."""

        left = 3

        def answer(self, command: bytes) -> bytes | None:
            self.left -= command[0] == 0xA2
            return super().answer(command) if self.left >= 0 else None

    air.tag = Pulled(UID, pages=bytes(sticker(UID).pages or b""))
    with pytest.raises(TransientError, match="hold it still"):
        write_sticker(air.where, URL, print)


def test_without_a_sticker_or_a_reader_that_writes(air: Air) -> None:
    with pytest.raises(TransientError, match="no sticker came"):
        write_sticker(air.where, URL, print, within_s=0.0)
    for setting in ("serial:/dev/ttyUSB0", "none"):
        with pytest.raises(SetupError, match=f"checkin.reader is {setting}, which cannot write.*--reader"):
            write_sticker(setting, URL, not_asked)
    with pytest.raises(SetupError, match="reader /dev/ttyUSB77: nothing is plugged in there"):
        write_sticker("/dev/ttyUSB77", URL, not_asked)


def not_asked() -> None:
    pytest.fail("nobody is asked for a sticker where nothing can write")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cosound.example/r/1", "https"), ("javascript:alert(1)", "https"), ("https://", "a name"),
        ("https://a@evil.example/", "@"), ("https://cosound.example/r/1?k=" + KEY, "own key"),
        ("https://cosound.example/" + "x" * 200, "letters"), ("https://cosound.example/é", "plain"),
        ("https://cosound.example/a b", "plain"), ("https://[", "no web address"),
    ],
)  # fmt: skip
def test_no_guests_phone_is_sent_there(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        checked(url)


def test_the_rooms_address_is_the_given_one_or_the_clouds(tmp_path: Path) -> None:
    env = {"COSOUND_DATA_DIR": str(tmp_path), "COSOUND_RUNTIME_DIR": str(tmp_path / "run"), "PLAYER_TOKEN": "secret"}
    config = load_config(env, tmp_path / "none.toml")
    store = open_store(tmp_path, tmp_path / "run", "test")
    with pytest.raises(InputError, match="--url"):
        room_address(None, config, store)
    with pytest.raises(InputError, match="own key"):
        room_address("https://cosound.example/?secret", config, store)
    assert room_address(URL, config, store) == URL
    put(store, URL)
    assert room_address(None, config, store) == URL
    store.close()


def put(store: Store, value: str) -> None:
    row = {"key": ROOM_URL, "value": value}
    store.bucket.apply([BucketChange("settings", ROOM_URL, "put", row)], epoch="e", rev=1)


def test_a_cloud_that_does_not_know_its_public_name_is_reached_by_the_boxs(tmp_path: Path) -> None:
    env = {"COSOUND_DATA_DIR": str(tmp_path), "COSOUND_RUNTIME_DIR": str(tmp_path / "run")}
    store = open_store(tmp_path, tmp_path / "run", "test")
    put(store, "/r/1?s=x")
    known = load_config({**env, "DJANGO_API_URL": "https://cosound.example/"}, tmp_path / "none.toml")
    assert room_address(None, known, store) == "https://cosound.example/r/1?s=x"
    plain = load_config({**env, "DJANGO_API_URL": "http://10.0.0.2:8000"}, tmp_path / "none.toml")
    with pytest.raises(InputError, match="https"):
        room_address(None, plain, store)
    store.close()
