from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ml.errors import ModelError
from ml.features import FEATURES, extract
from ml.model import TagModel, load_default, shrunk_covariance
from ml.synth import RECIPES, render
from ml.tags import TAGS
from ml.train import OF_TAG, training_set

RNG_SEED = 5


def clouds(classes: int = 5, rows: int = 30, apart: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(RNG_SEED)
    centres = apart * rng.standard_normal((classes, FEATURES))
    labels = np.repeat(np.arange(classes), rows)
    return centres[labels] + rng.standard_normal((len(labels), FEATURES)), np.eye(6)[labels][:, :5]


def test_it_learns_clouds_apart() -> None:
    features, labels = clouds()
    model = TagModel.fit(features, labels)
    likely = model.probabilities(features)
    assert (likely.argmax(axis=1) == labels.argmax(axis=1)).all()
    assert likely.sum(axis=1) == pytest.approx(1)
    heard = model.embed(features[40])
    assert (heard.source, int(np.argmax(heard.vector))) == ("model", 1)
    assert heard.confidence == max(heard.vector)


def test_what_is_unsure_or_none_of_the_five_is_neutral() -> None:
    features, labels = clouds(classes=6)
    model = TagModel.fit(features, labels)
    none = model.embed(features[-1])
    assert (none.source, none.vector) == ("neutral", (0.0,) * 5)
    between = model.embed((features[:30].mean(axis=0) + features[30:60].mean(axis=0)) / 2)
    assert between.confidence <= 0.5 + 0.2


def test_one_hot_and_numbers_are_the_same_labels() -> None:
    features, labels = clouds()
    one, other = TagModel.fit(features, labels), TagModel.fit(features, labels.argmax(axis=1))
    assert np.array_equal(one.weights, other.weights)


def test_shrinking_draws_few_rows_towards_independence() -> None:
    rows = np.random.default_rng(RNG_SEED).standard_normal((12, 20))
    shrunk = shrunk_covariance(rows)
    assert np.linalg.cond(shrunk) < 50
    many = np.random.default_rng(RNG_SEED).standard_normal((4000, 3)) @ np.array([[1, 0.9, 0], [0, 0.5, 0], [0, 0, 1]])
    assert shrunk_covariance(many) == pytest.approx(np.cov(many.T, bias=True), abs=0.02)


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (np.zeros((10, 5)), np.zeros((10, 5))),
        (np.full((10, FEATURES), np.nan), np.zeros((10, 5))),
        (np.zeros((10, FEATURES)), np.zeros((9, 5))),
        (np.zeros((10, FEATURES)), np.zeros((10, 4))),
        (np.zeros((10, FEATURES)), np.eye(5)[[0] * 10]),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(features: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ModelError):
        TagModel.fit(features, labels)


@pytest.mark.parametrize("bad", [np.zeros(55), np.full(FEATURES, np.inf), np.zeros((2, FEATURES))])
def test_what_are_no_features_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ModelError, match="56 finite features"):
        load_default().embed(bad)


def test_saved_and_read_it_is_the_same_and_small(tmp_path: Path) -> None:
    features, labels = clouds(classes=6)
    model = TagModel.fit(features, labels)
    for name in ("one.npz", "two.npz"):
        model.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert (tmp_path / "one.npz").stat().st_size <= 4096
    assert TagModel.load(tmp_path / "one.npz").embed(features[0]) == model.embed(features[0])


def test_a_torn_or_strange_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tags.npz"
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ModelError, match="cosound ml train"):
        TagModel.load(path)
    np.savez(path, weights=np.zeros((3, 5)), bias=np.zeros(5), mean=np.zeros(3), scale=np.ones(3))
    with pytest.raises(ModelError, match="wrong shape"):
        TagModel.load(path)


def test_the_shipped_model_is_small_and_for_these_tags() -> None:
    shipped = Path(__file__).parents[3] / "ml" / "data" / "tags.npz"
    assert shipped.stat().st_size <= 4096
    assert load_default().bias.shape == (6,)


def test_silence_and_a_plain_tone_are_neutral() -> None:
    time_s = np.arange(6 * 22_050) / 22_050
    for sound in (0 * time_s, 0.3 * np.sin(2 * np.pi * 220 * time_s)):
        assert load_default().embed(extract(sound, 22_050)).source == "neutral"


@pytest.mark.parametrize("tag", TAGS)
def test_every_starter_bed_of_a_tag_is_heard_as_it(tag: str) -> None:
    heard = load_default().embed(extract(render(OF_TAG[tag], seconds=9), 48_000))
    assert TAGS[int(np.argmax(heard.vector))] == tag
    assert heard.confidence > 0.5
    by_hand = next(recipe.embedding for recipe in RECIPES if recipe.key == OF_TAG[tag])
    assert TAGS[int(np.argmax(by_hand))] == tag


def test_the_training_set_is_the_same_for_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.train.BED_S", 2.0)
    monkeypatch.setattr("ml.train.TAKES", 1)
    monkeypatch.setattr("ml.train.RECIPES", RECIPES[:2])
    monkeypatch.setattr("ml.train.OF_TAG", {"rain": "rain"})
    one, two = training_set(variants=2, seed=3), training_set(variants=2, seed=3)
    assert np.array_equal(one[0], two[0])
    assert one[1].sum(axis=1).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_five_folds_of_real_recordings() -> None:
    """Real recordings may be tested on, never shipped: their path comes from the environment."""
    path = os.environ.get("COSOUND_ESC50")
    if not path:
        pytest.skip("set COSOUND_ESC50 to the .npz of ESC-50 features (X, Y, files) to run this")
    with np.load(path, allow_pickle=True) as data:
        features, labels, names = data["X"].astype(float), data["Y"], data["files"]
    fold = np.array([str(name).replace("\\", "/").rsplit("/", 1)[-1][0] for name in names])
    likely = np.zeros(labels.shape)
    for each in sorted(set(fold)):
        model = TagModel.fit(features[fold != each], labels[fold != each])
        likely[fold == each] = model.probabilities(features[fold == each])
    assert (likely.argmax(axis=1) == labels.argmax(axis=1)).mean() >= 0.85
    assert np.square(likely - labels).sum(axis=1).mean() <= 0.25
