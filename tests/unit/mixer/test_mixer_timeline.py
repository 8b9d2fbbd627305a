"""A piece on paper: what may stand there, what may not and where it says so, and that it sounds to the frame."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from mixer_sounds import HALF, SR, MakePcm

from mixer.cli import render
from mixer.timeline import TimelineError, read_timeline


def write(folder: Path, tree: Any) -> Path:
    path = folder / "piece.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return path


@pytest.fixture
def flat(make_pcm: MakePcm, tmp_path: Path) -> str:
    """Ten seconds of the constant ½, mono."""
    return Path(make_pcm("flat", np.full((1, 10 * SR), HALF, np.float32))).name


def sound(folder: Path, tree: dict[str, Any]) -> np.ndarray:
    out = folder / "out.wav"
    done = CliRunner().invoke(render, [str(write(folder, tree)), str(out)])
    assert done.exit_code == 0, done.output
    with wave.open(str(out)) as file:
        channels = file.getnchannels()
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels) / 32767


SIDE = HALF * 0.5**0.5  # a mono file in the middle, on one of two sides


def test_starts_ends_and_fades_are_exact_to_the_frame(tmp_path: Path, flat: str) -> None:
    layer = {"file": flat, "start_s": 0.777, "end_s": 3.3, "fade_in_s": 0.5, "fade_out_s": 0.25, "law": "linear"}
    out = sound(tmp_path, {"seconds": 4, "layers": [layer]})[:, 0]
    assert len(out) == 4 * SR
    start, end = round(0.777 * SR), round(3.3 * SR)
    assert not out[: start + 1].any()
    x = np.arange(len(out))
    exact = SIDE * np.clip((x - start) / (0.5 * SR), 0, 1) * np.clip((end - x) / (0.25 * SR), 0, 1)
    assert np.abs(out - exact).max() < 3e-5
    assert not out[end:].any()


def test_moves_and_pan(tmp_path: Path, flat: str) -> None:
    moves = [{"at_s": 1.0, "gain_db": -6.0206, "pan": 1, "fade_s": 0.1}]
    out = sound(tmp_path, {"seconds": 2, "layers": [{"file": flat, "pan": -1, "moves": moves}]})
    assert out[SR // 2] == pytest.approx([HALF, 0], abs=1e-4)
    assert out[round(1.5 * SR)] == pytest.approx([0, HALF / 2], abs=1e-4)


def test_sixteen_at_once_and_a_hundred_one_after_another(tmp_path: Path, flat: str) -> None:
    many = [{"file": flat, "start_s": n * 0.5, "end_s": n * 0.5 + 0.4, "gain_db": -12} for n in range(100)]
    together = [{"file": flat, "gain_db": -30} for _ in range(14)]
    out = sound(tmp_path, {"seconds": 51, "channels": 1, "layers": [*together, *many]})
    assert np.abs(out[round(25.2 * SR)]) > np.abs(out[round(25.45 * SR)]) + 0.05


def test_any_file_a_person_has(tmp_path: Path) -> None:
    import soundfile

    tone = 0.2 * np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100)
    soundfile.write(str(tmp_path / "tone.flac"), tone, 44_100)
    out = sound(tmp_path, {"seconds": 1.5, "layers": [{"file": "tone.flac", "loop": False}]})
    spectrum = np.abs(np.fft.rfft(out[: SR // 2, 0]))
    assert np.argmax(spectrum) == round(441 / 2)


LAYER = {"file": "here.wav"}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ("{", "not valid JSON"),
        ([], "must be an object"),
        ({"layers": []}, "'seconds' is missing"),
        ({"seconds": "long", "layers": []}, "seconds is 'long'; give a number"),
        ({"seconds": 1e999, "layers": []}, "give a number"),
        ({"seconds": True, "layers": []}, "give a number"),
        ({"seconds": 1}, "'layers' is missing"),
        ({"seconds": 1, "layers": {}}, "give a list"),
        ({"seconds": 1, "layers": [3]}, r"layers\[0\]: must be an object"),
        ({"seconds": 1, "layers": [{}]}, r"layers\[0\]: 'file' is missing"),
        ({"seconds": 1, "layers": [{"file": "gone.wav"}]}, r"layers\[0\].file: there is no .*gone.wav"),
        ({"seconds": 1, "channels": 3, "layers": []}, "channels is 3; choose one of 1, 2, 4, 6, 8"),
        ({"seconds": 1, "layers": [LAYER | {"law": "log"}]}, r"law is 'log'; choose one of equal_power, linear"),
        ({"seconds": 1, "layers": [LAYER | {"gain": 3}]}, "'gain' means nothing here; there is .*gain_db"),
        ({"seconds": 1, "layers": [LAYER | {"pan": 2}]}, "pan is 2"),
        ({"seconds": 1, "layers": [LAYER | {"loop": 1}]}, "loop is 1; choose one of True, False"),
        ({"seconds": 9, "layers": [LAYER | {"start_s": 5, "end_s": 4}]}, "end_s is 4; give a number from 5"),
        ({"seconds": 9, "layers": [LAYER | {"moves": [{"at_s": 3}, {"at_s": 2}]}]}, r"moves\[1\].at_s is 2"),
        ({"seconds": 9, "layers": [LAYER] * 17}, "more than 16 layers sound together at 0 s"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(tmp_path: Path, tree: Any, says: str) -> None:
    (tmp_path / "here.wav").touch()
    path = write(tmp_path, tree)
    with pytest.raises(TimelineError, match=says) as refused:
        read_timeline(path)
    assert "\n" not in str(refused.value)
    done = CliRunner().invoke(render, [str(path), str(tmp_path / "out.wav")])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("out", ["/proc/none/out.wav", "."])
def test_an_output_that_cannot_be_is_one_line(tmp_path: Path, flat: str, out: str) -> None:
    path = write(tmp_path, {"seconds": 1, "layers": [{"file": flat}]})
    done = CliRunner().invoke(render, [str(path), out])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_file_that_is_no_sound_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "here.wav").write_text("not a sound")
    done = CliRunner().invoke(
        render, [str(write(tmp_path, {"seconds": 1, "layers": [LAYER]})), str(tmp_path / "o.wav")]
    )
    assert done.exit_code == 2
    assert "not a sound file we can read" in done.output


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seconds", "layers", "file"]), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_a_timeline_or_a_clear_refusal(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    path = write(tmp_path_factory.getbasetemp(), tree if not isinstance(tree, str) else json.dumps(tree))
    try:
        read_timeline(path)
    except TimelineError as refused:
        assert str(refused)
