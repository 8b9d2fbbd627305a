from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.collective import Present
from ml.leaf import Leaf, unfold
from ml.ledger import Decision, LedgerError, read_ledger, replay
from ml.prior import Prior
from ml.taste import Taste, learn

SONGS = tuple((f"song-{number}", tuple(row)) for number, row in enumerate(np.eye(5).tolist()))


def taste(votes: list[tuple[int, int]]) -> Taste:
    learnt = Taste.newcomer()
    for tag, value in votes:
        learnt = learn(learnt, SONGS[tag][1], value)
    return learnt


some_votes = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=8)
decisions = st.builds(
    lambda votes, unmet, weight, chosen, pooled: Decision(
        at_s=1_800_000_000.5,
        rule="bayes",
        policy="mean",
        min_group=2,
        house=(0.5, 0.6, 0.1, 0.4, 0.4),
        people=(Present("heron", taste(votes), weight, unmet), Present("wren", Taste.newcomer())),
        songs=SONGS,
        chosen=tuple(SONGS[number][0] for number in chosen),
        prior=Prior.default().with_vote(SONGS[0][1], 5) if pooled else None,
    ),
    some_votes,
    st.floats(-0.3, 0.3),
    st.floats(0.01, 1),
    st.lists(st.integers(0, 4), unique=True),
    st.booleans(),
)


@given(st.lists(decisions, max_size=5))
@settings(max_examples=30, deadline=None)
def test_what_was_folded_decides_as_before(kept: list[Decision]) -> None:
    leaf = Leaf()
    for decision in kept:
        leaf.add(decision)
    assert len(leaf) == len(kept)
    again = unfold(leaf.folded())
    assert [one.chosen for one in again] == [one.chosen for one in kept]
    for before, after in zip(kept, again, strict=True):
        assert replay(after).turned == pytest.approx(replay(before).turned, abs=1e-5)
        assert replay(after).liking_then == pytest.approx(replay(before).liking_then, abs=1e-4)
        assert [one.taste.votes for one in after.people] == [one.taste.votes for one in before.people]
        assert next(read_ledger([after.to_line()])) == after


def busy_evening(count: int, people: int = 20, songs: int = 64) -> list[Decision]:
    """Everybody's taste moves now and then; the songs stay."""
    rng = np.random.default_rng(5)
    library = tuple((f"{n:08x}-0000-4000-8000-000000000000", tuple(rng.random(5).tolist())) for n in range(songs))
    tastes = [Taste.newcomer()] * people
    evening = []
    for turn in range(count):
        tastes[turn % people] = learn(tastes[turn % people], library[turn % songs][1], 1 + turn % 5)
        present = tuple(
            Present(f"{n:08x}-1111-4111-8111-111111111111", one, unmet=float(rng.normal(0, 0.02)))
            for n, one in enumerate(tastes)
        )
        chosen = tuple(library[n][0] for n in rng.choice(songs, 6, replace=False))
        evening.append(Decision(60.0 * turn, "bayes", "mean", 2, (0.5,) * 5, present, library, chosen))
    return evening


def test_what_repeats_is_written_once() -> None:
    leaf = Leaf()
    for decision in busy_evening(32):
        leaf.add(decision)
    lines = sum(len(decision.to_line()) for decision in busy_evening(32))
    assert leaf.size < lines / 10
    assert len(leaf.folded()) < 32 * 400


@pytest.mark.parametrize(
    "torn",
    [b"", b"no zlib", zlib.compress(b"{}"), zlib.compress(b'{"parts":[],"rows":[{"at":1}]}'), zlib.compress(b"[1]")],
)
def test_a_torn_leaf_says_so(torn: bytes) -> None:
    with pytest.raises(LedgerError, match="torn"):
        unfold(torn)


def test_a_chosen_song_that_was_not_on_offer_is_left_out() -> None:
    leaf = Leaf()
    leaf.add(replace(busy_evening(1)[0], chosen=("unknown",)))
    assert unfold(leaf.folded())[0].chosen == ()
