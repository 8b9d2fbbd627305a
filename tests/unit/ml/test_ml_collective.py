from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.collective import (
    POLICIES,
    Policy,
    Present,
    presence_weight,
    room_scores,
    room_vector,
)
from ml.fairness import cone_centre, shares_of
from ml.prior import Prior
from ml.tags import VectorError
from ml.taste import Taste, learn

RAIN, WAVES, THUNDER, WIND, FIRE = np.eye(5)
HOUSE = np.array([0.0, 0.6, 0.8, 0.0, 0.0])
SONGS = np.vstack([np.eye(5), np.zeros(5)])


def fan(of: np.ndarray, times: int = 6) -> Taste:
    taste = Taste.newcomer()
    for _ in range(times):
        taste = learn(taste, of, 5)
        for other in np.eye(5):
            if not np.array_equal(other, of):
                taste = learn(taste, other, 1)
    return taste


def people(*tastes: Taste, **values: float) -> list[Present]:
    return [Present(f"p{number}", taste, **values) for number, taste in enumerate(tastes)]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rule", ["bayes", "v1"])
class TestEveryPolicy:
    def test_nobody_or_newcomers_only_is_the_house(self, rule: str, policy: Policy) -> None:
        for present in ([], people(Taste.newcomer(), Taste.newcomer()), people(fan(RAIN), weight=0.0)):
            assert room_vector(present, HOUSE, rule=rule, policy=policy) == pytest.approx(HOUSE)  # type: ignore[arg-type]
            scores = room_scores(present, SONGS, HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
            assert scores.argmax() == 2
            assert np.isfinite(scores).all()

    def test_one_person_gets_what_they_like(self, rule: str, policy: Policy) -> None:
        scores = room_scores(people(fan(FIRE)), SONGS, HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
        assert scores.argmax() == 4
        assert room_vector(people(fan(FIRE)), HOUSE, rule=rule, policy=policy).argmax() == 4  # type: ignore[arg-type]

    def test_the_order_of_arrival_does_not_matter(self, rule: str, policy: Policy) -> None:
        present = people(fan(RAIN), fan(FIRE), fan(WIND))
        there = room_vector(present, HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
        back = room_vector(present[::-1], HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
        assert there == pytest.approx(back, abs=1e-12)

    def test_a_house_without_a_taste_and_an_empty_room_give_zeros(self, rule: str, policy: Policy) -> None:
        assert not room_vector([], np.zeros(5), rule=rule, policy=policy).any()  # type: ignore[arg-type]

    def test_ten_thousand_people(self, rule: str, policy: Policy) -> None:
        fans = [fan(tag, 1) for tag in np.eye(5)]
        crowd = [Present(str(i), fans[i % 5]) for i in range(10_000)]
        vector = room_vector(crowd, HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
        scores = room_scores(crowd, SONGS, HOUSE, rule=rule, policy=policy)  # type: ignore[arg-type]
        assert np.isfinite(vector).all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_v1_is_the_plain_average_of_those_with_a_vector() -> None:
    tastes = [fan(RAIN), fan(FIRE), fan(FIRE), Taste.newcomer()]
    average = np.mean([taste.preference_vector for taste in tastes[:3]], axis=0)
    present = [Present(str(number), taste, unmet=0.1 * number) for number, taste in enumerate(tastes)]
    assert room_vector(present, HOUSE, rule="v1") == pytest.approx(average, abs=1e-12)


def test_opposed_v1_tastes_fall_back_to_the_house() -> None:
    likes = Taste.from_preference([1, 0, 0, 0, 0])
    hates = Taste.from_preference([-1, 0, 0, 0, 0])
    assert room_vector(people(likes, hates), HOUSE, rule="v1") == pytest.approx(HOUSE)


def test_the_room_vector_ranks_as_the_mean_liking_does() -> None:
    present = people(fan(RAIN), fan(FIRE), learn(learn(fan(WIND, 2), RAIN, 4), WAVES, 2))
    vector = room_vector(present, HOUSE)
    scores = room_scores(present, np.eye(5), HOUSE)
    assert (np.diff(vector[np.argsort(scores)]) > -1e-9).all()


def test_newcomers_among_others_count_as_the_crowd_does_once_it_is_known() -> None:
    crowd = Prior.default()
    for _ in range(40):
        crowd = crowd.with_vote(WAVES, 5).with_vote(FIRE, 1)
    present = people(fan(FIRE), *[Taste.newcomer()] * 5)
    assert room_vector(present, HOUSE).argmax() == 4
    assert room_vector(present, HOUSE, prior=crowd).argmax() == 1


def test_the_unmet_pull_more() -> None:
    rain, fire = fan(RAIN), fan(FIRE)
    even = room_scores([Present("a", rain), Present("b", fire)], SONGS, HOUSE)
    unmet = room_scores([Present("a", rain, unmet=0.2), Present("b", fire)], SONGS, HOUSE)
    assert unmet[0] - unmet[4] > even[0] - even[4] + 0.1


def test_turns_belong_to_the_least_met() -> None:
    present = [Present("a", fan(RAIN)), Present("b", fan(FIRE), unmet=0.05), Present("c", fan(WIND))]
    assert room_vector(present, HOUSE, policy="turns").argmax() == 4


def test_least_misery_finds_the_song_nobody_minds() -> None:
    both = np.array([0.7, 0.0, 0.0, 0.0, 0.7])
    present = people(fan(RAIN), fan(RAIN), fan(RAIN), fan(FIRE))
    scores = room_scores(present, np.vstack([RAIN, FIRE, both]), HOUSE, policy="least_misery")
    assert scores.argmax() == 2
    assert scores[0] < 0.2
    vector = room_vector(present, HOUSE, policy="least_misery")
    assert vector[0] == pytest.approx(vector[4], abs=0.02)


def test_a_fading_person_hands_the_room_over_gradually() -> None:
    pulls = [room_vector([Present("a", fan(RAIN), weight)], FIRE)[0] for weight in (1.0, 0.6, 0.3, 0.05, 0.0)]
    assert pulls == sorted(pulls, reverse=True)
    assert pulls[-1] == 0


class TestMinimumGroup:
    @given(st.integers(1, 8), st.integers(1, 6), st.sampled_from(("mean", "turns")), st.floats(-1, 1))
    @settings(max_examples=25, deadline=None)
    def test_one_person_cannot_swing_the_room_beyond_the_bound(
        self, size: int, min_group: int, policy: Policy, unmet: float
    ) -> None:
        others = [Present(f"o{n}", fan(RAIN, 2), unmet=-unmet) for n in range(size - 1)]
        scores = [
            room_scores([*others, Present("me", taste, unmet=unmet)], SONGS, HOUSE, policy=policy, min_group=min_group)
            for taste in (fan(FIRE, 8), fan(RAIN, 8))
        ]
        assert np.abs(scores[0] - scores[1]).max() <= 1.1 / min_group + 1e-9

    @given(
        st.lists(st.floats(0.01, 1), min_size=1, max_size=12),
        st.integers(1, 6),
        st.lists(st.floats(0, 20), min_size=12, max_size=12),
    )
    def test_shares_are_bounded_and_fill_what_they_may(
        self, presence: list[float], min_group: int, pull: list[float]
    ) -> None:
        here = np.array(presence)
        wanted = np.array(pull[: len(here)]) + 0.001
        shares = shares_of(wanted, here, min_group)
        assert (shares >= 0).all()
        assert shares.max() <= 1 / min_group + 1e-9
        assert shares.sum() == pytest.approx(min(1, here.sum() / min_group), abs=1e-6)

    def test_below_it_the_house_keeps_its_part(self) -> None:
        alone = room_vector(people(fan(FIRE)), RAIN, min_group=3)
        assert alone[0] > 0.3
        with pytest.raises(ValueError, match="starts at 1"):
            room_vector(people(fan(FIRE)), RAIN, min_group=0)


def test_an_unknown_policy_or_rule_is_named() -> None:
    with pytest.raises(ValueError, match="loudest"):
        room_vector(people(fan(RAIN)), HOUSE, policy="loudest")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="v2"):
        room_vector(people(fan(RAIN)), HOUSE, rule="v2")  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [[1, 2], [float("nan")] * 5, [1] * 6])
def test_a_bad_house_is_refused(bad: list[float]) -> None:
    with pytest.raises(VectorError):
        room_vector([], bad)


def test_numbers_that_are_not_finite_never_reach_the_room() -> None:
    odd = [Present("a", fan(RAIN), unmet=float("nan")), Present("b", fan(FIRE), weight=float("nan"))]
    assert np.isfinite(room_vector(odd, HOUSE)).all()


def test_no_songs_have_no_scores() -> None:
    for policy in POLICIES:
        assert room_scores(people(fan(RAIN)), [], HOUSE, policy=policy).shape == (0,)


def test_presence_fades_over_the_last_minutes() -> None:
    assert [presence_weight(s) for s in (3600, 600, 300, 60, 0, -5)] == [1, 1, 0.5, 0.1, 0, 0]
    assert presence_weight(float("nan")) == 0
    assert presence_weight(5, fade_s=0) == 1


def test_the_centre_of_a_cone_has_the_largest_smallest_cosine() -> None:
    rng = np.random.default_rng(3)
    rows = np.abs(rng.standard_normal((6, 5)))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    centre = cone_centre(rows, np.ones(6)) @ rows
    best = (rows @ centre).min() / np.linalg.norm(centre)
    tries = np.abs(rng.standard_normal((3000, 5)))
    others = ((tries / np.linalg.norm(tries, axis=1, keepdims=True)) @ rows.T).min(axis=1)
    assert best >= others.max() - 1e-3
