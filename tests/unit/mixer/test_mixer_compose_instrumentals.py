"""Instrumentals: each to its end, the next across it, none again too soon."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from composing import LIMITS, Room, beds, change, names, starts_of, strips, tune

from mixer.roster import Limits
from mixer.scene import STRIPS


def test_the_next_instrumental_begins_one_fade_before_the_end() -> None:
    room = Room([*beds(4), tune("first", place=1, duration_s=100), tune("second", place=2, duration_s=100)])
    room.look()
    fade_s = LIMITS.fade_s
    assert names(room.pass_time(100 - fade_s - 1), "instrumental") == {"first"}
    assert names(room.pass_time(1), "instrumental") == {"first", "second"}
    assert names(room.pass_time(fade_s), "instrumental") == {"second"}


def test_where_all_strips_are_taken_the_next_instrumental_crosses_in_the_place_of_the_last() -> None:
    tunes = [tune(f"tune{number}", place=number, duration_s=100.0 + number) for number in range(9)]
    room = Room([*beds(12), *tunes], Limits(beds=12, instrumentals=4))
    before = room.look()
    for scene in room.live(600):
        assert len(scene.layers) == STRIPS, "no instrumental is missing, at any time"
        came = names(scene, "instrumental") - names(before, "instrumental")
        left = names(before, "instrumental") - names(scene, "instrumental")
        assert {strips(scene)[name] for name in came} == {strips(before)[name] for name in left}
        before = scene


@pytest.mark.parametrize("duration_s", [0.0, 0.05, -1.0, math.nan])
def test_an_instrumental_shorter_than_a_slab_does_not_turn_the_mix_over(duration_s: float) -> None:
    room = Room([*beds(4), tune("ding", duration_s=duration_s), tune("dong", duration_s=duration_s)])
    assert len(starts_of(room, 600)) <= 600 / (LIMITS.minimum_stay_s - LIMITS.fade_s) + 1


def test_a_fade_longer_than_the_song_does_not_pile_songs_up() -> None:
    tunes = [tune(f"tune{number}", duration_s=60) for number in range(10)]
    room = Room(tunes, replace(LIMITS, fade_s=600.0))
    room.look()
    assert max(len(scene.layers) for scene in room.live(600)) == 2


def test_an_instrumental_rests_while_others_are_ready() -> None:
    tunes = [tune(f"tune{number:02}", place=number + 1, duration_s=200) for number in range(30)]
    room = Room(tunes)
    began = starts_of(room, 6 * 3600)
    for name in {name for name, _ in began}:
        at = [at_s for who, at_s in began if who == name]
        assert all(later - earlier >= LIMITS.instrumental_rest_s for earlier, later in pairwise(at))


def test_an_instrumental_that_is_called_for_comes_next_though_it_has_not_rested() -> None:
    room = Room([tune(name, duration_s=200) for name in "abcd"])
    room.look()
    assert names(room.pass_time(250)) == {"b"}
    room.candidates = change(room.candidates, "a", called=True, place=1)
    assert names(room.pass_time(200)) == {"a"}


def test_with_few_instrumentals_the_longest_rested_comes_next() -> None:
    room = Room([tune(name, duration_s=200) for name in "abcd"])
    order = [name for name, _ in starts_of(room, 3600)]
    assert order[:12] == ["a", "b", "c", "d"] * 3


def test_the_only_instrumental_begins_again_on_another_strip() -> None:
    """On the strip where its file ran out an engine would not start it again."""
    room = Room([tune("only", duration_s=60)])
    first = room.look().layers[0].strip
    assert room.pass_time(59).layers[0].strip == first
    again = room.pass_time(1).layers[0]
    assert again.strip != first
    assert again.fade_s == LIMITS.fade_s
    assert room.memory.sounding[0].since_s == room.now_s
