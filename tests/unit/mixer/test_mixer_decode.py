from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mixer.decode import decode_to_pcm
from mixer.pcm import PcmError, open_pcm
from mixer.scene import Loop

RATES = (8_000, 11_025, 44_100, 48_000, 96_000, 192_000)


def sine(rate: int, seconds: float = 1.5, channels: int = 2, hz: float = 997.0, level: float = 0.5) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave[:, None], (1, channels)).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "song.wav"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "song.pcm"


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_comes_out_at_48_khz_as_it_went_in(source: Path, target: Path, rate: int, channels: int) -> None:
    soundfile.write(source, sine(rate, channels=channels), rate, subtype="FLOAT")
    info = decode_to_pcm(source, target)
    assert info.channels == channels
    assert abs(info.frames - 72_000) <= 2
    pcm = open_pcm(target)
    back = pcm.samples[0, 2_000:-2_000] * pcm.scale
    exact = sine(48_000)[2_000 : 2_000 + len(back), 0]
    assert np.abs(back - exact).max() < 1e-3


@pytest.mark.parametrize(("suffix", "tolerance"), [("flac", 1e-3), ("ogg", 0.03), ("mp3", 0.03)])
def test_compressed_files(tmp_path: Path, target: Path, suffix: str, tolerance: float) -> None:
    source = tmp_path / f"song.{suffix}"
    soundfile.write(source, sine(44_100), 44_100)
    info = decode_to_pcm(source, target)
    assert info.duration_s == pytest.approx(1.5, abs=0.001 if suffix == "flac" else 0.1)
    assert np.abs(open_pcm(target).samples).max() * info.scale == pytest.approx(0.5, abs=tolerance)


def test_six_channels_come_down_to_two(source: Path, target: Path) -> None:
    six = np.zeros((48_000, 6), np.float32)
    six[:, 0], six[:, 3], six[:, 2] = sine(48_000, 1, 1)[:, 0], 0.9, sine(48_000, 1, 1, 500)[:, 0]
    soundfile.write(source, six, 48_000, subtype="FLOAT")
    info = decode_to_pcm(source, target)
    left, right = open_pcm(target).samples * info.scale
    assert np.abs(left - six[:, 0] - six[:, 2] * np.sqrt(0.5)).max() < 1e-3
    assert np.abs(right - six[:, 2] * np.sqrt(0.5)).max() < 1e-3


def test_seven_channels_are_refused(source: Path, target: Path) -> None:
    soundfile.write(source, np.zeros((4_800, 7)), 48_000)
    with pytest.raises(PcmError, match="7 channels"):
        decode_to_pcm(source, target)


def test_the_peak_lands_on_minus_one_and_scale_undoes_it(source: Path, target: Path) -> None:
    soundfile.write(source, sine(48_000, level=0.01), 48_000, subtype="FLOAT")
    info = decode_to_pcm(source, target)
    assert np.abs(open_pcm(target).samples).max() == round(32767 * 10 ** (-1 / 20))
    assert np.abs(open_pcm(target).samples).max() * info.scale == pytest.approx(0.01, rel=1e-3)


def test_dc_is_removed(source: Path, target: Path) -> None:
    soundfile.write(source, sine(48_000, 1.0, hz=1000) + np.float32(0.2), 48_000, subtype="FLOAT")
    info = decode_to_pcm(source, target)
    assert abs(open_pcm(target).samples.mean() * info.scale) < 1e-4


def test_what_is_measured(source: Path, target: Path) -> None:
    mono = 0.5 * np.sin(2 * np.pi * 12_000 * np.arange(96_000) / 48_000 + np.pi / 4)
    soundfile.write(source, mono, 48_000, subtype="FLOAT")
    info = decode_to_pcm(source, target, loop=Loop(0, 40_000, 0.5))
    assert info.true_peak_dbtp == pytest.approx(-6.02, abs=0.2), "between samples; the samples say −9"
    assert info.loop == Loop(0, 40_000, 0.5)
    assert open_pcm(target).info == info


def test_progress_goes_from_nothing_to_all(source: Path, target: Path) -> None:
    soundfile.write(source, sine(48_000, 5), 48_000)
    seen: list[float] = []
    decode_to_pcm(source, target, progress=seen.append)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.5
    assert seen[-1] == 1


def bad_files() -> dict[str, np.ndarray]:
    return {
        "no sound in it": np.zeros((0, 2), np.float32),
        "silent": np.zeros((48_000, 2), np.float32),
        "not numbers": np.full((4_800, 2), np.nan, np.float32),
        "shorter than": sine(48_000, 0.01),
    }


@pytest.mark.parametrize("complaint", bad_files())
def test_what_cannot_be_played_is_refused_in_one_line(source: Path, target: Path, complaint: str) -> None:
    soundfile.write(source, bad_files()[complaint], 48_000, subtype="FLOAT")
    with pytest.raises(PcmError, match=complaint) as refusal:
        decode_to_pcm(source, target)
    assert str(source) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not target.exists()


@pytest.mark.parametrize("name", ["page.html", "song.wav", "noise.raw", "song.m4a"])
def test_what_is_no_sound_is_refused(tmp_path: Path, target: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>not a song</html>" * 50)
    with pytest.raises(PcmError, match="not a sound file we can read"):
        decode_to_pcm(tmp_path / name, target)


def test_a_missing_file_is_refused(source: Path, target: Path) -> None:
    with pytest.raises(PcmError, match="not a sound file we can read"):
        decode_to_pcm(source, target)


def test_a_flac_cut_short_is_refused(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "song.flac"
    soundfile.write(source, np.random.default_rng(1).uniform(-0.5, 0.5, (96_000, 2)), 48_000)
    source.write_bytes(source.read_bytes()[:100_000])
    with pytest.raises(PcmError, match="damaged"):
        decode_to_pcm(source, target)
