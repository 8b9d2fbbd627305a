"""The staff's door and the mixer in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from staff_door import enter, go_to_the_room, open_mixer, open_pad

from appliance.model import Control, Fader
from appliance.ui.glass import Glass
from appliance.ui.meters import BESIDE_FADER
from appliance.ui.still import PIN, song_id
from appliance.ui.theme import THUMB_MARGIN
from mixer.scene import SongId
from tests.patience import until

if TYPE_CHECKING:
    from conftest import Panel
    from playwright.sync_api import Browser

pytestmark = pytest.mark.processes

WRONG = "1357"


@pytest.fixture
def door(panel: Panel) -> Panel:
    """At the PIN pad, with an empty pad and no wait running; no wrong PIN counts, since a right one came last."""
    go_to_the_room(panel)
    open_mixer(panel)
    go_to_the_room(panel)
    open_pad(panel)
    return panel


@pytest.fixture
def mixer(panel: Panel) -> Panel:
    """In the mixer, sixteen layers sounding, no hand on anything."""
    panel.room.store.room.set_control(Control())
    if not panel.glass.shows("mixer"):
        go_to_the_room(panel)
        open_mixer(panel)
    panel.room.play(16, "a reason")
    panel.glass.wait_for("strip-16-title", "Summer meadow")
    panel.glass.wait_gone("strip-2-let-go")
    return panel


def press(panel: Panel, key: str, wanted: Callable[[Control], bool]) -> Control:
    """Touch a key until the room's desired state is as that key asks."""
    control = panel.room.store.room.control
    panel.glass.press_until(key, lambda: wanted(control()), "the store as it was")
    return control()


def has_hand_on(*numbers: int) -> Callable[[Control], bool]:
    """Exactly these strips are held."""
    songs = {song_id(number - 1) for number in numbers}
    return lambda control: {fader.song_id for fader in control.faders} == songs


no_hand = has_hand_on()


def test_a_wrong_pin_stays_outside_and_is_told_how_many_are_left(door: Panel) -> None:
    enter(door, WRONG)
    door.glass.wait_for("pin-message", door.texts.pin_tries.format(count=4))
    assert not door.glass.shows("mixer")


def test_five_wrong_pins_shut_the_pad_for_thirty_seconds(door: Panel) -> None:
    for _ in range(5):
        enter(door, WRONG)
    door.glass.wait_for("pin-message", "0:30")
    for key in (*PIN, "ok"):
        door.glass.press(f"pin-{key}")
    assert not door.glass.shows("mixer")
    door.room.pass_time(10)
    door.glass.wait_for("pin-message", "0:20")
    door.room.pass_time(21)
    door.glass.wait_for("pin-message", "")
    enter(door, PIN)
    door.glass.wait_for("mixer")


def test_back_leaves_the_pad(panel: Panel) -> None:
    go_to_the_room(panel)
    open_pad(panel)
    panel.glass.open("pin-back", "room")
    assert not panel.glass.shows("pin-pad")


@pytest.mark.every_panel
def test_every_strip_is_on_the_glass_with_keys_a_finger_hits(mixer: Panel) -> None:
    for number in range(1, 17):
        for part, least in (("fader", 150), ("mute", 48)):
            x, y, width, height = mixer.glass.place(f"strip-{number}-{part}")
            assert x >= 0
            assert y >= 0
            assert x + width <= mixer.width + 0.5
            assert y + height <= mixer.height
            assert height >= least - 0.5
            assert width >= (41.5 if part == "fader" else 47.5)
    for name in ("mixer-back", "master-mute", "master-hush", "let-go-all"):
        _, _, width, height = mixer.glass.place(name)
        assert min(width, height) >= 47.5, name


def test_a_fader_is_held_where_the_finger_puts_it_and_let_go_again(mixer: Panel) -> None:
    control = mixer.room.store.room.control
    mixer.glass.slide_until("strip-2-fader", 0.5, THUMB_MARGIN, lambda: has_hand_on(2)(control()))
    fader = control().faders[0]
    assert fader.gain_db == pytest.approx(-15, abs=1.5)
    assert not fader.muted
    mixer.glass.wait_for("strip-2-level", "−1")
    mixer.glass.shut("strip-2-let-go")
    assert no_hand(control())


def test_a_dragged_fader_ends_where_the_finger_left(mixer: Panel) -> None:
    control = mixer.room.store.room.control

    def drag() -> None:
        x, y, width, height = mixer.glass.place("strip-5-fader")
        mouse = mixer.glass.page.mouse
        way = height - 2 * THUMB_MARGIN
        mouse.move(x + width / 2, y + THUMB_MARGIN + way * 0.65)
        mouse.down()
        for step in range(1, 11):
            mouse.move(x + width / 2, y + THUMB_MARGIN + way * (0.65 - 0.045 * step))
        mouse.up()

    def is_up() -> bool:
        return any((one.gain_db or 0.0) > -1.6 for one in control().faders)

    mixer.glass.touch_until(drag, is_up, "the thumb does not follow")
    fader = control().faders[0]
    assert fader.song_id == song_id(4)
    assert fader.gain_db == pytest.approx(0, abs=1.5)  # a finger's slop
    mixer.glass.shut("strip-5-let-go")


def test_a_mute_holds_no_level_and_unmuting_leaves_no_hand(mixer: Panel) -> None:
    muted = press(mixer, "strip-3-mute", has_hand_on(3))
    assert muted.faders == (Fader(SongId(song_id(2)), None, True),)
    mixer.glass.wait_for("strip-3-let-go")
    press(mixer, "strip-3-mute", no_hand)
    mixer.glass.wait_gone("strip-3-let-go")


def test_the_master_moves_mutes_and_hushes(mixer: Panel) -> None:
    control = mixer.room.store.room.control
    mixer.glass.slide_until("master-fader", 0.5, THUMB_MARGIN, lambda: control().master_db < -10)
    assert control().master_db == pytest.approx(-15, abs=1)
    press(mixer, "master-hush", lambda control: control.hush)
    press(mixer, "master-mute", lambda control: control.mute)
    mixer.glass.wait_called("master-hush", mixer.texts.hush_off)
    press(mixer, "master-hush", lambda control: not control.hush)


def test_all_hands_are_let_go_by_one_key(mixer: Panel) -> None:
    mixer.glass.open("strip-1-mute", "strip-1-let-go")
    mixer.glass.open("strip-4-mute", "strip-4-let-go")
    press(mixer, "let-go-all", no_hand)
    mixer.glass.wait_gone("strip-4-let-go")
    mixer.glass.wait_gone("strip-1-let-go")


def test_a_layer_that_leaves_takes_its_strip_along(mixer: Panel) -> None:
    mixer.room.play(3, "a reason")
    mixer.glass.wait_for("strip-4-title", "4")
    mixer.glass.press("strip-4-mute")
    press(mixer, "strip-1-mute", has_hand_on(1))


def test_meters_are_drawn_and_move(mixer: Panel) -> None:
    x, y, width, height = mixer.glass.place("strip-1-fader")
    meter = {"x": x + width / 2 + BESIDE_FADER - 4, "y": y, "width": 8, "height": height}
    mixer.glass.painted()
    loud = settled(lambda: mixer.glass.page.screenshot(clip=meter))
    playing = mixer.room.runtime.read("player")
    playing["strips"][0]["peak"] = 0.02
    mixer.room.runtime.publish("player", playing)
    until(lambda: mixer.glass.page.screenshot(clip=meter) != loud, "a quieter meter")


def settled(shot: Callable[[], bytes]) -> bytes:
    """The picture once it stays as it is."""
    seen = [b"", shot()]
    until(lambda: seen.append(shot()) or seen[-3] == seen[-2] == seen[-1], "a picture that stays")
    return seen[-1]


def test_another_client_starts_in_the_room_and_sees_what_staff_did(mixer: Panel, browser: Browser) -> None:
    press(mixer, "master-hush", lambda control: control.hush)
    other = Glass(browser, mixer.url, mixer.width, mixer.height)
    try:
        other.wait_for("notice", mixer.texts.sound_hushed)
        assert not other.shows("mixer")
    finally:
        other.close()


def test_a_mixer_left_alone_goes_back_behind_the_pin(mixer: Panel) -> None:
    mixer.room.pass_time(181)
    mixer.glass.wait_for("room")
    open_pad(mixer)


def test_a_reload_finds_its_page_again_and_goes_on(mixer: Panel) -> None:
    mixer.glass.page.reload()
    mixer.glass.wake()
    mixer.glass.wait_for("mixer")
    mixer.glass.open("strip-1-mute", "strip-1-let-go")
    assert mixer.asked_outside == []
    assert mixer.glass.errors == []
