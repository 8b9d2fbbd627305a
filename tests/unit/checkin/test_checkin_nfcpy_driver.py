"""Our driver on nfcpy's real udp and pn532 code, against a simulated air and a simulated chip."""

from __future__ import annotations

import logging
import os
import stat
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
from nfc.clf.transport import TTY

from appliance.demo.air import Air
from appliance.demo.emulated_tag import READ, Tag, classic, sticker
from checkin import detect, frontend
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import ReaderGone, TagRead
from tests.simulated_pn532 import ACK, LIST_TARGETS, READ_REGISTER, RF_CONFIGURATION, SimulatedPN532

SEVEN = bytes.fromhex("04a1b2c3d4e5f6")


class Field(Protocol):
    tag: Tag | None


@pytest.fixture
def air() -> Iterator[Air]:
    air = Air()
    yield air
    air.close()


@pytest.fixture
def chip() -> Iterator[SimulatedPN532]:
    chip = SimulatedPN532()
    yield chip
    chip.unplug()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """nfcpy gives a chip 100 ms to answer; ours is a thread on a machine that may be busy."""
    hasty = TTY.read
    monkeypatch.setattr(TTY, "read", lambda line, timeout: hasty(line, timeout * 30))


@pytest.fixture(params=["udp", "pn532"])
def bench(request: pytest.FixtureRequest) -> Iterator[tuple[NfcpyDriver, Field]]:
    if request.param == "udp":
        field: Air | SimulatedPN532 = request.getfixturevalue("air")
        driver = NfcpyDriver(field.where) if isinstance(field, Air) else None
    else:
        request.getfixturevalue("patience")
        field = request.getfixturevalue("chip")
        driver = NfcpyDriver(field.port) if isinstance(field, SimulatedPN532) else None
    assert driver is not None
    driver.open()
    yield driver, field
    driver.close()


def open_at_last(driver: NfcpyDriver) -> None:
    """Open it as its attendant would: again and again."""
    for _ in range(20):
        with suppress(ReaderGone):
            driver.open()
            return
    pytest.fail("it does not open")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("uid", ["11223344", "04a1b2c3d4e5f6", "0102030405060708090a"])
def test_numbers_of_all_lengths_are_read(bench: tuple[NfcpyDriver, Field], uid: str) -> None:
    driver, field = bench
    assert driver.poll(0.1) is None
    field.tag = Tag(bytes.fromhex(uid))
    for _ in range(3):
        assert driver.poll(0.1) == TagRead(bytes.fromhex(uid), "nfca")
    field.tag = None
    assert driver.poll(0.1) is None


def test_a_field_that_is_off_is_not_switched_off_again(chip: SimulatedPN532, patience: None) -> None:
    driver = NfcpyDriver(chip.port)
    driver.open()
    driver.poll(0.1)
    chip.heard.clear()
    driver.poll(0.1)
    assert chip.heard == [LIST_TARGETS, READ_REGISTER, RF_CONFIGURATION], "three commands a look at nothing"
    driver.close()


def test_a_card_that_cannot_be_read_is_still_a_card(bench: tuple[NfcpyDriver, Field]) -> None:
    driver, field = bench
    field.tag = classic(b"\xde\xad\xbe\xef")
    assert [driver.poll(0.1) for _ in range(5)] == [TagRead(b"\xde\xad\xbe\xef", "nfca")] * 5


def test_a_phone_is_known_as_one(bench: tuple[NfcpyDriver, Field]) -> None:
    driver, field = bench
    field.tag = Tag(b"\x08abc", sel_res=0x20)
    tag = driver.poll(0.1)
    assert tag is not None
    assert tag.random_uid


def test_a_four_byte_number_read_once_and_never_again_is_nobody(air: Air) -> None:
    class Ghost(Tag):
        """Another number at every look, as a torn read gives."""

        looks = 0

        def answer(self, command: bytes) -> bytes | None:
            if command == b"\x26":
                self.looks += 1
                Tag.__init__(self, bytes([0x11, 0x22, 0x33, self.looks]))
            return super().answer(command)

    driver = NfcpyDriver(air.where)
    driver.open()
    air.tag = Ghost(b"\x11\x22\x33\x00")
    assert [driver.poll(0.1) for _ in range(5)] == [None] * 5
    driver.close()


def test_a_tag_pulled_in_mid_selection_is_no_tag(air: Air) -> None:
    class Pulled(Tag):
        """Silent from its selection on."""

        def answer(self, command: bytes) -> bytes | None:
            return None if command[1:2] == b"\x70" else super().answer(command)

    driver = NfcpyDriver(air.where)
    driver.open()
    air.tag = Pulled(SEVEN)
    assert driver.poll(0.1) is None
    air.tag = Tag(SEVEN)
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
    driver.close()


def test_a_sticker_pulled_away_in_mid_read_still_counts_by_its_number(bench: tuple[NfcpyDriver, Field]) -> None:
    class Hasty(Tag):
        """Answers two reads, then is gone from the field."""

        reads = 0

        def answer(self, command: bytes) -> bytes | None:
            self.reads += command[0] == READ
            return None if self.reads > 2 else super().answer(command)

    driver, field = bench
    field.tag = Hasty(SEVEN, pages=bytes(sticker(SEVEN, b"\xd1\x01\x50U\x04" + b"x" * 79).pages or b""))
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca", ndef=b"")


def test_no_number_reaches_the_log(bench: tuple[NfcpyDriver, Field], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    driver, field = bench
    field.tag = Tag(SEVEN)
    assert driver.poll(0.1)
    assert SEVEN.hex() not in caplog.text.lower()


@pytest.mark.usefixtures("patience")
def test_pulled_out_and_put_back_a_hundred_times_leaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda _line: 1)  # no speed change: it costs four shells a time
    link = tmp_path / "reader"
    driver = NfcpyDriver(str(link))
    before = None
    for turn in range(100):
        chip = SimulatedPN532()
        link.symlink_to(chip.port)
        driver.open()
        chip.tag = Tag(SEVEN)
        assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
        chip.unplug()
        link.unlink()
        with pytest.raises(ReaderGone):
            driver.poll(0.1)
        driver.close()
        before = before or open_files()
        assert open_files() == before, f"turn {turn}"
        assert not driver.plugged()


def test_a_mute_chip_is_gone_and_comes_back(chip: SimulatedPN532) -> None:
    driver = NfcpyDriver(chip.port)
    open_at_last(driver)
    chip.mute = True
    with pytest.raises(ReaderGone):
        driver.poll(0.1)
    driver.close()
    with pytest.raises(ReaderGone, match="no PN532 answers"):
        driver.open()
    chip.mute = False
    open_at_last(driver)
    driver.close()


class RudeAir(Air):
    """Answers every poll with the same rubbish."""

    def __init__(self, rubbish: bytes) -> None:
        self.rubbish = rubbish
        super().__init__()

    def _reply(self, datagram: bytes) -> bytes | None:
        return self.rubbish


RUBBISH = {
    "no hex": b"106A zz",
    "half a byte": b"106A 4",
    "nothing": b"106A ",
    "no letters": b"106A\xff\xfe 4400",
    "all bytes": bytes(range(256)),
    "a zero": b"\x00",
    "a flood": b"x" * 9000,
    "a long answer": b"106A " + b"44" * 4000,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_in_the_air_is_no_card_and_no_crash(rubbish: bytes) -> None:
    air = RudeAir(rubbish)
    driver = NfcpyDriver(air.where)
    for _ in range(3):
        with suppress(ReaderGone):
            driver.open()
            assert driver.poll(0.1) is None
        driver.close()
    air.close()


ACK_AT, LCS_AT, DCS_AT = 3, 4, -2  # of the acknowledgement; of the answer's frame


class Wrong(SimulatedPN532):
    """Sends one byte wrong: of the acknowledgement, or of the answer, once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.in_ack: int | None = None
        self.in_answer: int | None = None

    def _send(self, data: bytes) -> None:
        ack, answer = bytearray(data[: len(ACK)]), bytearray(data[len(ACK) :])
        for frame, at in ((ack, self.in_ack), (answer, self.in_answer)):
            if at is not None:
                frame[at] ^= 0x10
        super()._send(bytes(ack + answer))


@pytest.mark.parametrize(
    ("in_ack", "in_answer"), [(ACK_AT, None), (None, LCS_AT), (None, DCS_AT)], ids=["ACK", "LCS", "DCS"]
)
def test_a_frame_with_a_wrong_sum_is_a_lost_reader_and_no_card(in_ack: int | None, in_answer: int | None) -> None:
    chip = Wrong()
    driver = NfcpyDriver(chip.port)
    open_at_last(driver)
    chip.tag = Tag(SEVEN)
    chip.in_ack, chip.in_answer = in_ack, in_answer
    with pytest.raises(ReaderGone):
        driver.poll(0.1)
    driver.close()
    chip.in_ack = chip.in_answer = None
    open_at_last(driver)
    chip.unplug()
    driver.close()


def test_one_answer_that_does_not_come_is_no_lost_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hiccup(SimulatedPN532):
        """Swallows one command when told to."""

        swallows = 0

        def _heard(self, body: bytes | None) -> None:
            self.swallows -= 1
            if self.swallows != 0:
                super()._heard(body)

    chip = Hiccup()
    driver = NfcpyDriver(chip.port)
    open_at_last(driver)
    hasty = TTY.read
    monkeypatch.setattr(TTY, "read", lambda line, timeout: hasty(line, timeout * 4))
    chip.tag = Tag(SEVEN)
    for command in (1, 2, 3):
        chip.swallows = command
        assert driver.poll(0.1) == TagRead(SEVEN, "nfca"), f"command {command} of the look"
    driver.close()
    chip.unplug()


@pytest.mark.parametrize("noise", [b"\x55", b"\x55\xaa", b"\x00\x00\xff\x05\xfa\xd5", b"\x00\x00\xff\x02\xff"])
def test_noise_on_the_line_is_a_lost_reader_not_a_crash(chip: SimulatedPN532, noise: bytes) -> None:
    driver = NfcpyDriver(chip.port)
    open_at_last(driver)
    chip.noise = noise
    chip.tag = Tag(SEVEN)
    with pytest.raises(ReaderGone):
        for _ in range(3):
            driver.poll(0.1)
    driver.close()
    chip.noise = b""
    open_at_last(driver)
    driver.close()


@pytest.mark.parametrize("path", ["/dev/null; reboot", "/dev/$(reboot)", "/etc/passwd", "/dev/shm", "/dev/nowhere"])
def test_only_a_plain_device_ever_gets_near_a_shell(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda line: pytest.fail(f"a shell was given {line!r}"))
    with pytest.raises(ReaderGone):
        NfcpyDriver(path).open()
    evil = tmp_path / "x;reboot"
    evil.touch()
    link = tmp_path / "link"
    link.symlink_to(evil)
    with pytest.raises(ReaderGone, match="no serial port"):
        NfcpyDriver(str(link)).open()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device of that name")
def test_a_true_device_with_a_name_for_the_shell_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda line: pytest.fail(f"a shell was given {line!r}"))
    evil = tmp_path / "x;reboot"
    os.mknod(evil, stat.S_IFCHR | 0o600, Path("/dev/null").stat().st_rdev)
    with pytest.raises(ReaderGone, match="no serial port"):
        NfcpyDriver(str(evil)).open()


def test_no_reader_on_usb_says_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "usb_readers", lambda _root: [])
    driver = NfcpyDriver("usb")
    assert not driver.plugged()
    with pytest.raises(ReaderGone, match="cosound nfc list"):
        driver.open()


@pytest.mark.parametrize(
    ("error", "where", "words"),
    [
        (PermissionError(13, "no"), "usb", "plugdev"),
        (PermissionError(13, "no"), "/dev/ttyUSB0", "dialout"),
        (OSError(16, "busy"), "usb", "another program"),
        (OSError(19, "no device"), "/dev/ttyUSB0", "no PN532 answers"),
        (termios.error(5, "Input/output error"), "/dev/ttyUSB0", "unplugged"),
    ],
)
def test_an_error_says_what_to_do(error: Exception, where: str, words: str) -> None:
    assert words in frontend.explain(error, where)


def test_a_module_that_holds_the_reader_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "thieves", lambda: ["pn533_usb", "pn533"])
    assert "modprobe -r pn533_usb pn533 " in frontend.explain(OSError(19, "no device"), "usb")
