from __future__ import annotations

import numpy as np
import pytest

from ml.collective import Present
from ml.taste import Taste, learn
from ml.unmet import UNMET_MEMORY_S, UnmetMemory, unmet_after

RAIN, WAVES, THUNDER, WIND, FIRE = np.eye(5)
SONGS = np.vstack([np.eye(5), np.zeros(5)])
RAIN_ALONE = [1, 0, 0, 0, 0, 0]


def fan(of: np.ndarray) -> Taste:
    taste = Taste.newcomer()
    for _ in range(6):
        for tag in np.eye(5):
            taste = learn(taste, tag, 5 if np.array_equal(tag, of) else 1)
    return taste


BOTH = (Present("rain", fan(RAIN)), Present("fire", fan(FIRE)))


def test_it_grows_for_those_who_do_not_get_theirs() -> None:
    after = unmet_after(BOTH, SONGS, RAIN_ALONE, elapsed_s=600)
    assert after["fire"] > 0 > after["rain"]


def test_it_fades_and_stays_bounded() -> None:
    now = list(BOTH)
    for _ in range(200):
        after = unmet_after(now, SONGS, RAIN_ALONE, elapsed_s=600)
        now = [Present(p.profile_id, p.taste, unmet=after[p.profile_id]) for p in now]
    assert abs(now[1].unmet) < 1
    quiet = unmet_after(now, SONGS, [1, 1, 1, 1, 1, 1], elapsed_s=36_000)
    assert abs(quiet["fire"]) < 0.01


def test_silence_and_time_going_backwards_change_nothing() -> None:
    now = [Present("a", fan(RAIN), unmet=0.1)]
    assert unmet_after(now, SONGS, [0] * 6, elapsed_s=600) == {"a": 0.1}
    assert unmet_after(now, SONGS, RAIN_ALONE, elapsed_s=-600) == {"a": 0.1}
    assert unmet_after(now, [], [], elapsed_s=600) == {"a": 0.1}
    assert unmet_after([], SONGS, RAIN_ALONE, elapsed_s=600) == {}


def test_neutral_songs_count_neither_as_heard_nor_as_missed() -> None:
    alone = unmet_after(BOTH, SONGS[:5], [1, 0, 0, 0, 0], elapsed_s=600)
    beside_music = unmet_after(BOTH, SONGS, [1, 0, 0, 0, 0, 3], elapsed_s=600)
    assert beside_music == pytest.approx(alone)
    assert unmet_after(BOTH, SONGS, [0, 0, 0, 0, 0, 1], elapsed_s=600) == {"rain": 0.0, "fire": 0.0}


class TestMemory:
    def hear(self, memory: UnmetMemory, people: tuple[Present, ...], *times: float) -> None:
        for now_s in times:
            here = [Present(one.profile_id, one.taste, unmet=memory.of(one.profile_id)) for one in people]
            memory.hear(here, SONGS, RAIN_ALONE, now_s)

    def test_looking_often_is_as_looking_seldom(self) -> None:
        seldom, often = UnmetMemory(longest_s=600), UnmetMemory(longest_s=600)
        self.hear(seldom, BOTH, 0, 600)
        self.hear(often, BOTH, *range(0, 601, 5))
        assert often.of("fire") == pytest.approx(seldom.of("fire"))
        assert seldom.of("fire") > 0.01

    def test_the_first_look_and_a_clock_that_went_back_say_nothing(self) -> None:
        memory = UnmetMemory()
        self.hear(memory, BOTH, 1000)
        assert memory.of("fire") == 0
        self.hear(memory, BOTH, 400)
        assert memory.of("fire") == 0
        self.hear(memory, BOTH, 410)
        assert memory.of("fire") > 0

    def test_a_long_pause_counts_as_a_short_one(self) -> None:
        paused, steady = UnmetMemory(longest_s=30), UnmetMemory(longest_s=30)
        self.hear(paused, BOTH, 0, 50_000)
        self.hear(steady, BOTH, 0, 30)
        assert paused.of("fire") == steady.of("fire")

    def test_who_is_back_within_the_hour_finds_theirs_and_after_it_begins_anew(self) -> None:
        memory = UnmetMemory()
        self.hear(memory, BOTH, *range(0, 601, 30))
        unmet = memory.of("fire")
        self.hear(memory, BOTH[:1], 630, 600 + UNMET_MEMORY_S)
        assert memory.of("fire") == unmet > 0
        self.hear(memory, BOTH[:1], 601 + UNMET_MEMORY_S)
        assert memory.of("fire") == 0

    def test_what_is_recalled_goes_on(self) -> None:
        memory = UnmetMemory()
        memory.recall([Present("fire", fan(FIRE), unmet=0.2)], 100.0)
        assert memory.of("fire") == 0.2
        self.hear(memory, BOTH, 110, 120)
        assert 0.19 < memory.of("fire") < 0.2
