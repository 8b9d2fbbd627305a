from __future__ import annotations

from math import exp, inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.catalogue import BLOCK
from ml.recommend import Catalogue, QueueRule, Ranked, queue_for_room, recommend_with_penalty
from ml.tags import VectorError

RAIN, WAVES, THUNDER, WIND, FIRE = np.eye(5).tolist()
NEUTRAL = [0.0] * 5
BED, PIECE = "soundscape", "instrumental"


def catalogue(*rows: tuple[str, str, list[float] | None]) -> Catalogue:
    return Catalogue.from_rows(rows)


def ids(ranked: list[Ranked]) -> list[str]:
    return [song.song_id for song in ranked]


def brute_force(
    rows: list[tuple[str, str, list[float]]], wanted: list[float], limit: int, hours: dict[str, float]
) -> list[tuple[str, float]]:
    """The rule as it is written, one song at a time."""
    scored = []
    for song_id, _, vector in rows:
        lengths = float(np.linalg.norm(vector) * np.linalg.norm(wanted))
        distance = 1 - float(np.dot(vector, wanted)) / lengths if lengths > 0 else 1.0
        penalty = 0.05 * exp(-hours[song_id] / 6) if song_id in hours else 0.0
        scored.append((round(distance + penalty, 12), song_id))
    return [(song_id, score) for score, song_id in sorted(scored)[:limit]]


coarse = st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, -0.5]), min_size=5, max_size=5)
songs = st.dictionaries(st.text("abcdef0123456789-", min_size=1, max_size=6), coarse, min_size=1, max_size=30)


@given(songs, coarse, st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_exactly_the_rule(
    library: dict[str, list[float]], wanted: list[float], limit: int, data: st.DataObject
) -> None:
    rows = [(song_id, BED, vector) for song_id, vector in library.items()]
    hours = data.draw(st.dictionaries(st.sampled_from(list(library)), st.floats(0, 200), max_size=8))
    found = recommend_with_penalty(catalogue(*rows), wanted, limit=limit, hours_since_play=hours)
    expected = brute_force(rows, wanted, limit, hours)
    assert ids(found) == [song_id for song_id, _ in expected]
    assert [song.score for song in found] == pytest.approx([score for _, score in expected], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_block_pruning_loses_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 30 * BLOCK + 77
    vectors = np.round(rng.random((count, 5)), 1 if seed % 2 else 6)  # coarse vectors make many equal scores
    names = [f"{row:06d}" for row in rng.permutation(count)]
    wanted = rng.random(5)
    hours = {names[row]: float(rng.random() * 10) for row in rng.integers(0, count, 400)}
    barred = [QueueRule(names[int(row)], "ban") for row in rng.integers(0, count, 50)]
    whole = Catalogue.from_rows(zip(names, [BED] * count, vectors, strict=True))
    found = recommend_with_penalty(whole, wanted, limit=16, hours_since_play=hours, rules=barred)
    out = {rule.song_id for rule in barred}
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
    near = np.divide(vectors @ wanted, lengths, out=np.zeros(count), where=lengths > 0)
    scores = {
        name: round(1 - cosine + 0.05 * exp(-hours[name] / 6) * (name in hours), 12)
        if name in hours
        else round(1 - cosine, 12)
        for name, cosine in zip(names, near.tolist(), strict=True)
        if name not in out
    }
    assert ids(found) == sorted(scores, key=lambda name: (scores[name], name))[:16]


def test_hours_may_be_a_column() -> None:
    library = catalogue(("a", BED, RAIN), ("b", BED, RAIN), ("c", BED, RAIN))
    found = recommend_with_penalty(library, RAIN, hours_since_play=[0.0, nan, 6.0])
    assert ids(found) == ["b", "c", "a"]
    assert [song.penalty for song in found] == pytest.approx([0, 0.05 / np.e, 0.05])
    with pytest.raises(ValueError, match="one number per song"):
        recommend_with_penalty(library, RAIN, hours_since_play=[0.0])


def test_zero_vectors_are_at_distance_one_and_ties_go_by_id() -> None:
    library = catalogue(("b", BED, NEUTRAL), ("a", BED, None), ("c", BED, FIRE), ("d", BED, RAIN))
    assert ids(recommend_with_penalty(library, RAIN)) == ["d", "a", "b", "c"]
    nothing_wanted = recommend_with_penalty(library, NEUTRAL, hours_since_play={"a": 1.0})
    assert ids(nothing_wanted) == ["b", "c", "d", "a"]
    assert [song.distance for song in nothing_wanted] == [1.0] * 4


def test_a_clock_that_went_back_counts_as_just_now() -> None:
    library = catalogue(("a", BED, RAIN))
    for odd in (-3.0, -inf):
        found = recommend_with_penalty(library, RAIN, hours_since_play={"a": odd})
        assert found[0].penalty in (0.05, 0.0)


def test_kinds_and_allowed_narrow_the_choice() -> None:
    library = catalogue(("a", BED, RAIN), ("b", PIECE, RAIN), ("c", BED, WAVES))
    assert ids(recommend_with_penalty(library, RAIN, kind=BED)) == ["a", "c"]
    assert ids(recommend_with_penalty(library, RAIN, allowed=["c", "b", "gone"])) == ["b", "c"]
    assert recommend_with_penalty(library, RAIN, allowed=[]) == []
    assert recommend_with_penalty(library, RAIN, kind="speech") == []


def test_no_songs_one_song_all_banned() -> None:
    one = catalogue(("a", BED, RAIN))
    assert recommend_with_penalty(Catalogue.from_rows([]), RAIN) == []
    assert ids(recommend_with_penalty(one, FIRE)) == ["a"]
    assert recommend_with_penalty(one, RAIN, limit=0) == []
    assert recommend_with_penalty(one, RAIN, rules=[QueueRule("a", "ban")]) == []
    assert queue_for_room(one, RAIN, rules=[QueueRule("a", "ban"), QueueRule("a", "pin")]) == []
    assert queue_for_room(Catalogue.from_rows([]), RAIN) == []


@pytest.mark.parametrize("bad", [[1, 0, 0, 0], [1] * 6, [nan] * 5, [inf, 0, 0, 0, 0]])
def test_bad_vectors_are_refused(bad: list[float]) -> None:
    with pytest.raises(VectorError):
        recommend_with_penalty(catalogue(("a", BED, RAIN)), bad)
    with pytest.raises(VectorError):
        catalogue(("a", BED, bad))


def test_one_song_can_be_changed_added_and_taken_out() -> None:
    library = catalogue(("a", BED, RAIN), ("c", BED, FIRE))
    more = library.with_song("b", PIECE, FIRE).with_song("a", BED, WAVES)
    assert (more.song_ids, more.kinds) == (["a", "b", "c"], [BED, PIECE, BED])
    assert ids(recommend_with_penalty(more, FIRE, limit=2)) == ["b", "c"]
    assert ids(recommend_with_penalty(more, WAVES, limit=1)) == ["a"]
    assert more.without("b").without("gone").song_ids == ["a", "c"]
    assert library.song_ids == ["a", "c"]
    assert Catalogue.from_rows([]).with_song("x", BED, None).without("x").song_ids == []


def test_rows_may_be_mappings_and_the_last_of_a_name_counts() -> None:
    rows = [{"id": "a", "type": BED, "embedding": RAIN}, {"song_id": "a", "kind": PIECE, "embedding": None}]
    assert Catalogue.from_rows(rows).kinds == [PIECE]


class TestQueue:
    library = Catalogue.from_rows(
        [(f"bed{i:02d}", BED, [1.0, i / 20, 0, 0, 0]) for i in range(20)]
        + [(f"piece{i}", PIECE, NEUTRAL) for i in range(6)]
    )

    def test_twelve_beds_and_four_pieces_ranked_within_their_kind(self) -> None:
        queue = queue_for_room(self.library, RAIN)
        assert ids(queue)[:12] == [f"bed{i:02d}" for i in range(12)]
        assert ids(queue)[12:] == ["piece0", "piece1", "piece2", "piece3"]

    def test_neutral_songs_rotate_the_longest_unplayed_first(self) -> None:
        hours = {"piece0": 0.1, "piece1": 3.0, "piece2": 0.5, "piece3": 9.0}
        queue = queue_for_room(self.library, RAIN, beds=0, hours_since_play=hours)
        assert ids(queue) == ["piece4", "piece5", "piece3", "piece1"]
        assert {song.reason for song in queue} == {"rotation"}

    def test_a_neutral_bed_gets_a_turn_among_liked_ones(self) -> None:
        library = self.library.with_song("upload", BED, NEUTRAL)
        queue = queue_for_room(library, RAIN, instrumentals=0)
        assert len(queue) == 12
        assert queue[-1].song_id == "upload"

    def test_pins_first_places_where_staff_put_them(self) -> None:
        rules = [
            QueueRule("piece5", "pin"),
            QueueRule("bed19", "place", 3),
            QueueRule("bed00", "skip"),
            QueueRule("bed01", "ban"),
            QueueRule("bed18", "pin"),
            QueueRule("gone", "pin"),
        ]
        queue = queue_for_room(self.library, RAIN, rules=rules)
        assert ids(queue)[:4] == ["piece5", "bed18", "bed19", "bed02"]
        assert [song.reason for song in queue[:4]] == ["pin", "pin", "place", "taste"]
        assert not {"bed00", "bed01"} & set(ids(queue))
        assert len(queue) == 16
        assert sum(song.kind == PIECE for song in queue) == 4
        assert len(set(ids(queue))) == 16

    def test_a_place_beyond_the_end_or_none_is_taken_as_near_as_can_be(self) -> None:
        rules = [QueueRule("bed19", "place", 99), QueueRule("bed18", "place", None)]
        queue = queue_for_room(self.library, RAIN, beds=3, instrumentals=0, rules=rules)
        assert ids(queue) == ["bed18", "bed00", "bed19"]

    def test_only_what_is_allowed(self) -> None:
        queue = queue_for_room(self.library, RAIN, allowed={"bed03", "piece1"}, rules=[QueueRule("bed04", "pin")])
        assert ids(queue) == ["bed03", "piece1"]

    def test_a_room_that_wants_nothing_still_plays(self) -> None:
        assert len(queue_for_room(self.library, NEUTRAL)) == 16
