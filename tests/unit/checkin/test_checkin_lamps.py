from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from checkin import lamps
from checkin.lamps import EV_SND, EVIOCGBIT_SND, SND_BELL, SND_TONE, Beeper, Led, lamps_of
from checkin.wedge_driver import EVENT


@pytest.fixture
def leds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The LED class with one LED in it, which the disk lights."""
    folder = tmp_path / "cosound"
    folder.mkdir()
    for name, content in {"brightness": "0", "max_brightness": "255\n", "trigger": "mmc0"}.items():
        (folder / name).write_text(content)
    monkeypatch.setattr(lamps, "LEDS", tmp_path)
    return tmp_path


def test_an_led_is_taken_from_the_disk_and_lit_as_bright_as_it_goes(leds: Path) -> None:
    led = Led(leds / "cosound")
    led.set(988)
    assert (leds / "cosound/brightness").read_text() == "255"
    assert (leds / "cosound/trigger").read_text() == "none"
    led.set(0)
    assert (leds / "cosound/brightness").read_text() == "0"


def test_an_led_of_a_kernel_without_triggers_is_lit_too(leds: Path) -> None:
    (leds / "cosound/trigger").unlink()
    Led(leds / "cosound").set(988)
    assert (leds / "cosound/brightness").read_text() == "255"
    assert not (leds / "cosound/trigger").exists()


def test_an_led_that_is_plugged_in_later_is_taken_then(leds: Path) -> None:
    led = Led(leds / "later")
    with pytest.raises(OSError, match="nothing is there"):
        led.set(0)
    (leds / "cosound").rename(leds / "later")
    led.set(988)
    assert (leds / "later/brightness").read_text() == "255"


def test_what_may_not_be_lit_is_said_in_one_line(leds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_given: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refused)
    with pytest.raises(OSError, match=r"no permission.*udev") as told:
        Led(leds / "cosound").set(0)
    assert "\n" not in str(told.value)


def test_a_beeper_is_sent_its_tones_as_input_events(tmp_path: Path) -> None:
    node = tmp_path / "event-spkr"
    os.mkfifo(node)
    ear = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    beeper = Beeper(str(node))
    beeper.set(988)
    beeper.set(0)
    heard = list(EVENT.iter_unpack(os.read(ear, 1000)))
    os.close(ear)
    assert heard == [(0, 0, EV_SND, SND_TONE, 988), (0, 0, EV_SND, SND_TONE, 0)]


def test_a_buzzer_that_knows_no_tones_is_switched_on_and_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_a_bell(_line: int, asked: int, able: bytearray) -> int:
        assert asked == EVIOCGBIT_SND
        able[0] = 1 << SND_BELL
        return 1

    node = tmp_path / "event-spkr"
    os.mkfifo(node)
    ear = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setattr("fcntl.ioctl", only_a_bell)
    Beeper(str(node)).set(988)
    Beeper(str(node)).set(0)
    heard = list(EVENT.iter_unpack(os.read(ear, 1000)))
    os.close(ear)
    assert heard == [(0, 0, EV_SND, SND_BELL, 1), (0, 0, EV_SND, SND_BELL, 0)]


def test_a_beeper_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing is there"):
        Beeper(str(tmp_path / "event-spkr")).set(0)


def test_off_by_default() -> None:
    assert lamps_of("") == ([], False)


def test_several_at_once(leds: Path) -> None:
    named, readers_own = lamps_of("reader, led:cosound, beep:/dev/input/by-path/platform-pcspkr-event-spkr")
    assert readers_own
    assert [lamp.where for lamp in named] == ["led:cosound", "beep:/dev/input/by-path/platform-pcspkr-event-spkr"]
    assert stat.S_ISREG((leds / "cosound/brightness").stat().st_mode)


@pytest.mark.parametrize("setting", ["led:", "led:../../etc", "led:a/b", "beep:/etc/passwd", "gpio:17", "led:x,,"])
def test_what_is_no_lamp_is_refused_with_the_forms(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"checkin\.feedback .* must be reader"):
        lamps_of(setting)
