"""The engine in a process of its own, through SDL: what SDL was given, and how the process ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import HALF, SR, layer

from mixer.offline_engine import OfflineEngine
from mixer.scene import Scene
from mixer.wav import HEADER_BYTES
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.processes
CHILD = Path(__file__).with_name("mixer_child.py")

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(steady: str, tmp_path: Path) -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def run(seconds: float, **variables: str) -> subprocess.Popen[str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SDL_")}
        child = subprocess.Popen(
            [sys.executable, str(CHILD), steady, str(tmp_path / "room.wav"), str(seconds)],
            env=inherited | {"PYTHONPATH": os.pathsep.join(sys.path)} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


def ready(child: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", child.communicate()[1]
    return child


def result(child: subprocess.Popen[str]) -> dict:
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def recorded(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def sounded_s(path: Path) -> float:
    """How much of a recording is there while it is written."""
    return len(recorded(path)) / SR if path.exists() and path.stat().st_size > HEADER_BYTES else 0.0


def test_what_sdl_gets_is_what_the_offline_engine_renders(start: Start, steady: str, tmp_path: Path) -> None:
    raw = tmp_path / "sdl.raw"
    status = result(ready(start(1.0, SDL_AUDIODRIVER="disk", SDL_DISKAUDIOFILE=str(raw))))
    assert (status["faults"], status["song"], status["heavy"]) == (0, "bed", [])
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0.1),)))
    exact = engine.render(SR // 2)
    captured = np.fromfile(raw, np.float32).reshape(-1, 2)
    first, first_exact = (int(np.argmax(np.any(each, axis=1))) for each in (captured, exact))
    assert np.array_equal(captured[first : first + SR // 3], exact[first_exact : first_exact + SR // 3])
    wav = recorded(tmp_path / "room.wav")
    as_wav = np.rint(captured * 32767).astype(np.int16)
    begin = first - int(np.argmax(np.any(wav, axis=1)))
    same = len(wav) if status["underruns"] == 0 else SR // 5  # an underrun is silence in the recording alone
    assert np.array_equal(wav[:same], as_wav[begin : begin + same]), "the recording is a copy of what SDL got"
    assert not captured[-1].any(), "it leaves through a fade"


def test_without_a_sound_card_it_plays_into_the_dummy_and_says_so(start: Start) -> None:
    child = ready(start(0.5))
    out, err = child.communicate(timeout=PATIENCE_S)
    if "no sound card" not in err:
        pytest.skip("this machine has a sound card")
    assert 0.3 < json.loads(out.splitlines()[-1])["frames"] / SR < 1.5


def test_a_driver_that_is_none_is_refused_in_one_line(start: Start) -> None:
    _, err = start(0.1, SDL_AUDIODRIVER="nonsense").communicate(timeout=PATIENCE_S)
    assert "nonsense" in err
    assert "Traceback" not in err


def test_sigterm_ends_it(start: Start) -> None:
    child = ready(start(30, SDL_AUDIODRIVER="dummy"))
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0


def test_half_a_second_stopped_is_an_underrun_and_silence_in_the_recording(start: Start, tmp_path: Path) -> None:
    child = ready(start(3.0, SDL_AUDIODRIVER="dummy"))
    until(lambda: sounded_s(tmp_path / "room.wav") > 0.5, "some sound before the gap")
    began_s = time.monotonic()
    child.send_signal(signal.SIGSTOP)
    time.sleep(0.5)  # not a wait for something: the gap
    child.send_signal(signal.SIGCONT)
    stopped_s = time.monotonic() - began_s
    assert result(child)["underruns"] >= 1
    silent = ~recorded(tmp_path / "room.wav")[SR // 4 :].any(axis=1)
    assert 0.3 < silent[: -SR // 2].sum() / SR < stopped_s + 0.3


def test_killed_and_started_again_it_goes_on_in_the_same_recording(start: Start, tmp_path: Path) -> None:
    first = ready(start(30, SDL_AUDIODRIVER="dummy"))
    until(lambda: sounded_s(tmp_path / "room.wav") > 0.5, "some sound")
    first.kill()
    first.communicate()
    before = len(recorded(tmp_path / "room.wav"))
    began_s = time.monotonic()
    second = ready(start(0.6, SDL_AUDIODRIVER="dummy"))
    assert second.stdout is not None and second.stdout.readline(), "it says when it has closed the recording"
    passed_s = time.monotonic() - began_s
    second.communicate(timeout=PATIENCE_S)
    total = recorded(tmp_path / "room.wav")
    assert len(total) / SR == pytest.approx(before / SR + passed_s, abs=0.6)
    assert np.abs(total[:before]).max() == round(HALF * 32767)
    assert np.abs(total[-SR // 4 :]).max() == round(HALF * 32767)


COME_AND_GO = """
from mixer.bus_engine import BusEngine
for _ in range(12):
    engine = BusEngine()
    while engine.status().frames < 20_000:
        pass
    engine.close()
BusEngine()
print("gone")
"""


def test_engines_come_and_go_without_a_deadlock(tmp_path: Path) -> None:
    """At the fastest driver, where pygame's own close() hangs within a few turns; the last is left to exit."""
    driver = {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(tmp_path / "sdl.raw"), "SDL_DISKAUDIODELAY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", COME_AND_GO],
        env=os.environ | driver | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "gone\n"), done.stderr
