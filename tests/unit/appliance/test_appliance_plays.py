from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import StoreBusy
from appliance.plays import PLAY_AFTER_S, REOPEN_BED_S, Plays


@dataclass
class Log:
    """Plays as (song, began at, seconds), in memory; `busy` refuses."""

    now_s: float = 0.0
    busy: bool = False
    began: dict[str, tuple[str, float]] = field(default_factory=dict)
    ended: list[tuple[str, float, float]] = field(default_factory=list)

    def note_play(self, song_id: str, audible_s: float) -> str:
        self._refuse_if_busy()
        play_id = f"{song_id}@{self.now_s}"
        self.began[play_id] = (song_id, self.now_s - audible_s)
        return play_id

    def note_play_end(self, play_id: str, seconds: float) -> None:
        self._refuse_if_busy()
        self.ended.append((*self.began.pop(play_id), seconds))

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise StoreBusy("held by another process")


def hear(plays: Plays, log: Log, now_s: float, *songs: str) -> None:
    log.now_s = now_s
    plays.hear(set(songs), now_s)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def plays(log: Log) -> Plays:
    return Plays(log)


def test_ten_seconds_make_a_play_and_less_does_not(plays: Plays, log: Log) -> None:
    hear(plays, log, 0, "rain", "fire")
    hear(plays, log, PLAY_AFTER_S - 0.1, "rain", "fire")
    hear(plays, log, PLAY_AFTER_S, "rain")
    assert list(log.began.values()) == [("rain", 0.0)]
    hear(plays, log, 60)
    assert log.ended == [("rain", 0.0, 60.0)]


def test_a_song_that_falls_silent_begins_anew(plays: Plays, log: Log) -> None:
    hear(plays, log, 0, "rain")
    hear(plays, log, 9)
    hear(plays, log, 9.5, "rain")
    hear(plays, log, 15, "rain")
    assert log.began == {}


def test_a_bed_opens_again_every_hour_without_a_gap(plays: Plays, log: Log) -> None:
    for now_s in range(int(2.5 * REOPEN_BED_S) + 1):
        hear(plays, log, now_s, "rain")
    plays.close(2.5 * REOPEN_BED_S)
    assert [(began, seconds) for _, began, seconds in log.ended] == [(0, 3600), (3600, 3600), (7200, 1800)]


def test_a_stop_closes_what_is_open(plays: Plays, log: Log) -> None:
    hear(plays, log, 0, "rain", "short")
    hear(plays, log, 12, "rain")
    plays.close(20)
    plays.close(30)
    assert log.ended == [("rain", 0.0, 20.0)]


def test_a_busy_store_loses_no_beginning(plays: Plays, log: Log) -> None:
    hear(plays, log, 0, "rain")
    log.busy = True
    with pytest.raises(StoreBusy):
        hear(plays, log, 10, "rain")
    log.busy = False
    hear(plays, log, 11, "rain")
    assert list(log.began.values()) == [("rain", 0.0)]


def test_a_busy_store_loses_no_end(plays: Plays, log: Log) -> None:
    hear(plays, log, 0, "rain")
    hear(plays, log, 10, "rain")
    log.busy = True
    with pytest.raises(StoreBusy):
        hear(plays, log, 30)
    log.busy = False
    hear(plays, log, 31)
    assert [song for song, _, _ in log.ended] == ["rain"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0.1, 4000), st.sets(st.sampled_from("abc"))), max_size=30))
def test_every_play_is_ended_once_and_lasts_ten_seconds_or_more(steps: list[tuple[float, set[str]]]) -> None:
    log, now_s = Log(), 0.0
    plays = Plays(log)
    for later_s, audible in steps:
        now_s += later_s
        hear(plays, log, now_s, *audible)
    plays.close(now_s)
    assert not log.began
    assert all(seconds >= PLAY_AFTER_S for _, _, seconds in log.ended)
    assert sum(seconds for song, _, seconds in log.ended if song == "a") <= now_s + 1e-6
