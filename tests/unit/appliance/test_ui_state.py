"""What the screens say, without a screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.model import Control, Fader, ProfileId, TapOutcome
from appliance.ui.english import ENGLISH
from appliance.ui.facts import Facts, Links, SeenTap, Sound, TurnedAway, sound_from
from appliance.ui.fader import meter_height
from appliance.ui.mixer_view import SILENT, moved_fader, muted_fader
from appliance.ui.state import ScreenState
from appliance.ui.still import LAYERS, song_id
from appliance.ui.theme import STRIPS
from mixer.scene import SongId

HERON = ProfileId("heron")
Put = Callable[..., None]


@pytest.fixture
def state() -> ScreenState:
    state = ScreenState(ManualClock(), ENGLISH)
    state.facts = Facts(sound=playing(), links=Links(cloud=True), names=("Heron",))
    return state


def playing(**changes: Any) -> Sound:
    """Three layers, the first the loudest, published now."""
    strips = [
        {"song_id": song_id(n), "title": LAYERS[n][0], "gain_db": LAYERS[n][2], "peak": LAYERS[n][3],
         "why": LAYERS[n][5], "share": LAYERS[n][4]}
        for n in range(3)
    ]  # fmt: skip
    scene = [{"song_id": strip["song_id"], "share": strip["share"]} for strip in strips]
    player = {"boot_s": 1000.0, "audible": True, "why": ["Heron is back"], "scene": scene, "strips": [*strips, None]}
    return sound_from({**player, "engine": {"peak": 0.5}, **changes})


def tapped(outcome: TapOutcome = "in", *, ago_s: float = 0.0, tap_id: str = "t1", is_new: bool = False) -> SeenTap:
    name, who = ("", None) if outcome == "phone" else ("Heron", HERON)
    return SeenTap(tap_id, outcome, 1000.0 - ago_s, name, who, is_new)


def test_an_empty_room_invites(state: ScreenState) -> None:
    state.facts = replace(state.facts, names=())
    view = state.room()
    assert (view.mode, view.headline) == ("invite", "Tap your card")
    assert [layer.title for layer in view.layers] == ["Waves on a long beach", "Slow piano in E", "Rain on the roof"]


def test_a_room_with_people_shows_what_plays_and_why_and_how_many(state: ScreenState) -> None:
    view = state.room()
    assert (view.mode, view.here, view.names, view.why) == ("playing", 1, "Heron", "Heron is back")
    assert [layer.percent for layer in view.layers] == [45, 35, 20]
    assert view.layers[0].why == "Heron and Robin both like water"


def test_staff_read_first_that_nothing_can_be_stored(state: ScreenState) -> None:
    state.facts = replace(state.facts, links=Links(cloud=False, pending=3, refused=True))
    assert state.mixer().status == "Nothing can be stored: tell your installer · Cloud away · 3 waiting"


def test_many_names_are_cut(state: ScreenState) -> None:
    state.facts = replace(state.facts, names=("A", "B", "C", "D", "E", "F"))
    assert state.room().names == "A, B, C, D and 2 more"
    assert state.room().here == 6


@pytest.mark.parametrize(
    ("tap", "headline"),
    [
        (tapped(), "Welcome back, Heron"),
        (tapped(is_new=True), "Nice to meet you, Heron"),
        (tapped("stay"), "You are in, Heron"),
        (tapped("out"), "Heron, see you soon"),
        (tapped("phone"), "With a phone, scan the sign"),
    ],
)
def test_each_tap_has_its_answer(state: ScreenState, tap: SeenTap, headline: str) -> None:
    state.facts = replace(state.facts, tap=tap)
    assert state.room().headline == headline


def test_faces_stand_ten_seconds_and_then_the_room_is_back(state: ScreenState) -> None:
    state.facts = replace(state.facts, tap=tapped(ago_s=9.9))
    view = state.room()
    assert (view.mode, view.voter, view.countdown) == ("faces", HERON, 0.0)
    state.facts = replace(state.facts, tap=tapped(ago_s=10.0))
    assert state.room().mode == "playing"


def test_the_countdown_runs_from_full_to_empty(state: ScreenState) -> None:
    left = []
    for ago_s in (0.0, 2.5, 5.0, 7.5):
        state.facts = replace(state.facts, tap=tapped(ago_s=ago_s))
        left.append(state.room().countdown)
    assert left == [1.0, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("sound", [Sound(), playing(scene=[]), playing(boot_s=990.0)])
def test_no_faces_for_silence(state: ScreenState, sound: Sound) -> None:
    state.facts = replace(state.facts, sound=sound, tap=tapped())
    assert state.room().mode == "greeting"


def test_going_out_and_phones_never_get_faces(state: ScreenState) -> None:
    modes = []
    for outcome in ("out", "phone", "again"):
        state.facts = replace(state.facts, tap=tapped(outcome))
        modes.append(state.room().mode)
    assert modes == ["goodbye", "phone", "again"]
    assert (state.room().headline, state.room().voter) == (ENGLISH.once_more, None)


def test_after_a_vote_there_is_thanks_and_no_second_face_for_that_tap(state: ScreenState) -> None:
    state.facts = replace(state.facts, tap=tapped())
    assert state.begin_vote("t1")
    assert not state.begin_vote("t1")
    state.vote_stored("t1", "Heron", 4)
    assert (state.room().mode, state.room().headline, state.room().chosen) == ("thanks", "Thank you, Heron", 4)
    assert not state.begin_vote("t1")
    assert isinstance(state.clock, ManualClock)
    state.clock.advance(4)
    state.facts = replace(state.facts, sound=playing(boot_s=1004.0))
    assert state.room().mode == "playing"


@pytest.mark.parametrize(("value", "said"), [(1, "Less of"), (2, "Less of"), (3, "Noted"), (4, "More"), (5, "More")])
def test_thanks_answers_what_was_said(state: ScreenState, value: int, said: str) -> None:
    state.facts = replace(state.facts, tap=tapped())
    state.vote_stored("t1", "Heron", value)
    assert state.room().detail.startswith(said)


def test_a_new_tap_replaces_the_thanks_for_the_last(state: ScreenState) -> None:
    state.vote_stored("t1", "Heron", 4)
    state.facts = replace(state.facts, tap=tapped(tap_id="t2"))
    assert state.room().mode == "faces"
    assert state.begin_vote("t2")


def test_a_vote_that_was_refused_is_said_and_may_be_given_again(state: ScreenState) -> None:
    state.facts = replace(state.facts, tap=tapped())
    assert state.begin_vote("t1")
    state.vote_refused("t1", "Please try again")
    assert (state.room().mode, state.room().question) == ("faces", "Please try again")
    assert state.begin_vote("t1")
    state.facts = replace(state.facts, tap=tapped(tap_id="t2"))
    assert state.room().question == ENGLISH.rate_this


def test_the_gravest_thing_is_said_first(state: ScreenState) -> None:
    control = Control(mute=True, hush=True)
    said = []
    for facts in (
        Facts(links=Links(reader_away=True), control=control, names=("Heron",)),
        Facts(control=control),
        Facts(sound=playing(), control=control),
        Facts(sound=playing(), control=Control(hush=True)),
        Facts(sound=playing()),
    ):
        state.facts = facts
        said.append(state.room().notice)
    assert said == [
        ENGLISH.reader_away,
        ENGLISH.sound_starting,
        ENGLISH.sound_muted,
        ENGLISH.sound_hushed,
        "",
    ]


def test_nobody_is_invited_to_a_reader_that_is_away(state: ScreenState) -> None:
    state.facts = Facts(sound=playing(), links=Links(cloud=False, reader_away=True))
    view = state.room()
    assert (view.mode, view.headline, view.detail) == ("no_reader", ENGLISH.no_cards, ENGLISH.no_cards_detail)
    assert (view.notice, len(view.layers)) == ("", 3), "what plays is still said"


def test_nobody_is_sent_to_a_sign_that_is_not_there(state: ScreenState) -> None:
    state.facts = Facts(sound=playing(), links=Links(cloud=None, reader_away=True))
    view = state.room()
    assert (view.mode, view.headline) == ("no_way_in", ENGLISH.no_way_in)
    state.facts = Facts(sound=playing(), links=Links(cloud=None), tap=tapped("phone"))
    assert state.room().headline == ENGLISH.cards_only


@pytest.mark.parametrize(("why", "headline"), [("copy", ENGLISH.card_refused), ("disk", ENGLISH.tap_lost)])
def test_a_tap_that_was_turned_away_is_told_so_until_the_next_one(state: ScreenState, why: str, headline: str) -> None:
    state.facts = replace(state.facts, turned_away=TurnedAway(why, 999.0), tap=tapped("in", ago_s=3.0))
    assert (state.room().mode, state.room().headline) == ("refused", headline)
    state.facts = replace(state.facts, tap=tapped("in", ago_s=0.5))
    assert state.room().mode == "faces"
    state.facts = replace(state.facts, turned_away=TurnedAway(why, 990.0), tap=None)
    assert state.room().mode == "playing"


def test_a_muted_layer_and_one_below_hearing_are_not_listed(state: ScreenState) -> None:
    strips = [
        {"song_id": "a", "title": "A", "share": 0.5, "muted": True},
        {"song_id": "b", "title": "B", "share": 0.001},
        {"song_id": "c", "title": "♫", "share": 0.4},
    ]
    state.facts = replace(state.facts, sound=playing(strips=strips))
    assert [layer.title for layer in state.room().layers] == ["Untitled"]


def test_sixteen_strips_always(state: ScreenState) -> None:
    view = state.mixer()
    assert len(view.strips) == STRIPS
    assert [strip.title for strip in view.strips if strip] == [LAYERS[n][0] for n in range(3)]
    assert [strip.level for strip in view.strips if strip] == ["−2", "−4", "−9"]


def test_a_held_fader_shows_what_staff_want_at_once(state: ScreenState) -> None:
    held = Fader(SongId(song_id(1)), -20.0, True)
    state.facts = replace(state.facts, control=Control(faders=(held,)))
    strip = state.mixer().strips[1]
    assert strip is not None
    assert (strip.level, strip.held, strip.muted) == ("−20", True, True)
    assert state.mixer().any_held


def test_a_mute_alone_leaves_the_level_to_the_box(state: ScreenState) -> None:
    state.facts = replace(state.facts, control=Control(faders=(Fader(SongId(song_id(1)), None, True),)))
    strip = state.mixer().strips[1]
    assert strip is not None
    assert (strip.level, strip.held, strip.muted) == ("−4", True, True)


def test_a_player_that_stopped_shows_no_strips_and_dark_meters(state: ScreenState) -> None:
    state.facts = replace(state.facts, sound=playing(boot_s=996.9))
    assert state.mixer().strips == (None,) * STRIPS
    assert state.mixer().why == ENGLISH.sound_starting
    assert state.meters() == SILENT


def test_meters_follow_the_peaks(state: ScreenState) -> None:
    levels = state.meters()
    assert len(levels) == STRIPS + 1
    assert levels[0] > levels[1] > levels[2] > levels[3] == 0.0
    assert levels[-1] == pytest.approx(meter_height(0.5), abs=0.01)


def test_meters_do_not_change_the_rest_of_the_page(state: ScreenState) -> None:
    """Else ten times a second the whole page would be sent."""
    quiet = state.mixer()
    strips = [{"song_id": song_id(n), "title": LAYERS[n][0], "gain_db": LAYERS[n][2], "peak": 0.01,
               "why": LAYERS[n][5]} for n in range(3)]  # fmt: skip
    state.facts = replace(state.facts, sound=playing(strips=strips, engine={"peak": 0.9}))
    assert state.mixer() == quiet


@pytest.mark.parametrize(
    ("before", "muted", "after"),
    [
        ((), True, Fader(SongId("a"), None, True)),
        ((Fader(SongId("a"), None, True),), False, None),
        ((Fader(SongId("a"), -6.0, False),), True, Fader(SongId("a"), -6.0, True)),
        ((Fader(SongId("a"), -6.0, True),), False, Fader(SongId("a"), -6.0, False)),
    ],
)
def test_muting_keeps_a_held_level_and_unmuting_holds_nothing_new(
    before: tuple[Fader, ...], muted: bool, after: Fader | None
) -> None:
    assert muted_fader(Control(faders=before), "a", muted=muted) == after


def test_moving_a_muted_fader_leaves_it_muted() -> None:
    control = Control(faders=(Fader(SongId("a"), None, True), Fader(SongId("b"), -3.0)))
    assert moved_fader(control, "a", -10.0) == Fader(SongId("a"), -10.0, True)


def test_the_status_line_tells_staff_what_waits(state: ScreenState) -> None:
    state.facts = Facts(sound=playing(underruns=2), links=Links(cloud=False, pending=3))
    assert state.mixer().status == "Cloud away · 3 waiting · 2 dropouts"


@given(
    st.dictionaries(
        st.sampled_from(["boot_s", "audible", "why", "scene", "strips", "engine", "underruns", "master"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
            lambda deeper: (
                st.lists(deeper, max_size=3)
                | st.dictionaries(st.sampled_from(["song_id", "share", "peak", "gain_db", "title"]), deeper, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=6,
    )
)
def test_nothing_a_runtime_file_may_hold_breaks_a_screen(player: dict[str, Any]) -> None:
    state = ScreenState(ManualClock(), ENGLISH)
    state.facts = Facts(sound=sound_from(player), names=("Heron",), tap=tapped())
    assert state.room().headline
    assert len(state.mixer().strips) == STRIPS
    assert all(0 <= level <= 1 for level in state.meters())
