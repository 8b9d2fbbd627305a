"""The demo's pure parts: who comes and votes, what is told, what is counted, what is heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.demo import narrator
from appliance.demo.crowd import MIN_STAY_S, NEWCOMER_UID, Cue, Guest, guests, rate, script
from appliance.demo.facts import BoxFacts, balance, read_box, song_on_box
from appliance.demo.recording import RATE, Mono, find_song
from appliance.demo.report import v1_by_hand
from appliance.demo.stage import set_stage
from appliance.demo.watch import Watch
from appliance.errors import SetupError, TransientError
from appliance.model import SceneRow
from checkin import rules
from ml.crowd import Crowd
from ml.taste import v1_learn
from tests.factories import RAIN, SEA, Box, put_songs, settle_all, song_row, tap, uid

CROWD = [
    Guest(f"G{number}", uid(number), f"04{number:012x}", f"g{number}@x", "p", (RAIN, SEA)[number % 2])
    for number in range(8)
]
SEEDS = range(1, 21)


# The crowd


def tapped(cues: Sequence[Cue]) -> list[Cue]:
    return [cue for cue in cues if cue.deed == "tap"]


def stays_by_the_rules(cues: Sequence[Cue], uid_hex: str) -> list[tuple[float, float]]:
    """From when to when the rules have this card inside."""
    stays: list[tuple[float, float]] = []
    began_s: float | None = None
    for cue in tapped(cues):
        if cue.guest.uid_hex != uid_hex:
            continue
        decision = rules.decide(began_s, None if began_s is None else began_s + rules.STAY_S, now_s=cue.at_s)
        if decision.outcome == "in":
            began_s = cue.at_s
        elif decision.outcome == "out" and began_s is not None:
            stays.append((began_s, cue.at_s))
            began_s = None
    return stays if began_s is None else [*stays, (began_s, float("inf"))]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_minute_has_enough_taps_and_votes_and_nobody_votes_who_is_out(seed: int) -> None:
    cues = script(CROWD, seed, 60.0)
    votes = [cue for cue in cues if cue.deed != "tap"]
    assert len(tapped(cues)) >= 20
    assert len(votes) >= 10
    assert {cue.deed for cue in votes} == {"vote_phone", "vote_screen"}
    assert [cue.at_s for cue in cues] == sorted(cue.at_s for cue in cues)
    for vote in votes:
        inside = stays_by_the_rules(cues, vote.guest.uid_hex)
        assert any(began + 1 <= vote.at_s <= ended - 1 for began, ended in inside), vote


def test_the_same_seed_is_the_same_evening_and_another_is_not() -> None:
    assert script(CROWD, 3, 60.0) == script(CROWD, 3, 60.0) != script(CROWD, 4, 60.0)


def test_a_newcomer_comes_and_nobody_taps_too_soon() -> None:
    taps = tapped(script(CROWD, 1, 120.0))
    assert NEWCOMER_UID in {cue.guest.uid_hex for cue in taps}
    assert MIN_STAY_S > rules.MIN_STAY_S
    for guest in {cue.guest for cue in taps}:
        at = [cue.at_s for cue in taps if cue.guest == guest]
        assert all(later - earlier >= MIN_STAY_S - 0.01 for earlier, later in pairwise(at))


def test_a_guest_rates_what_they_love_high_and_the_rest_low() -> None:
    rain = Guest("R", uid(1), "04", "", "", RAIN)
    mood = np.random.default_rng(1)
    assert {rate(rain, RAIN, mood) for _ in range(50)} <= {4, 5}
    assert {rate(rain, SEA, mood) for _ in range(50)} <= {1, 2}
    assert {rate(rain, RAIN, mood, inverted=True) for _ in range(50)} <= {1, 2}
    assert all(1 <= rate(rain, (0.0,) * 5, mood) <= 5 for _ in range(50))


def test_the_crowd_loves_what_the_cloud_says_or_is_the_simulators() -> None:
    seeded = [
        {"name": f"G{n}", "profile_id": uid(n), "uid_hex": f"04{n:02x}", "email": "", "password": "", "loves": "rain"}
        for n in range(3)
    ]
    assert [guest.true_taste for guest in guests(seeded)] == [RAIN] * 3
    simulated = [listener.true_taste for listener in Crowd.of("aligned", size=3, seed=7).listeners]
    assert [guest.true_taste for guest in guests(seeded, "aligned", 7)] == simulated


# The narrator


def scene(tap: dict[str, Any] | None = None, here: int = 0, moves: Sequence[dict[str, Any]] = ()) -> SceneRow:
    return SceneRow(uid(1), "boot", 0, 0, (), 0, {"tap": tap, "here": here, "moves": list(moves)})


def move(title: str, direction: str, from_db: float | None, to_db: float | None) -> dict[str, Any]:
    return {"title": title, "direction": direction, "from_db": from_db, "to_db": to_db}


UP, DOWN = move("Waves", "up", -9.0, -4.0), move("Fire", "down", -4.0, -9.0)
COMES, GOES = move("Rain", "in", None, -3.0), move("Sea", "out", 0.0, None)
WHIFF = move("Wind", "up", -4.0, -3.9)


def heron(outcome: str = "in", new: bool = False) -> dict[str, Any]:
    return {"name": "Heron", "outcome": outcome, "new": new}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (scene(heron(), 3, [UP, DOWN]), "Heron is back → 3 here → Waves up, Fire down"),
        (scene(heron(new=True), 1, [WHIFF]), "Heron is new here: welcome → 1 here"),
        (scene(heron("out"), 0, [DOWN]), "Heron leaves → nobody here → Fire down"),
        (scene(heron("stay"), 2, [UP]), "Heron stays → 2 here → Waves up"),
        (scene(None, 0, [COMES, GOES]), "nobody here → Rain comes in, Sea goes"),
        (scene(None, 2, [WHIFF]), None),
        (scene(heron(), 3, []), None),
        (SceneRow(uid(1), "boot", 0, 0, ()), None),
    ],
)  # fmt: skip
def test_what_is_told(told: SceneRow, line: str | None) -> None:
    assert narrator.tell(told) == line


# The balance of facts


def test_every_fact_is_in_the_cloud_or_pending() -> None:
    box = BoxFacts({"taps": frozenset("ab"), "votes": frozenset("c"), "plays": frozenset("de")}, frozenset("ce"))
    even = balance(box, ops_in_cloud=set("abd") | {"unknown"}, phone_votes={"p"}, votes_in_cloud={"p", "q"})
    assert (even.taps, even.votes, even.plays) == (2, 2, 2)
    assert (even.acknowledged, even.in_cloud, even.pending, even.even) == (6, 4, 2, True)


def test_what_is_pushed_between_two_looks_counts_once() -> None:
    box = BoxFacts({"taps": frozenset("a"), "votes": frozenset(), "plays": frozenset()}, frozenset("a"))
    assert balance(box, {"a"}, set(), set()).pending == 0
    assert balance(box, {"a"}, set(), set()).even


def test_a_lost_fact_is_seen() -> None:
    box = BoxFacts({"taps": frozenset("ab"), "votes": frozenset(), "plays": frozenset()}, frozenset())
    assert not balance(box, {"a"}, set(), set()).even
    assert not balance(box, {"a", "b"}, {"phone"}, set()).even


@settings(max_examples=40)
@given(st.frozensets(st.sampled_from("abcdef")), st.frozensets(st.sampled_from("abcdef")), st.data())
def test_it_is_even_exactly_when_nothing_is_lost(
    made: frozenset[str], pending: frozenset[str], data: st.DataObject
) -> None:
    cloud = data.draw(st.frozensets(st.sampled_from("abcdef")))
    counted = balance(
        BoxFacts({"taps": made, "votes": frozenset(), "plays": frozenset()}, pending), cloud, set(), set()
    )
    assert counted.even is (made <= cloud | pending)


def test_the_box_is_read_from_outside(box: Box) -> None:
    store = box.store()
    tap(store)
    store.people.record_vote(store.people.present()[0].listener.id, uid(1), 5, RAIN)
    store.scenes.begin_play(uid(1), 10.0)
    facts = read_box(box.folder / "data")
    assert {name: len(ops) for name, ops in facts.ops.items()} == {"taps": 1, "votes": 1, "plays": 1}
    assert facts.acknowledged < facts.pending, "the enrolment is pending too"
    settle_all(store)
    assert read_box(box.folder / "data").pending == frozenset()


def test_a_song_the_box_has_not_heard_of_may_come_yet(box: Box) -> None:
    store = box.store()
    with pytest.raises(TransientError):
        song_on_box(box.folder / "data", uid(1))
    put_songs(store, song_row(1, title="Rain"), song_row(2, embedding=None))
    assert (song_on_box(box.folder / "data", uid(1)).title, song_on_box(box.folder / "data", uid(2)).embedding) == (
        "Rain",
        (0.0,) * 5,
    )


def test_high_water_marks_stay() -> None:
    watch = Watch()
    for rms, underruns, pending in [(0.1, 0, 5), (0.0, 2, 0), (0.2, 1, 3)]:
        watch.see({"strips": [{"rms": rms}, None, {"rms": 0.1}], "underruns": underruns}, pending)
    assert (watch.layers_max, watch.underruns, watch.pending_max) == (2, 2, 5)
    assert not watch.always_even, "nothing was ever counted"
    watch.see_drained(3, 1.0)
    watch.see_drained(0, 2.0)
    watch.see_drained(0, 3.0)
    assert watch.drained_at_s == 2.0


# Is that song in the recording?


def noise(seed: int, seconds: float) -> Mono:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE), np.float32) * np.float32(0.1)


def test_a_song_hidden_twenty_db_under_others_is_found_where_it_is() -> None:
    song, recording = noise(1, 9.2), noise(2, 13.0)
    recording[2 * RATE : 2 * RATE + len(song)] += song * np.float32(0.1)
    heard = find_song(recording, song)
    assert heard.certain
    assert heard.at_s == pytest.approx(2.0, abs=0.01)


def test_a_song_that_is_not_there_is_not_found() -> None:
    assert not find_song(noise(2, 13.0), noise(1, 9.2)).certain


def test_too_little_to_judge_by_is_not_found() -> None:
    assert not find_song(noise(1, 1.0), noise(1, 1.0)).certain
    assert not find_song(noise(1, 9.0), noise(1, 2.0)).certain


# The rule written by hand


vectors = st.tuples(*[st.floats(-1, 1)] * 5)


@settings(max_examples=60)
@given(vectors, vectors, st.integers(1, 5))
def test_the_rule_by_hand_is_the_products_own(before: tuple[float, ...], song: tuple[float, ...], value: int) -> None:
    if all(np.linalg.norm(vector) in (0.0,) or np.linalg.norm(vector) > 1e-6 for vector in (before, song)):
        assert v1_by_hand(before, song, value) == pytest.approx(v1_learn(before, song, value), abs=1e-9)


def test_the_rule_by_hand_at_its_corners() -> None:
    zero = (0.0,) * 5
    assert v1_by_hand(zero, SEA, 5) == pytest.approx(SEA)
    assert v1_by_hand(zero, SEA, 1) == pytest.approx(zero)
    assert v1_by_hand(RAIN, SEA, 3) == pytest.approx(RAIN)


# The stage


@pytest.fixture
def shallow() -> Iterator[Path]:
    """A folder whose sockets' paths stay short whatever pytest calls its own."""
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        yield Path(folder)


def test_a_stage_taken_up_again_keeps_its_cards(shallow: Path) -> None:
    first, again = set_stage(shallow / "demo"), set_stage(shallow / "demo")
    assert first.pepper == again.pepper
    assert first.cloud_port != first.ui_port
    assert (shallow / "demo" / "pepper").stat().st_mode & 0o777 == 0o600


def test_a_stage_too_deep_or_not_writable_is_refused_in_a_line(shallow: Path) -> None:
    with pytest.raises(SetupError, match="nearer to the root"):
        set_stage(shallow / ("x" * 100))
    (shallow / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        set_stage(shallow / "file")
