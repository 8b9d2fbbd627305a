from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mixer.boot_time import boot_time_ns
from mixer.recorder import RING_FRAMES, Recorder

SR = 48_000
BLOCK = 1024


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "room.wav"


Start = Callable[[], Recorder]


@pytest.fixture
def start(path: Path, clock: Clock) -> Start:
    """A recorder whose thread leaves the writing to the test."""
    return lambda: Recorder(path, 2, clock_ns=clock, write_every_s=3600)


def play(recorder: Recorder, clock: Clock, blocks: int, level: float = 0.5) -> None:
    for _ in range(blocks):
        recorder.take(np.full((BLOCK, 2), level, np.float32))
        clock.advance(BLOCK / SR)


def frames(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (SR, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def test_what_was_handed_over_is_in_the_file(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    noise = np.random.default_rng(1).uniform(-1, 1, (20 * BLOCK, 2)).astype(np.float32)
    for at in range(0, len(noise), BLOCK):
        recorder.take(noise[at : at + BLOCK])
        clock.advance(BLOCK / SR)
    recorder.close()
    assert np.array_equal(frames(path), np.rint(noise * 32767).astype(np.int16))


def test_it_starts_at_the_first_sound(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    play(recorder, clock, 50, level=0.0)
    play(recorder, clock, 2)
    play(recorder, clock, 1, level=0.0)
    recorder.close()
    assert len(frames(path)) == 3 * BLOCK


def test_blocks_that_never_came_are_silence(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    play(recorder, clock, 10)
    clock.advance(0.5)
    play(recorder, clock, 10)
    recorder.close()
    recorded = frames(path)
    assert len(recorded) == pytest.approx(20 * BLOCK + SR / 2, abs=2)
    gap = recorded[10 * BLOCK : 10 * BLOCK + SR // 2 - 2]
    assert not gap.any()
    assert recorded[: 10 * BLOCK].all()
    assert recorded[-10 * BLOCK :].all()


def test_a_little_late_is_not_missing(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    for _ in range(20):
        play(recorder, clock, 1)
        clock.advance(0.004)
    recorder.close()
    assert len(frames(path)) == 20 * BLOCK


def test_killed_and_started_again_it_goes_on_where_time_is(path: Path, start: Start, clock: Clock) -> None:
    killed = start()
    play(killed, clock, 10)
    killed.write()
    play(killed, clock, 3)  # in the ring when the process died: lost
    clock.advance(1.0)
    second = start()
    play(second, clock, 5, level=0.25)
    second.close()
    recorded = frames(path)
    assert len(recorded) == pytest.approx(18 * BLOCK + SR, abs=2)
    assert not recorded[10 * BLOCK : 13 * BLOCK + SR - 2].any()
    assert np.median(recorded[-5 * BLOCK :]) == round(0.25 * 32767)
    killed.close()


def test_a_killed_recording_can_be_read(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    play(recorder, clock, 10)
    recorder.write()
    assert len(frames(path)) == 10 * BLOCK
    recorder.close()


def test_what_is_long_ago_is_another_recording(path: Path, start: Start, clock: Clock) -> None:
    first = start()
    play(first, clock, 10)
    first.close()
    clock.advance(3600)
    second = start()
    play(second, clock, 2)
    second.close()
    assert len(frames(path)) == 2 * BLOCK


@pytest.mark.parametrize("sidecar", ["", "[]", '{"frames": "many"}'])
def test_a_damaged_sidecar_means_a_new_recording(path: Path, start: Start, clock: Clock, sidecar: str) -> None:
    path.write_bytes(b"x" * 9000)
    path.with_name("room.wav.clock.json").write_text(sidecar)
    recorder = start()
    play(recorder, clock, 2)
    recorder.close()
    assert len(frames(path)) == 2 * BLOCK


def test_a_disk_that_stands_still_costs_silence_not_order(path: Path, start: Start, clock: Clock) -> None:
    recorder = start()
    blocks = RING_FRAMES // BLOCK + 40
    for number in range(blocks):
        play(recorder, clock, 1, level=(number + 1) / 1000)
    recorder.close()
    recorded = frames(path)
    assert len(recorded) == blocks * BLOCK
    assert recorded[-1, 0] == round(blocks / 1000 * 32767)


def test_boot_time_runs() -> None:
    assert boot_time_ns() > 0
