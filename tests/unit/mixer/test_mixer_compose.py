from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from composing import LIMITS, Room, bed, beds, change, energy, exchanges, gain_of, names, song, strips, tune
from hypothesis import given, settings
from hypothesis import strategies as st

from mixer.compose import compose
from mixer.roster import Candidate, Limits
from mixer.scene import STRIPS

some_candidates = st.lists(
    st.builds(
        song,
        st.sampled_from([f"s{number}" for number in range(24)]),
        st.sampled_from(["soundscape", "instrumental"]),
        st.floats(0, 1),
        duration_s=st.floats(1, 900),
        place=st.none() | st.integers(1, 16),
        pinned=st.booleans(),
        banned=st.sampled_from([False, False, False, True]),
        fader_db=st.none() | st.floats(-40, 6),
        muted=st.booleans(),
        solo=st.booleans(),
        called=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda candidate: candidate.song_id,
)
some_limits = st.builds(
    Limits,
    beds=st.integers(1, 12),
    instrumentals=st.integers(0, 4),
    fade_s=st.sampled_from([0.05, 6.0, 60.0, 600.0]),
    changes_per_minute=st.integers(1, 30),
)
some_history = st.lists(st.tuples(some_candidates, st.sampled_from([1, 30, 700, 2500])), min_size=1, max_size=3)


@settings(max_examples=50)
@given(some_history, some_limits)
def test_whatever_happens_the_scene_is_one_an_engine_takes(
    history: list[tuple[list[Candidate], float]], limits: Limits
) -> None:
    room = Room([], limits)
    for candidates, later_s in history:
        room.candidates, room.now_s = candidates, room.now_s + later_s
        before, scene = room.memory, room.look()
        assert len(scene.layers) <= STRIPS
        assert len(names(scene, "soundscape")) <= limits.beds
        assert not names(scene) & {one.song_id for one in candidates if one.banned}
        assert (scene, room.memory) == compose(candidates, before, limits, room.now_s)
        kinds = {one.song_id: one.kind for one in candidates}
        going_on = [seat for seat in before.sounding if seat.ends_s() > room.now_s]
        seats = {seat.song_id: seat.strip for seat in going_on if kinds.get(seat.song_id) == seat.kind}
        assert all(strips(scene)[stays] == seats[stays] for stays in seats.keys() & names(scene))


@settings(max_examples=30)
@given(some_history, some_limits)
def test_a_held_fader_is_kept_exactly(history: list[tuple[list[Candidate], float]], limits: Limits) -> None:
    room = Room([], limits)
    for candidates, later_s in history:
        room.candidates, room.now_s = candidates, room.now_s + later_s
        held = {one.song_id: one.fader_db for one in candidates if one.fader_db is not None}
        for layer in room.look().layers:
            assert layer.held is (layer.song_id in held)
            assert layer.gain_db == held.get(layer.song_id, layer.gain_db)


@settings(max_examples=50)
@given(some_candidates, some_limits)
def test_nothing_held_adds_up_to_one_layer_at_target_loudness(candidates: list[Candidate], limits: Limits) -> None:
    scene = Room([replace(one, fader_db=None) for one in candidates], limits).look()
    if scene.layers:
        assert 10 * math.log10(energy(scene)) == pytest.approx(0, abs=0.01)


def test_the_order_in_which_songs_are_named_does_not_matter() -> None:
    songs = [*beds(9), tune("one"), tune("two")]
    assert Room(songs).look() == Room(songs[::-1]).look()


def test_music_and_beds_share_the_energy_evenly() -> None:
    scene = Room([*beds(4), tune("song")]).look()
    assert gain_of(scene, "song") == pytest.approx(-3.01, abs=0.01)


def test_what_is_liked_less_is_quieter_down_to_the_floor() -> None:
    scene = Room([bed("loved", 0.9), bed("liked", 0.6), bed("loathed", 0.0)]).look()
    assert gain_of(scene, "loved") - gain_of(scene, "liked") == pytest.approx(9.0, abs=0.02)
    assert gain_of(scene, "loved") - gain_of(scene, "loathed") == pytest.approx(18.0, abs=0.02)


def test_gains_follow_the_liking_at_once_and_ignore_a_whiff() -> None:
    room = Room([bed("rain", 0.5), bed("fire", 0.5)])
    was = gain_of(room.look(), "rain")
    room.candidates = [bed("rain", 0.505), bed("fire", 0.5)]
    assert gain_of(room.pass_time(1), "rain") == was
    room.candidates = [bed("rain", 0.9), bed("fire", 0.5)]
    assert gain_of(room.pass_time(1), "rain") > was + 1


def test_a_new_layer_fades_in_and_a_known_one_moves_faster() -> None:
    room = Room(beds(2))
    assert {layer.fade_s for layer in room.look().layers} == {LIMITS.fade_s}
    assert {layer.fade_s for layer in room.pass_time(1).layers} == {LIMITS.gain_fade_s}


def test_empty_places_are_filled_at_once() -> None:
    room = Room(beds(1), Limits(beds=12, changes_per_minute=1))
    room.look()
    room.candidates = beds(12)
    assert len(room.pass_time(1).layers) == 12


def test_filling_costs_nothing_of_the_budget() -> None:
    room = Room(beds(1), Limits(beds=4, changes_per_minute=2, minimum_stay_s=5.0))
    room.look()
    room.candidates = beds(4)
    room.pass_time(10)
    room.candidates = [*beds(4), *[bed(f"new{number}", 0.6, place=0) for number in range(4)]]
    before = room.scene
    assert exchanges(before, room.pass_time(1)) == 2


@settings(max_examples=50)
@given(st.lists(st.permutations(range(12)), min_size=4, max_size=8), st.integers(1, 6))
def test_no_minute_sees_more_exchanges_than_the_room_bears(orders: list[Sequence[int]], rate: int) -> None:
    room = Room([], Limits(beds=5, changes_per_minute=rate, minimum_stay_s=0.0))
    made: list[tuple[float, int]] = []
    for order in orders:
        room.candidates = [bed(f"bed{number}", place=place + 1) for place, number in enumerate(order)]
        for _ in range(4):
            before = room.scene
            room.pass_time(5, every_s=5)
            made.append((room.now_s, exchanges(before, room.scene) if before.layers else 0))
    for at_s, _ in made:
        assert sum(count for when, count in made if at_s <= when < at_s + 60) <= rate


def test_what_is_new_gets_the_last_place_and_no_better_one() -> None:
    room = Room(beds(4))
    room.look()
    room.candidates = [*beds(4), bed("fresh", place=9, new=True)]
    assert names(room.pass_time(LIMITS.minimum_stay_s + 1)) == {"bed0", "bed1", "bed2", "fresh"}
    assert names(room.pass_time(120)) == {"bed0", "bed1", "bed2", "fresh"}


def test_a_layer_stays_a_while_even_when_the_queue_changes_its_mind() -> None:
    room = Room(beds(4))
    before = names(room.look())
    room.candidates = [*[bed(f"new{number}", 0.6, place=number + 1) for number in range(4)], *beds(4)]
    assert names(room.pass_time(LIMITS.minimum_stay_s - 1)) == before
    assert names(room.pass_time(2)) != before


def test_by_the_queues_order_alone_nobody_is_pushed_out_for_five_minutes() -> None:
    """The queue counts against a song that it sounds: of two liked alike it wants the other one, always."""
    room = Room([*beds(4), bed("alike", 0.54, place=5)])
    sounding = names(room.look())
    room.candidates = change(room.candidates, "alike", place=0)
    assert all(names(scene) == sounding for scene in room.live(LIMITS.queue_stay_s - 1))
    assert "alike" in names(room.pass_time(2))


@pytest.mark.parametrize("better", [{"liking": 0.55}, {"placed": True}, {"new": True}], ids=repr)
def test_who_is_liked_better_or_wanted_by_staff_or_new_comes_after_the_minimum_stay(better: dict[str, object]) -> None:
    room = Room([*beds(4), bed("wanted", place=5)])
    room.look()
    room.candidates = change(room.candidates, "wanted", place=1, **better)
    assert "wanted" not in names(room.pass_time(LIMITS.minimum_stay_s - 1))
    assert "wanted" in names(room.pass_time(2))


@pytest.mark.parametrize("waiting", [1, 3, 12])
def test_in_a_steady_room_a_layer_is_rotated_every_twenty_minutes(waiting: int) -> None:
    room = Room(beds(4 + waiting))
    before, changed_s = room.look(), [room.now_s]
    for scene in room.live(3 * 3600, every_s=10):
        if exchanges(before, scene):
            changed_s.append(room.now_s)
        before = scene
    assert max(later - earlier for earlier, later in pairwise(changed_s)) <= LIMITS.rotate_s + 10


def test_what_the_queue_ranks_lower_never_pushes_out_what_it_ranks_higher() -> None:
    room = Room([*beds(4), bed("last", place=9), bed("unqueued", 1.0)])
    room.look()
    assert names(room.pass_time(LIMITS.rotate_s - 10, every_s=5)) == names(Room(beds(4)).look())


def test_after_twenty_minutes_another_gets_its_turn_and_keeps_it() -> None:
    room = Room([*beds(4), bed("other", place=5)])
    room.look()
    assert "other" in names(room.pass_time(LIMITS.rotate_s + 1))
    for scene in room.live(LIMITS.turn_rest_s - 10, every_s=5):
        assert "other" in names(scene), "whoever had its turn came back at once"


def test_a_turn_goes_to_whoever_of_the_queued_sounded_longest_ago() -> None:
    room = Room([*beds(12), bed("unqueued", 1.0)])
    room.look()
    seen = Counter(name for scene in room.live(3 * 3600, every_s=30) for name in names(scene))
    assert set(seen) == {one.song_id for one in beds(12)}, "everybody who is queued, not the best two again and again"


@pytest.mark.parametrize("called", [True, False])
def test_who_is_called_for_comes_though_it_just_had_its_turn(called: bool) -> None:
    room = Room([*beds(4), bed("other", place=5)])
    room.look()
    (gone,) = names(room.scene) - names(room.pass_time(LIMITS.rotate_s + 1))
    room.candidates = change(room.candidates, gone, place=0, placed=True, called=called)
    assert (gone in names(room.pass_time(LIMITS.minimum_stay_s + 1))) == called


def test_what_had_its_turn_may_fill_an_empty_place() -> None:
    room = Room([*beds(4), bed("other", place=5)])
    room.look()
    room.pass_time(LIMITS.rotate_s + 1)
    room.candidates = change(room.candidates, "other", banned=True)
    assert names(room.pass_time(1)) == {"bed0", "bed1", "bed2", "bed3"}


def test_nobody_stays_longer_than_the_maximum_while_another_waits() -> None:
    limits = replace(LIMITS, rotate_s=math.inf, maximum_stay_s=600.0)
    room = Room([*beds(4), bed("other", place=5)], limits)
    room.look()
    room.pass_time(599)
    assert "other" not in names(room.scene)
    room.pass_time(2)
    assert "other" in names(room.scene)
    room.candidates = change(beds(4), "bed3", banned=True)
    assert len(room.pass_time(3600, every_s=10).layers) == 3, "with nobody waiting they stay"


def test_a_ban_takes_effect_at_once_and_its_place_is_filled() -> None:
    room = Room([*beds(5), tune("song"), tune("next")])
    room.look()
    playing = next(iter(names(room.scene, "instrumental")))
    room.candidates = change(change(room.candidates, "bed0", banned=True), playing, banned=True)
    assert names(room.pass_time(1)) == {"bed1", "bed2", "bed3", "bed4", *({"song", "next"} - {playing})}


def test_pins_come_in_at_once_and_stay() -> None:
    room = Room(beds(9), replace(LIMITS, changes_per_minute=1))
    room.look()
    room.candidates = change(change(beds(9), "bed7", pinned=True), "bed8", pinned=True)
    scene = room.pass_time(0.1, every_s=0.1)
    assert names(scene) == {"bed0", "bed1", "bed7", "bed8"}, "the lowest of the others made room"
    assert {"bed7", "bed8"} <= names(room.pass_time(2 * LIMITS.maximum_stay_s, every_s=20))


def test_a_pin_spares_the_layer_that_staff_holds() -> None:
    room = Room(change(beds(5), "bed3", fader_db=-3.0))
    room.look()
    room.candidates = change(room.candidates, "bed4", pinned=True)
    assert names(room.pass_time(1)) == {"bed0", "bed1", "bed3", "bed4"}


def test_more_pins_than_places_leave_no_one_out_of_breath() -> None:
    scene = Room(beds(6, pinned=True)).look()
    assert names(scene) == {"bed0", "bed1", "bed2", "bed3"}


def test_a_pinned_layer_says_so_before_all_else() -> None:
    room = Room([bed("rain", pinned=True, fader_db=-6.0)])
    assert [reason.kind for reason in room.look().layers[0].reasons] == ["pin", "staff"]


def test_a_held_layer_is_not_exchanged_from_the_moment_it_is_held() -> None:
    room = Room([*beds(4), bed("other", place=9)], replace(LIMITS, maximum_stay_s=600.0))
    room.look()
    room.pass_time(599)
    room.candidates = [replace(one, fader_db=-9.0) if one.place != 9 else one for one in room.candidates]
    assert all(names(scene) == {"bed0", "bed1", "bed2", "bed3"} for scene in room.live(60))


def test_a_song_that_becomes_another_kind_begins_anew() -> None:
    room = Room([bed("a"), bed("b")])
    room.look()
    room.candidates = [tune("a"), bed("b")]
    scene = room.pass_time(1)
    assert (names(scene, "instrumental"), names(scene, "soundscape")) == ({"a"}, {"b"})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_give_a_scene_an_engine_takes(value: float) -> None:
    odd = [bed("liking", value), bed("fader", fader_db=value), tune("tune", value, duration_s=value)]
    scene = Room([*beds(2), *odd]).look()
    assert names(scene) == {"bed0", "bed1", "liking", "fader", "tune"}
    assert not any(layer.held for layer in scene.layers)


def test_seventeen_songs_are_no_more_than_sixteen_layers() -> None:
    assert len(Room(beds(17), Limits(beds=17)).look().layers) <= STRIPS


def test_what_is_held_far_below_the_others_says_so() -> None:
    room = Room([bed("loved", 0.9), bed("liked", 0.65), bed("loathed", 0.1), tune("piece", 0.5)])
    kinds = {layer.title: [reason.kind for reason in layer.reasons] for layer in room.look().layers}
    assert kinds == {"loved": [], "liked": [], "loathed": ["soft"], "piece": []}
    room.candidates = change(room.candidates, "loathed", fader_db=0.0)
    kinds = {layer.title: [reason.kind for reason in layer.reasons] for layer in room.pass_time(1).layers}
    assert kinds["loathed"] == ["staff"]


def test_a_room_without_songs_is_an_empty_scene() -> None:
    assert Room([]).look().layers == ()


def queue_of_nine(number: int) -> int | None:
    return number + 1


@pytest.mark.parametrize("place", [queue_of_nine, lambda _: None], ids=["queued", "unqueued"])
def test_a_day_of_eight_hours(place: Callable[[int], int | None]) -> None:
    """Nine beds, four instrumentals, everything liked equally."""
    songs = [bed(f"bed{number}", place=place(number)) for number in range(9)]
    songs += [tune(f"tune{number}", place=place(number), duration_s=180 + 20 * number) for number in range(4)]
    room = Room(songs, Limits())
    heard: Counter[str] = Counter()
    for scene in room.live(8 * 3600, every_s=15):
        assert len(names(scene, "soundscape")) == Limits().beds
        assert 1 <= len(names(scene, "instrumental")) <= 2
        assert abs(10 * math.log10(energy(scene))) <= Limits().least_move_db
        heard.update(names(scene))
    assert set(heard) == {one.song_id for one in songs}
    bed_time = {name: count for name, count in heard.items() if name.startswith("bed")}
    assert max(bed_time.values()) <= 0.25 * sum(bed_time.values())
    assert min(bed_time.values()) >= 0.02 * sum(bed_time.values())
