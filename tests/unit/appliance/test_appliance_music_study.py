"""What is found in real files of every kind, and in what a person takes for one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.errors import InputError
from appliance.music.cut import is_cut
from appliance.music.study import Study, study, study_in_child
from mixer.pcm import read_info
from tests.music import GOOD, ORDINARY, Made, bad_folder, ordinary_folder, sound, write


def looked_into(path: Path, target: Path | None = None) -> Study:
    return study(path, target, lambda share: None)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ordinary_folder(tmp_path_factory.mktemp("good"), seconds=1.0)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bad_folder(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("made", ORDINARY, ids=lambda made: made.name)
def test_every_ordinary_file_is_read_whole_with_its_tags(good: Path, made: Made) -> None:
    found = looked_into(good / made.name)
    assert found.duration_s == pytest.approx(1.0, abs=0.06)
    assert (found.channels, found.rate_hz) == (made.channels, made.rate_hz)
    tags = {"title": found.title, "artist": found.artist, "genre": found.genre}
    assert {name: text for name, text in tags.items() if text} == made.tags
    endings = {"WAVEX": ".wav", "OGG": ".opus" if made.subtype == "OPUS" else ".ogg"}
    assert found.ending == endings.get(made.format, f".{made.format.lower()}")
    assert len(ORDINARY) == GOOD


@pytest.mark.parametrize("name", ["hall.wav", "telephone.wav", "night drive.flac"])
def test_with_a_target_it_becomes_playable_and_measured(good: Path, tmp_path: Path, name: str) -> None:
    found = looked_into(good / name, tmp_path / "x.pcm")
    info = read_info(tmp_path / "x.pcm")
    assert info.frames == pytest.approx(48_000, rel=0.01)
    assert (found.loudness_lufs, found.true_peak_dbtp) == (info.loudness_lufs, info.true_peak_dbtp)
    assert (found.vector, found.source) == (None, "neutral"), "a chord is no landscape"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("text.wav", "holds no sound that can be read; save it as WAV"),
        ("random.mp3", "holds no sound that can be read; save it as WAV"),
        ("silent.flac", "is silent; choose a file with sound in it"),
        ("blink.wav", "is only 0.10 s long; 0.5 s are the least"),
        ("seven.wav", "has 7 channels, at most 6 are played; save it in stereo"),
        ("nan.wav", "has samples that are not numbers; export it again"),
        ("aiff.wav", "holds AIFF, whatever its ending says; save it as WAV"),
        ("cut.wav", "is cut short: after 0:02 its end is missing; copy it again"),
        ("cut.ogg", "is cut short: after 0:0. its end is missing; copy it again"),
        ("cut.opus", "is cut short: after 0:0. its end is missing; copy it again"),
        ("cut.mp3", "is cut short: 0:02 of 0:04 are there; copy it again"),
        ("cut.flac", "is damaged after 0:0. of 0:04; copy or export it again"),
    ],
)  # fmt: skip
def test_every_bad_file_is_refused_in_words_and_makes_nothing(bad: Path, tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        looked_into(bad / name, tmp_path / "x.pcm")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.music.study.shortage", lambda folder, need: f"{need} bytes are too many")
    source = write(tmp_path, Made("three.wav", 48_000, 1), sound(1, 48_000, 1, 3.0))
    with pytest.raises(InputError, match=r"^288000 bytes are too many; make room and add it again$"):
        looked_into(source, tmp_path / "x.pcm")


def test_a_wav_of_a_stream_whose_length_nobody_knew_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path, Made("stream.wav"), sound(1, 44_100, 2, 1.0))
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert not is_cut(path)


def test_other_chunks_before_the_sound_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, Made("tagged.wav", tags={"title": "Odd", "comment": "x" * 33}), sound(1, 44_100, 2, 1.0))
    assert not is_cut(path)
    path.write_bytes(path.read_bytes()[:-400])
    assert is_cut(path)


def test_a_wav_that_ends_in_its_header_is_cut(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF\x00\x10\x00\x00WAVEfmt ")
    assert is_cut(tmp_path / "x.wav")


def test_progress_goes_from_nothing_to_the_whole(good: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    study(good / "meadow.opus", tmp_path / "x.pcm", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_starter_sound_is_recognised(tmp_path: Path) -> None:
    from ml.synth import render

    file = io.BytesIO()
    soundfile.write(file, np.asarray(render("rain", seconds=6.0)), 48_000, format="FLAC")
    (tmp_path / "rain.flac").write_bytes(file.getvalue())
    found = looked_into(tmp_path / "rain.flac", tmp_path / "x.pcm")
    assert found.source == "model"
    assert found.vector is not None and int(np.argmax(found.vector)) == 0


@pytest.mark.processes
def test_a_child_says_the_same(good: Path, bad: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    assert study_in_child(good / "hall.wav", None, shares.append) == looked_into(good / "hall.wav")
    assert shares[-1] == 1.0
    with pytest.raises(InputError, match="holds no sound"):
        study_in_child(bad / "text.wav", tmp_path / "x.pcm", shares.append)
