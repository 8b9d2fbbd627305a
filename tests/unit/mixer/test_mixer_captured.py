"""What SDL was really given, for every size of a block and every number of outputs."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import SR, MakePcm, layer

from mixer.bus_engine import BusEngine, list_devices
from mixer.engine import EngineError, MasterControl
from mixer.engines import open_engine
from mixer.offline_engine import OfflineEngine
from mixer.recorder import Recorder
from mixer.scene import Scene
from mixer.sdl import Sdl, SdlError
from tests.patience import until


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where SDL's disk driver writes, as fast as it can."""
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(tmp_path / "sdl.raw"))
    monkeypatch.setenv("SDL_DISKAUDIODELAY", "1")
    return tmp_path / "sdl.raw"


def sounding(engine: OfflineEngine | BusEngine, path: str) -> None:
    engine.apply(Scene((layer(path, fade_s=0.1, pan=0.2), layer(path, strip=3, pan=-0.4, gain_db=-9.0, fade_s=0.1))))


@pytest.mark.parametrize(
    ("block", "channels"), [(512, 2), (1000, 2), (1024, 1), (1024, 4), (1024, 6), (1024, 8), (2048, 2), (4096, 8)]
)
def test_it_is_what_the_offline_engine_renders(raw: Path, make_pcm: MakePcm, block: int, channels: int) -> None:
    noise = np.random.default_rng(block).normal(0, 0.1, (2, 2 * SR)).astype(np.float32)
    path = make_pcm("noise", noise)
    engine = BusEngine(channels=channels, block=block)
    sounding(engine, path)
    begin = engine.status().frames
    until(lambda: engine.status().frames > begin + 3 * SR)
    status = engine.status()
    engine.close()
    assert (status.faults, status.on_device, status.channels, status.block) == (0, True, channels, block)
    reference = OfflineEngine(channels)
    sounding(reference, path)
    exact = reference.render(3 * SR)
    captured = np.fromfile(raw, np.float32).reshape(-1, channels)
    first, first_exact = (int(np.argmax(each.any(axis=1))) for each in (captured, exact))
    same = slice(0, 2 * SR)
    assert np.array_equal(captured[first:][same], exact[first_exact:][same])
    assert not captured[-1].any(), "it leaves through a fade"


def test_a_device_is_opened_by_its_name(raw: Path, steady: str) -> None:
    name = list_devices()[-1]
    engine = BusEngine(name)
    engine.apply(Scene((layer(steady, fade_s=0.005),)))
    until(lambda: engine.status().rms > 0.1)
    engine.close()
    assert engine.status().device == name
    assert np.fromfile(raw, np.float32).any()


def test_mute_is_a_ramp_in_what_sdl_got(raw: Path, steady: str) -> None:
    engine = BusEngine()
    engine.apply(Scene((layer(steady, fade_s=0.005),)))
    until(lambda: engine.status().frames > 2 * SR)
    engine.control(MasterControl(mute=True))
    at = engine.status().frames
    until(lambda: engine.status().frames > at + SR)
    engine.control(MasterControl())
    until(lambda: engine.status().frames > at + 3 * SR)
    engine.close()
    captured = np.fromfile(raw, np.float32).reshape(-1, 2)[:, 0]
    quiet = np.flatnonzero(captured[SR : at + 2 * SR] == 0) + SR
    assert len(quiet) > SR // 2
    assert np.abs(np.diff(captured[SR:])).max() <= 0.5 / 960 * 1.01, "20 ms down, 20 ms up, and no louder than before"
    assert captured.max() == np.float32(0.5)


def test_a_number_of_outputs_that_neither_engine_gets_is_one_clear_line(
    raw: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise SdlError("eight are too many")

    monkeypatch.setattr(Sdl, "open", refuse)
    with pytest.raises(EngineError) as caught:
        open_engine(channels=8, recorder=Recorder(tmp_path / "room.wav", 8))
    assert "channels" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_recording_is_what_sdl_got(raw: Path, steady: str, tmp_path: Path) -> None:
    engine = BusEngine(recorder=Recorder(tmp_path / "room.wav", 2, clock_ns=lambda: 0))
    engine.apply(Scene((layer(steady, fade_s=0.2),)))
    until(lambda: engine.status().frames > 2 * SR)
    engine.close()
    captured = np.rint(np.fromfile(raw, np.float32).reshape(-1, 2) * 32767).astype(np.int16)
    with wave.open(str(tmp_path / "room.wav")) as file:
        recorded = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    first, first_recorded = (int(np.argmax(each.any(axis=1))) for each in (captured, recorded))
    size = min(len(captured) - first, len(recorded) - first_recorded)
    assert size > SR
    assert np.array_equal(recorded[first_recorded:][:size], captured[first:][:size])
