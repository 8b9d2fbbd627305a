"""The room display in a real browser: a visit from the door to the good-bye."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from appliance.ui.still import song_id

if TYPE_CHECKING:
    from conftest import Panel

pytestmark = [pytest.mark.processes, pytest.mark.every_panel]

MIX = [{"song_id": song_id(number), "share": share} for number, share in enumerate((0.45, 0.35, 0.2))]
DISPLAYED = (
    "headline", "detail", "question", "here", "names", "why", "layer-1", "layer-3", "staff", "face-1", "face-5",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_panel(panel: Panel) -> None:
    """Every test begins with music, nobody here, and no tap to answer."""
    panel.room.pass_time(3601)
    panel.room.store.room.set_master(gain_db=0.0, mute=False, hush=False)
    panel.room.play(3, "a reason")
    panel.glass.wait_for("headline", panel.texts.tap_your_card)
    panel.glass.wait_for("playing")


def votes(panel: Panel) -> list[dict[str, object]]:
    return [op.body for op in panel.room.store.outbox.batch(1000) if op.type == "vote"]


def assert_all_on_the_glass(panel: Panel) -> None:
    for name in DISPLAYED:
        for box in (part.bounding_box() for part in panel.glass.part(name).all()):
            assert box is not None
            assert box["x"] >= 0, name
            assert box["y"] >= 0, name
            assert box["x"] + box["width"] <= panel.width, name
            assert box["y"] + box["height"] <= panel.height, name


def test_an_empty_room_invites_and_says_what_plays(panel: Panel) -> None:
    panel.glass.wait_for("playing", "Waves on a long beach")
    panel.glass.wait_for("why", "a reason")
    assert_all_on_the_glass(panel)


def test_a_first_tap_is_greeted_by_a_name_with_five_large_faces(panel: Panel) -> None:
    panel.room.tap("first-timer")
    panel.glass.wait_for("headline", panel.texts.welcome_new.split("{")[0])
    for value in range(1, 6):
        _, _, width, height = panel.glass.place(f"face-{value}")
        assert min(width, height) >= 130
    assert_all_on_the_glass(panel)


def test_faces_leave_after_ten_seconds_and_the_room_shows_who_is_here(panel: Panel) -> None:
    panel.room.tap("card-1")
    panel.glass.wait_for("face-1")
    panel.room.pass_time(10)
    panel.glass.wait_gone("face-1")
    panel.glass.wait_for("here", "1")
    panel.glass.wait_for("names")
    panel.glass.wait_for("layer-1", "Waves on a long beach")
    assert_all_on_the_glass(panel)


def test_a_face_pressed_twice_is_one_vote_on_the_mix_and_is_thanked_for(panel: Panel) -> None:
    before = len(votes(panel))
    voter = panel.room.tap("card-1").listener
    assert voter is not None
    panel.glass.press_until("face-4", lambda: not panel.glass.shows("face-4"), "itself there", times=2)
    panel.glass.wait_for("headline", panel.texts.thanks.format(name=voter.display_name))
    stored = votes(panel)[before:]
    assert [(body["vote_value"], body["song_id"], body["source"], body["scene"]) for body in stored] == [
        (4, song_id(0), "screen", MIX)
    ]
    panel.room.pass_time(5)
    panel.glass.wait_for("here", "1")


def test_a_card_back_for_good_bye_is_told_so(panel: Panel) -> None:
    panel.room.tap("card-1")
    panel.room.pass_time(30)
    panel.glass.wait_for("here", "1")
    panel.room.tap("card-1")
    panel.glass.wait_for("headline", panel.texts.goodbye.split("}")[1])
    assert_all_on_the_glass(panel)


def test_a_phone_is_told_what_to_do(panel: Panel) -> None:
    panel.room.tap("")
    panel.glass.wait_for("headline", panel.texts.phone)
    panel.glass.wait_for("detail", panel.texts.phone_detail)
    assert_all_on_the_glass(panel)


def test_without_a_reader_guests_are_sent_to_the_sign(panel: Panel) -> None:
    panel.room.reader_is("absent")
    try:
        panel.glass.wait_for("headline", panel.texts.no_cards)
        panel.glass.wait_for("detail", panel.texts.no_cards_detail)
        panel.glass.wait_for("playing", "Waves on a long beach")
        assert_all_on_the_glass(panel)
        panel.room.tap("card-1")
        panel.room.pass_time(30)
        panel.room.reader_is("failed")
        panel.glass.wait_for("notice", panel.texts.reader_away)
    finally:
        panel.room.runtime.publish("reader", {})


@pytest.mark.parametrize("why", ["copy", "disk"])
def test_whoever_is_turned_away_is_told_so(panel: Panel, why: str) -> None:
    room = panel.room
    room.runtime.publish("reader", {"turned_away": {"why": why, "at_boot_s": room.clock.boot_s()}})
    room.store.db.ring()
    panel.glass.wait_for("headline", panel.texts.card_refused if why == "copy" else panel.texts.tap_lost)
    assert_all_on_the_glass(panel)
    room.runtime.publish("reader", {})


def test_a_hush_is_announced(panel: Panel) -> None:
    panel.room.store.room.set_master(hush=True)
    panel.glass.wait_for("notice", panel.texts.sound_hushed)


def test_a_player_that_stopped_is_said_kindly(panel: Panel) -> None:
    panel.room.clock.advance(10)
    panel.glass.wait_for("notice", panel.texts.sound_starting)


def test_titles_from_anywhere_do_not_break_the_display(panel: Panel) -> None:
    playing = panel.room.runtime.read("player")
    for strip, title in zip(playing["strips"], ("<b>Rain</b> ♫ 雨 🌧", "W" * 300, "\u202eevil\x00\n"), strict=False):
        strip["title"] = title
    panel.room.runtime.publish("player", playing)
    panel.room.tap("card-1")
    panel.room.pass_time(15)
    panel.glass.wait_for("layer-1", "<b>Rain</b>")
    assert_all_on_the_glass(panel)


def test_a_thumb_is_not_lost_when_the_room_is_redrawn_under_it(panel: Panel) -> None:
    reasons = (f"another reason, {number}" for number in count(1))

    def redraw() -> None:
        reason = next(reasons)
        panel.room.play(3, reason)
        panel.glass.wait_for("why", reason)

    panel.glass.hold_until("staff", redraw, lambda: panel.glass.shows("pin-pad"), "the pad away")


def test_a_thumb_on_a_face_does_not_vote_for_whoever_taps_meanwhile(panel: Panel) -> None:
    before = len(votes(panel))

    def tap(card: str) -> None:
        listener = panel.room.tap(card).listener
        assert listener is not None
        panel.glass.wait_for("headline", listener.display_name)

    tap("card-1")
    panel.glass.hold_until("face-5", lambda: tap("first-timer"), lambda: True, "nothing")
    panel.glass.open("keep", "keep-pad")  # a touch that comes later is heard: the one before was for nothing
    assert len(votes(panel)) == before
    panel.glass.open("keep-back", "room")


def test_nothing_beyond_this_machine_is_asked_for_and_nothing_goes_wrong(panel: Panel) -> None:
    assert panel.asked_outside == []
    assert panel.glass.errors == []
