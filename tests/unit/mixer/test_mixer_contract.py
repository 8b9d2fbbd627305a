"""What every engine promises, asked of all three: on SDL's dummy device, on SDL's own mixer, and offline.

Only what a process may rely on whichever it has got: how exact each is, is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mixer_sounds import HALF, SR, MakePcm, layer

from mixer.bus_engine import BusEngine
from mixer.channels_engine import ChannelsEngine
from mixer.engine import Engine, EngineError, MasterControl
from mixer.engines import open_engine
from mixer.offline_engine import OfflineEngine
from mixer.scene import STRIPS, Scene
from tests.patience import until


@dataclass
class Running:
    """An engine, and a way to let its time pass until something is so."""

    engine: Engine
    until: Callable[[Callable[[], bool]], None]


def offline() -> Running:
    engine = OfflineEngine()

    def wait(true: Callable[[], bool]) -> None:
        for _ in range(200):
            if true():
                return
            engine.render(4096)
        raise AssertionError("it did not come")

    return Running(engine, wait)


def channels() -> Running:
    clock = [0.0]
    engine = ChannelsEngine(now_s=lambda: clock[0], by_itself=False)

    def wait(true: Callable[[], bool]) -> None:
        for _ in range(1000):
            if true():
                return
            clock[0] += 0.02
            engine.step()
        raise AssertionError("it did not come")

    return Running(engine, wait)


@pytest.fixture(params=["bus", "channels", "offline"])
def running(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    made = {"bus": lambda: Running(BusEngine(block=512), until), "channels": channels, "offline": offline}
    each = made[request.param]()
    yield each
    each.engine.close()


def names(running: Running) -> list[str | None]:
    return [strip.song_id for strip in running.engine.status().strips]


def level(running: Running) -> float:
    return running.engine.status().rms


def test_a_new_engine_is_silent_and_shows_sixteen_strips(running: Running) -> None:
    status = running.engine.status()
    assert names(running) == [None] * STRIPS
    assert (status.rms, status.missing_files, status.faults, status.dead_air_s) == (0, 0, 0, 0)


def test_a_scene_sounds_where_it_says_and_leaves_when_it_is_gone(running: Running, steady: str) -> None:
    running.engine.apply(Scene((layer(steady, strip=5, fade_s=0.005),)))
    running.until(lambda: names(running)[5] == "steady" and level(running) > 0.1)
    assert names(running).count(None) == STRIPS - 1
    assert running.engine.status().strips[5].gain_db == pytest.approx(0, abs=0.01)
    running.until(lambda: running.engine.status().strips[5].peak == pytest.approx(HALF, rel=0.05))
    running.engine.apply(Scene(release_s=0.01))
    running.until(lambda: names(running) == [None] * STRIPS)
    running.until(lambda: level(running) < 0.1)


def test_positions_go_on_from_where_a_layer_starts(running: Running, steady: str) -> None:
    running.engine.apply(Scene((layer(steady, start_frame=10 * SR, fade_s=0.005),)))
    running.until(lambda: names(running)[0] is not None)
    first = running.engine.status().strips[0].position_frame
    assert 10 * SR <= first < 12 * SR
    running.until(lambda: running.engine.status().strips[0].position_frame > first + 2000)


def test_a_song_gives_way_to_the_next_on_its_strip(running: Running, steady: str, make_pcm: MakePcm) -> None:
    other = make_pcm("other", np.full((1, 4 * SR), 0.25, np.float32))
    running.engine.apply(Scene((layer(steady, fade_s=0.005),)))
    running.until(lambda: level(running) > 0.1)
    running.engine.apply(Scene((layer(other, fade_s=0.02),)))
    running.until(lambda: names(running)[0] == "other")
    running.until(lambda: running.engine.status().strips[0].rms < 0.4)


def test_a_missing_file_is_counted_and_the_rest_goes_on(running: Running, steady: str) -> None:
    running.engine.apply(Scene((layer(steady, fade_s=0.005), layer("/nowhere/gone.pcm", strip=1))))
    running.until(lambda: running.engine.status().missing_files == 1 and level(running) > 0.1)
    assert names(running)[:2] == ["steady", None]


def test_an_instrumental_frees_its_strip_at_its_end(running: Running, make_pcm: MakePcm) -> None:
    path = make_pcm("piece", np.full((2, SR // 4), HALF, np.float32))
    running.engine.apply(Scene((layer(path, kind="instrumental", fade_s=0.005),)))
    running.until(lambda: names(running)[0] == "piece")
    running.until(lambda: names(running)[0] is None)


@pytest.mark.parametrize("master", [MasterControl(mute=True), MasterControl(hush=True, hush_db=-60)])
def test_the_master_takes_away_and_gives_back(running: Running, steady: str, master: MasterControl) -> None:
    running.engine.apply(Scene((layer(steady, fade_s=0.005),)))
    running.until(lambda: level(running) > 0.3)
    running.engine.control(master)
    running.until(lambda: level(running) < 0.01)
    running.engine.control(MasterControl())
    running.until(lambda: level(running) > 0.3)
    assert running.engine.status().dead_air_s == 0


def test_a_muted_layer_keeps_its_strip_and_is_not_heard(running: Running, steady: str) -> None:
    running.engine.apply(Scene((layer(steady, fade_s=0.005),)))
    running.until(lambda: level(running) > 0.3)
    running.engine.apply(Scene((layer(steady, muted=True),)))
    running.until(lambda: running.engine.status().strips[0].rms < 0.3)
    assert names(running)[0] == "steady"


def test_two_scenes_in_one_moment_end_in_the_second(running: Running, steady: str, make_pcm: MakePcm) -> None:
    other = make_pcm("other", np.full((2, SR), 0.25, np.float32))
    running.engine.apply(Scene((layer(steady, fade_s=0.005),)))
    running.engine.apply(Scene((layer(other, strip=2, fade_s=0.005),), release_s=0.005))
    running.until(lambda: names(running)[0] is None and names(running)[2] == "other")


def test_a_cue_leaves_the_strips_alone(running: Running, make_pcm: MakePcm) -> None:
    chime = make_pcm("chime", np.full((1, SR // 10), HALF, np.float32))
    running.engine.cue("one", chime)
    running.engine.cue("one", chime)
    assert names(running) == [None] * STRIPS


def test_closing_twice_is_once(running: Running) -> None:
    running.engine.close()
    running.engine.close()


@pytest.mark.parametrize(
    ("name", "fields", "engine"),
    [("bus", {}, "bus"), ("channels", {}, "channels"), ("bus", {"device": "none such"}, None)],
)
def test_the_engine_that_is_asked_for_opens(
    monkeypatch: pytest.MonkeyPatch, name: Any, fields: dict[str, Any], engine: str | None
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    if engine is None:
        with pytest.raises(EngineError, match="none such"):
            open_engine(name, **fields)
        return
    made = open_engine(name, **fields)
    assert made.status().engine == engine
    assert bool(made.status().lacks) == (engine == "channels")
    made.close()


def test_where_the_bus_gets_no_device_sdl_mixes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mixer.sdl import Sdl, SdlError

    def refuse(*_: object) -> None:
        raise SdlError("not with this pygame")

    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setattr(Sdl, "open", refuse)
    engine = open_engine()
    assert engine.status().engine == "channels"
    engine.close()
