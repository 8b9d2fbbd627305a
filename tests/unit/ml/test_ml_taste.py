from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.prior import Prior, crowd_weight
from ml.tags import VectorError
from ml.taste import Taste, VoteError, expected_liking, learn, merge, v1_learn

RAIN = (1.0, 0.0, 0.0, 0.0, 0.0)
FIRE = (0.0, 0.0, 0.0, 0.0, 1.0)
NEUTRAL = (0.0,) * 5

part = st.floats(-1, 1).map(lambda x: round(x, 3))
embeddings = st.lists(part, min_size=5, max_size=5)
votes = st.integers(1, 5)


def after(*heard: tuple[tuple[float, ...], int]) -> Taste:
    taste = Taste.newcomer()
    for embedding, vote in heard:
        taste = learn(taste, embedding, vote)
    return taste


class TestV1:
    """u and s at length 1, α = 0.12, β = 0.7; worked out by hand."""

    def test_a_full_like(self) -> None:
        # 0.88·(1,0) + 0.12·(0,1) = (0.88, 0.12), length √0.7888 = 0.888144
        assert v1_learn(RAIN, FIRE, 5) == pytest.approx([0.990831, 0, 0, 0, 0.135113], abs=1e-6)

    def test_half_a_like_is_half_the_step(self) -> None:
        # 0.94·(1,0) + 0.06·(0,1) = (0.94, 0.06), length √0.8872 = 0.941913
        assert v1_learn(RAIN, FIRE, 4) == pytest.approx([0.997969, 0, 0, 0, 0.063700], abs=1e-6)

    def test_three_changes_nothing(self) -> None:
        assert v1_learn((3, 0, 0, 0, 4), RAIN, 3) == pytest.approx([0.6, 0, 0, 0, 0.8])

    def test_a_full_dislike(self) -> None:
        # u = (0.6, 0.8), s = rain: u·s = 0.6; 0.6 − 0.12·0.7·0.6 = 0.5496; length √(0.30206 + 0.64) = 0.970598
        assert v1_learn((3, 0, 0, 0, 4), (2, 0, 0, 0, 0), 1) == pytest.approx([0.566249, 0, 0, 0, 0.824234], abs=1e-6)

    def test_half_a_dislike(self) -> None:
        # 0.6 − 0.06·0.7·0.6 = 0.5748; length √(0.33040 + 0.64) = 0.985086
        assert v1_learn((3, 0, 0, 0, 4), RAIN, 2) == pytest.approx([0.583502, 0, 0, 0, 0.812112], abs=1e-6)

    def test_from_nothing_a_like_gives_the_song_and_a_dislike_nothing(self) -> None:
        assert v1_learn(NEUTRAL, (0, 3, 4, 0, 0), 5) == pytest.approx([0, 0.6, 0.8, 0, 0])
        assert v1_learn(NEUTRAL, (0, 3, 4, 0, 0), 4) == pytest.approx([0, 0.6, 0.8, 0, 0])
        assert not v1_learn(NEUTRAL, RAIN, 1).any()
        assert not v1_learn(NEUTRAL, NEUTRAL, 5).any()

    @given(embeddings, embeddings, votes)
    def test_the_result_has_length_one_or_zero(self, u: list[float], s: list[float], vote: int) -> None:
        length = float(np.linalg.norm(v1_learn(u, s, vote)))
        assert length == pytest.approx(1) or length == 0


@pytest.mark.parametrize("vote", [0, 6, -1, 2.5, True, "5", None])
def test_what_is_no_vote_is_refused(vote: object) -> None:
    with pytest.raises(VoteError, match="whole number from 1"):
        learn(Taste.newcomer(), RAIN, vote)  # type: ignore[arg-type]


@pytest.mark.parametrize("song", [[1, 0, 0, 0], [1] * 6, [float("nan")] * 5])
def test_what_is_no_embedding_is_refused(song: list[float]) -> None:
    with pytest.raises(VectorError):
        learn(Taste.newcomer(), song, 5)


def test_the_stored_preference_is_the_v1_vector_whatever_the_rule() -> None:
    taste = after((RAIN, 5), (FIRE, 5))
    assert taste.preference_vector == pytest.approx((0.990831, 0, 0, 0, 0.135113), abs=1e-6)
    assert taste.vector("v1") == pytest.approx(taste.preference_vector)
    assert taste.votes == 2


def test_a_newcomer_wants_nothing_by_v1_and_what_the_crowd_wants_by_bayes() -> None:
    newcomer = Taste.newcomer()
    assert not newcomer.vector("v1").any()
    assert newcomer.vector("bayes") == pytest.approx([5**-0.5] * 5)
    crowd = Prior.default()
    for _ in range(60):
        crowd = crowd.with_vote(FIRE, 5).with_vote(RAIN, 1)
    assert newcomer.vector("bayes", crowd)[4] > newcomer.vector("bayes", crowd)[0] + 0.4


def test_votes_move_expected_liking_the_way_they_point() -> None:
    songs = [RAIN, FIRE]
    for rule in ("bayes", "v1"):
        likes_rain = expected_liking(after((RAIN, 5), (FIRE, 1)), songs, rule)
        likes_fire = expected_liking(after((RAIN, 1), (FIRE, 5)), songs, rule)
        assert likes_rain[0] > likes_rain[1]
        assert likes_fire[1] > likes_fire[0]


@given(st.lists(st.tuples(embeddings, votes), max_size=12), st.lists(embeddings, min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_expected_liking_stays_within_0_and_1(heard: list[tuple[list[float], int]], songs: list[list[float]]) -> None:
    taste = after(*((tuple(song), vote) for song, vote in heard))
    for rule in ("bayes", "v1"):
        liked = expected_liking(taste, songs, rule)
        assert ((liked >= 0) & (liked <= 1)).all()


def test_a_few_clear_votes_put_a_song_above_one_that_mixes_everything() -> None:
    taste = after((RAIN, 5), (FIRE, 1), (RAIN, 5), (FIRE, 2), (RAIN, 5))
    liked = expected_liking(taste, [RAIN, (1, 1, 1, 1, 1), FIRE])
    assert liked[0] > liked[1] > liked[2]


def test_a_thousand_votes_by_one_person_stay_finite_and_ordered() -> None:
    taste = after(*[(RAIN, 5)] * 1000)
    liked = expected_liking(taste, [RAIN, FIRE, NEUTRAL])
    assert taste.votes == 1000
    assert liked[0] == pytest.approx(1, abs=0.05)
    assert liked[0] > liked[1]


def test_the_belief_does_not_depend_on_the_order_of_votes() -> None:
    heard = [(RAIN, 5), (FIRE, 2), ((0.3, 0.2, 0.0, 0.9, 0.0), 4)]
    beliefs = np.array([after(*order).mean for order in permutations(heard)])
    assert np.ptp(beliefs, axis=0).max() < 1e-12


def test_the_belief_is_the_ridge_solution_of_all_votes() -> None:
    heard = [(RAIN, 5), (FIRE, 2), ((0.0, 0.6, 0.8, 0.0, 0.0), 4), (NEUTRAL, 3)]
    features = np.array([[*song, 1.0] for song, _ in heard])
    ratings = np.array([(vote - 1) / 4 for _, vote in heard])
    start = np.array([0.15] * 5 + [0.25])
    ridge = np.linalg.solve(features.T @ features + 3 * np.eye(6), features.T @ ratings + 3 * start)
    assert after(*heard).mean == pytest.approx(ridge)


def test_the_crowd_put_in_at_reading_is_as_if_it_had_been_there_from_the_start() -> None:
    heard = [(RAIN, 5), (FIRE, 2)]
    crowd = Prior.default().with_vote(RAIN, 1).with_vote(FIRE, 5)
    features = np.array([[*song, 1.0] for song, _ in heard])
    ratings = np.array([1.0, 0.25])
    ridge = np.linalg.solve(features.T @ features + 3 * np.eye(6), features.T @ ratings + 3 * crowd.vector())
    assert after(*heard).vector("bayes", crowd) == pytest.approx(ridge[:5] / np.linalg.norm(ridge[:5]))


class TestStored:
    def test_json_gives_the_same_taste_bit_for_bit(self) -> None:
        taste = after((RAIN, 5), ((0.1, 0.2, 0.3, 0.4, 0.5), 2))
        text = json.dumps(taste.to_dict(), allow_nan=False)
        assert Taste.from_dict(json.loads(text)) == taste
        assert json.dumps(Taste.from_dict(json.loads(text)).to_dict()) == text

    def test_the_same_votes_give_the_same_bytes(self) -> None:
        heard = [(RAIN, 5), (FIRE, 2), ((0.1, 0.2, 0.3, 0.4, 0.5), 4)] * 20
        assert json.dumps(after(*heard).to_dict()) == json.dumps(after(*heard).to_dict())

    @pytest.mark.parametrize(
        "torn",
        [{}, {"mean": [1] * 6}, {"mean": ["x"] * 6}, {"mean": [0.0] * 5}, {"precision": [float("nan")] * 36},
         {"preference_vector": [1, 2]}, {"votes": -1}, {"votes": "many"}],
    )  # fmt: skip
    def test_a_torn_state_is_refused(self, torn: dict[str, object]) -> None:
        state = Taste.newcomer().to_dict() | torn if torn else {}
        if torn == {"mean": [1] * 6}:
            del state["precision"]
        with pytest.raises(VectorError):
            Taste.from_dict(state)

    def test_a_crowd_is_stored_too(self) -> None:
        crowd = Prior.default().with_vote(RAIN, 5).with_vote(FIRE, 1, weight=0.25)
        assert Prior.from_dict(json.loads(json.dumps(crowd.to_dict()))) == crowd


class TestMerge:
    def test_a_newcomer_adds_nothing(self) -> None:
        taste = after((RAIN, 5), (FIRE, 1))
        assert merge(taste, Taste.newcomer()) == taste == merge(Taste.newcomer(), taste)

    @given(st.lists(st.tuples(embeddings, votes), min_size=1, max_size=8), st.integers(0, 8))
    @settings(max_examples=25, deadline=None)
    def test_two_halves_merge_to_the_belief_of_the_whole(self, heard: list[tuple[list[float], int]], cut: int) -> None:
        votes_in = [(tuple(song), vote) for song, vote in heard]
        merged = merge(after(*votes_in[:cut]), after(*votes_in[cut:]))
        whole = after(*votes_in)
        assert merged.mean == pytest.approx(whole.mean, abs=1e-9)
        assert merged.precision == pytest.approx(whole.precision, abs=1e-9)
        assert merged.votes == whole.votes

    def test_the_order_of_the_two_does_not_matter(self) -> None:
        one, two = after((RAIN, 5), (FIRE, 1)), after((FIRE, 5))
        assert merge(one, two).preference_vector == pytest.approx(merge(two, one).preference_vector)
        assert merge(one, two).mean == pytest.approx(merge(two, one).mean)

    def test_who_voted_more_weighs_more_in_the_v1_vector(self) -> None:
        merged = merge(after(*[(RAIN, 5)] * 3), after((FIRE, 5)))
        assert merged.preference_vector == pytest.approx(np.array([3, 0, 0, 0, 1]) / 10**0.5)


def test_an_imported_vector_speaks_under_both_rules() -> None:
    taste = Taste.from_preference([0, 3, 4, 0, 0])
    assert taste.preference_vector == pytest.approx((0, 0.6, 0.8, 0, 0))
    assert taste.vector("bayes")[2] > taste.vector("bayes")[0]
    assert Taste.from_preference(NEUTRAL) == Taste.newcomer()


class TestTheCrowd:
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 200)), min_size=1, max_size=20),
        st.data(),
    )
    def test_a_vote_taken_back_was_never_given(self, votes: list[tuple[int, int, int]], data: st.DataObject) -> None:
        gone = data.draw(st.integers(0, len(votes) - 1))
        with_it, without = Prior.default(), Prior.default()
        for number, (tag, value, nth) in enumerate(votes):
            with_it = with_it.with_vote(np.eye(5)[tag], value, crowd_weight(nth))
            if number != gone:
                without = without.with_vote(np.eye(5)[tag], value, crowd_weight(nth))
        tag, value, nth = votes[gone]
        taken = with_it.without_vote(np.eye(5)[tag], value, crowd_weight(nth))
        assert taken.votes == without.votes
        assert taken.mean == pytest.approx(without.mean, abs=1e-9)
        assert taken.precision == pytest.approx(without.precision, abs=1e-9)

    def test_a_thousand_votes_of_one_person_are_not_the_crowd(self) -> None:
        weights = [crowd_weight(nth) for nth in range(1, 1001)]
        assert weights[:20] == [1.0] * 20
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) < 100
        assert crowd_weight(0) == crowd_weight(-3) == 1.0

    @pytest.mark.parametrize("votes", ["3", -1, None, 1.5, True])
    def test_a_torn_crowd_is_refused(self, votes: object) -> None:
        with pytest.raises(VectorError):
            Prior.from_dict({**Prior.default().to_dict(), "votes": votes})


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("precision", [0.0] * 36),
        ("precision", (-np.eye(6)).ravel().tolist()),
        ("precision", np.triu(np.ones((6, 6))).ravel().tolist()),
        ("precision", (np.eye(6) * 1e12).ravel().tolist()),
        ("mean", [1e200] * 6),
        ("mean", [10**400] * 6),
    ],
)
def test_a_belief_that_no_votes_can_have_led_to_is_refused(part: str, value: list[float]) -> None:
    for whole in (Taste.newcomer().to_dict(), Prior.default().to_dict()):
        with pytest.raises(VectorError):
            (Taste if "preference_vector" in whole else Prior).from_dict({**whole, part: value})


@pytest.mark.parametrize("torn", [None, [], "text", 5, {}, [1, 2]])
def test_what_is_no_mapping_is_no_crowd(torn: object) -> None:
    with pytest.raises(VectorError):
        Prior.from_dict(torn)  # type: ignore[arg-type]
