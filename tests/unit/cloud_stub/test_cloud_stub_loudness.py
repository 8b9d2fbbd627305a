from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cloud_stub.loudness import measure

RATE_HZ = 48_000


def written(path: Path, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, sound, rate_hz, subtype="FLOAT")
    return path


def sine(hz: float, seconds: float, level_db: float, phase: float = 0.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time_s + phase)


def test_the_standards_own_tone(tmp_path: Path) -> None:
    """BS.1770: 997 Hz at 0 dBFS in one channel reads −3.01 LUFS."""
    tone = sine(997, 6, -20)
    found = measure(written(tmp_path / "tone.wav", np.stack([tone, np.zeros_like(tone)], axis=1)))
    assert found.loudness_lufs == pytest.approx(-23.01, abs=0.1)
    assert found.duration_s == pytest.approx(6.0)


def test_silence_between_sounds_is_gated_away(tmp_path: Path) -> None:
    tone = sine(997, 6, -20)
    with_gap = np.concatenate([tone, np.zeros(6 * RATE_HZ), tone])
    plain = measure(written(tmp_path / "plain.wav", tone)).loudness_lufs
    gapped = measure(written(tmp_path / "gap.wav", with_gap)).loudness_lufs
    assert plain is not None
    assert gapped == pytest.approx(plain, abs=0.3)


def test_the_peak_between_the_samples_counts(tmp_path: Path) -> None:
    """A quarter of the rate at 45°: the samples reach −3 dB of the wave's top."""
    found = measure(written(tmp_path / "between.wav", sine(RATE_HZ / 4, 1, -6.02, np.pi / 4)))
    assert found.true_peak_dbtp == pytest.approx(-6.02, abs=0.3)


def test_silence_is_known(tmp_path: Path) -> None:
    found = measure(written(tmp_path / "silent.wav", np.zeros(RATE_HZ)))
    assert found.silent
    assert found.loudness_lufs is None


def test_a_sound_shorter_than_a_block_is_measured_too(tmp_path: Path) -> None:
    found = measure(written(tmp_path / "short.wav", sine(997, 0.25, -20)))
    assert found.loudness_lufs == pytest.approx(-23.01, abs=0.3)
    assert not found.silent


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no audio"):
        measure(written(tmp_path / "empty.wav", np.zeros(0)))
