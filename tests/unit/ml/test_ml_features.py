from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ml.features import FEATURES, AudioError, extract, extract_file
from ml.resample import to_analysis_rate

RATE_HZ = 22_050


def tone(hz: float, seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def hiss(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))).astype(np.float32)


def test_a_tone_has_its_own_centre_crossings_and_chroma() -> None:
    features = extract(tone(440, 6), RATE_HZ)
    assert features.shape == (FEATURES,)
    centroid, rolloff, flatness, crossings = features[40:44]
    assert centroid == pytest.approx(440, abs=40)
    assert rolloff == pytest.approx(440, abs=25)
    assert flatness < 0.01
    assert crossings == pytest.approx(2 * 440 / RATE_HZ, rel=0.01)
    assert features[44:].argmax() == 9  # A


def test_noise_is_flat_and_bright() -> None:
    centroid, _, flatness, crossings = extract(hiss(6), RATE_HZ)[40:44]
    assert centroid == pytest.approx(RATE_HZ / 4, rel=0.03)
    assert flatness > 0.5
    assert crossings == pytest.approx(0.5, abs=0.01)


def test_level_moves_only_the_first_coefficient() -> None:
    loud, soft = extract(hiss(6), RATE_HZ), extract(0.1 * hiss(6), RATE_HZ)
    assert loud[0] - soft[0] == pytest.approx(20 * np.sqrt(128), rel=1e-3)
    assert loud[1:20] == pytest.approx(soft[1:20], abs=1e-2)


def test_the_sample_rate_hardly_matters() -> None:
    low = extract(tone(440, 6) + tone(1000, 6), RATE_HZ)
    high = extract(tone(440, 6, 48_000) + tone(1000, 6, 48_000), 48_000)
    assert high[40:44] == pytest.approx(low[40:44], rel=0.02, abs=1e-3)
    assert high[44:] == pytest.approx(low[44:], abs=0.02)


def test_stereo_is_the_mean_of_both_ears() -> None:
    left, right = tone(440, 6), hiss(6)
    both = extract(np.stack([left, right], axis=1), RATE_HZ)
    assert both == pytest.approx(extract((left + right) / 2, RATE_HZ), abs=1e-4)


def test_a_short_sound_is_looped_not_padded() -> None:
    short, long = extract(hiss(1), RATE_HZ), extract(np.tile(hiss(1), 6), RATE_HZ)
    assert np.abs(short[:20] - long[:20]).max() < 3
    assert extract(np.array([0.5], dtype=np.float32), RATE_HZ).shape == (FEATURES,)


def test_segments_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.features.SEGMENT_S", 6)
    whole = extract(hiss(6, 1), RATE_HZ)
    longer = extract(np.concatenate([hiss(6, 1), hiss(6, 1), hiss(0.01)]), RATE_HZ)
    assert longer[:44] == pytest.approx(whole[:44], rel=1e-3, abs=2e-3)


def test_silence_is_finite() -> None:
    assert np.isfinite(extract(np.zeros(RATE_HZ * 6, dtype=np.float32), RATE_HZ)).all()


@pytest.mark.parametrize(
    ("samples", "rate_hz", "says"),
    [
        (np.zeros(0), 48_000, "no sound"),
        (np.zeros((2, 2, 2)), 48_000, "no sound"),
        (np.array([np.nan] * 9), 48_000, "not finite"),
        (np.zeros(9), 0, "sample rate"),
        (np.zeros(9), 999_999, "sample rate"),
    ],
)
def test_what_is_no_sound_gets_one_clear_line(samples: np.ndarray, rate_hz: int, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        extract(samples, rate_hz)


def test_a_file_gives_what_its_samples_give(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, hiss(6), RATE_HZ, subtype="FLOAT")
    assert extract_file(path) == pytest.approx(extract(hiss(6), RATE_HZ), abs=1e-6)
    soundfile.write(path, hiss(0.5), RATE_HZ, subtype="FLOAT")
    assert extract_file(path) == pytest.approx(extract(hiss(0.5), RATE_HZ), abs=1e-6)


def test_a_file_that_is_no_sound_says_what_would_be(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear box,")
    for wrong in (path, tmp_path / "gone.wav"):
        with pytest.raises(AudioError, match="send wav, flac"):
            extract_file(wrong)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 32_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_a_tone(rate_hz: int) -> None:
    there = to_analysis_rate(tone(1000, 1, rate_hz), rate_hz)
    assert len(there) == RATE_HZ
    assert np.abs(there - tone(1000, 1))[500:-500].max() < 0.3 * 10 ** (-80 / 20)


def test_resampling_lets_nothing_fold_back() -> None:
    assert np.abs(to_analysis_rate(tone(15_000, 1, 48_000), 48_000)[500:-500]).max() < 0.3 * 10 ** (-80 / 20)
