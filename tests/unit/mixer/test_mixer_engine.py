"""What every engine promises, on the one that needs no device."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from mixer_sounds import HALF, MakePcm, heard, layer

from mixer.bus import SLAB
from mixer.dynamics import CEILING_DB, LOOKAHEAD
from mixer.engine import MasterControl
from mixer.offline_engine import OfflineEngine
from mixer.scene import Layer, Loop, Scene, SceneError

SR = 48_000


def sounding(engine: OfflineEngine) -> list[str | None]:
    return [strip.song_id for strip in engine.status().strips if strip.song_id is not None]


def tone(hz: float, seconds: float, level: float = 0.3, channels: int = 2) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)
    return np.tile(wave.astype(np.float32), (channels, 1))


def test_silence_before_the_first_scene() -> None:
    engine = OfflineEngine()
    assert not engine.render(3 * SLAB).any()
    assert engine.status().dead_air_s == 0


@pytest.mark.parametrize("block", [512, 1000, 1024, 4096, 5000])
def test_the_size_of_a_block_changes_nothing(steady: str, block: int) -> None:
    engine, reference = OfflineEngine(block=block), OfflineEngine()
    for each in (engine, reference):
        each.apply(Scene((layer(steady, fade_s=0.3),)))
    assert np.array_equal(engine.render(20_000), reference.render(20_000))


def test_a_file_at_target_loudness_is_not_changed(make_pcm: MakePcm) -> None:
    samples = np.round(tone(440, 2) * 32768) / 32768
    engine = OfflineEngine()
    engine.apply(Scene((layer(make_pcm("tone", samples, loop=Loop(xfade_s=0)), fade_s=0),)))
    out = heard(engine, 2 * SR)[240:]
    assert np.abs(out - samples.T[240:]).max() < 1e-7


@pytest.mark.parametrize(("lufs", "gain_db"), [(-14.0, -6.0), (-26.0, 6.0), (-60.0, 12.0)])
def test_loudness_is_evened_out_within_limits(make_pcm: MakePcm, lufs: float, gain_db: float) -> None:
    path = make_pcm("dc", np.full((2, SR), 0.1, np.float32), lufs=lufs)
    engine = OfflineEngine(target_lufs=-20.0)
    engine.apply(Scene((layer(path, fade_s=0),)))
    assert heard(engine, SLAB)[-1, 0] == pytest.approx(0.1 * 10 ** (gain_db / 20), rel=1e-3)


def test_seventeen_layers_are_refused() -> None:
    with pytest.raises(SceneError, match="17 layers"):
        Scene(tuple(layer("x.pcm", strip=strip) for strip in range(17)))


@pytest.mark.parametrize("field", ["gain_db", "pan", "fade_s"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(field: str, value: float) -> None:
    with pytest.raises(SceneError, match="layer 'x'"):
        Scene((layer("x.pcm", **{field: value}),))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_master_refuses_them_too(value: float) -> None:
    with pytest.raises(ValueError, match="gain_db"):
        MasterControl(gain_db=value)


def test_a_channel_count_without_speakers_is_refused() -> None:
    with pytest.raises(ValueError, match="3 output channels"):
        OfflineEngine(channels=3)


def test_a_missing_file_leaves_its_strip_silent_and_is_counted(steady: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = OfflineEngine()
    with caplog.at_level(logging.WARNING):
        engine.apply(Scene((layer(steady, fade_s=0), layer("/nowhere/gone.pcm", strip=3))))
    assert engine.render(2 * SLAB)[-1, 0] == pytest.approx(HALF)
    assert engine.status().missing_files == 1
    assert sounding(engine) == ["steady"]
    assert "gone.pcm" in caplog.text


def test_a_file_that_appears_later_is_taken_at_the_next_scene(make_pcm: MakePcm, tmp_path) -> None:
    engine = OfflineEngine()
    scene = Scene((layer(str(tmp_path / "late.pcm"), fade_s=0),))
    engine.apply(scene)
    engine.render(SLAB)
    make_pcm("late", np.full((2, SR), HALF, np.float32))
    engine.apply(scene)
    assert engine.render(2 * SLAB)[-1, 0] == pytest.approx(HALF)
    assert engine.status().missing_files == 0


def test_a_file_that_is_replaced_while_it_plays_goes_on_as_it_was(make_pcm: MakePcm) -> None:
    path = make_pcm("song", np.full((2, 4 * SR), HALF, np.float32), loop=Loop(law="linear"))
    engine = OfflineEngine()
    engine.apply(Scene((layer(path, fade_s=0),)))
    engine.render(SLAB)
    make_pcm("song", np.full((2, SR // 2), -0.25, np.float32))
    assert (engine.render(3 * SR)[SLAB:] == np.float32(HALF)).all(), "the pages of the old one are still there"


def test_a_song_shorter_than_a_slab_sounds(make_pcm: MakePcm) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(make_pcm("tiny", tone(480, 0.025)), fade_s=0),)))
    out = heard(engine, SR)
    assert np.isfinite(out).all()
    assert np.sqrt(np.square(out[SR // 2 :]).mean()) > 0.1


@pytest.mark.parametrize("outputs", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("inputs", [1, 2])
def test_every_rig_plays_every_file_at_its_power(make_pcm: MakePcm, outputs: int, inputs: int) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (inputs, 2 * SR)).astype(np.float32)
    engine = OfflineEngine(channels=outputs)
    engine.apply(Scene((layer(make_pcm("noise", noise), fade_s=0),)))
    out = heard(engine, 2 * SR)[SR // 2 : SR]
    assert out.shape[1] == outputs
    expected = inputs if outputs > 1 else 1
    assert np.square(out).mean(axis=0).sum() == pytest.approx(0.01 * expected, rel=0.1)


def test_an_instrumental_fades_its_last_five_seconds_and_frees_its_strip(make_pcm: MakePcm) -> None:
    path = make_pcm("piece", np.full((2, 12 * SR), HALF, np.float32))
    engine = OfflineEngine()
    scene = Scene((layer(path, kind="instrumental", fade_s=0),))
    engine.apply(scene)
    out = heard(engine, 14 * SR)[:, 0]
    assert out[6 * SR] == pytest.approx(HALF)
    assert 0.69 < out[round(9.5 * SR)] / HALF < 0.74
    assert np.abs(np.diff(out[240:])).max() < 1e-4
    assert not out[12 * SR :].any()
    assert sounding(engine) == []
    engine.apply(Scene((layer(path, kind="instrumental", gain_db=-3),)))
    assert not engine.render(2 * SLAB).any(), "a scene that still names it must not start it again"
    engine.apply(Scene())
    engine.render(SLAB)
    engine.apply(scene)
    assert engine.render(2 * SLAB).any()


def test_a_layer_starts_where_it_is_told(make_pcm: MakePcm) -> None:
    ramp = np.tile(np.arange(4 * SR, dtype=np.float32) / 32768 / 8, (2, 1))
    engine = OfflineEngine()
    engine.apply(Scene((layer(make_pcm("ramp", ramp), start_frame=2 * SR, fade_s=0),)))
    out = heard(engine, SLAB)
    assert out[1000, 0] == pytest.approx((2 * SR + 1000) / 32768 / 8, abs=2 / 32768)
    assert engine.status().strips[0].position_frame == 2 * SR + SLAB


def test_a_third_song_waits_for_room_and_nothing_clicks(make_pcm: MakePcm) -> None:
    paths = [make_pcm(f"t{k}", tone(110, 6, 0.2)) for k in range(4)]
    engine = OfflineEngine()
    pieces = []
    for path in paths:
        engine.apply(Scene((layer(path, fade_s=4),)))
        pieces.append(engine.render(SLAB))
    pieces.append(engine.render(5 * SR))
    out = np.concatenate(pieces)
    assert np.abs(np.diff(out, axis=0)).max() < 0.4 * 2 * np.pi * 110 / SR * 1.2
    assert sounding(engine) == ["t3"]


def test_back_to_a_song_that_is_still_leaving(make_pcm: MakePcm) -> None:
    one, two = make_pcm("one", tone(110, 6)), make_pcm("two", tone(220, 6))
    engine = OfflineEngine()
    engine.apply(Scene((layer(one, fade_s=0),)))
    engine.render(5 * SLAB)
    engine.apply(Scene((layer(two, fade_s=2),)))
    engine.render(5 * SLAB)
    engine.apply(Scene((layer(one, fade_s=0.2),)))
    engine.render(SLAB)
    status = engine.status().strips[0]
    assert status.song_id == "one"
    assert status.position_frame == 11 * SLAB - LOOKAHEAD, "it goes on where it was, not from its start"


def full_scale(make_pcm: MakePcm) -> tuple[Layer, ...]:
    return tuple(
        layer(make_pcm(f"loud{k}", tone(100 + 20 * k, 2, 1.0), lufs=-20), strip=k, fade_s=0.1) for k in range(16)
    )


def test_sixteen_full_scale_layers_stay_below_one_decibel(make_pcm: MakePcm) -> None:
    engine = OfflineEngine()
    engine.apply(Scene(full_scale(make_pcm)))
    out = engine.render(2 * SR)
    assert np.abs(out).max() <= 10 ** (CEILING_DB / 20) * (1 + 1e-6)
    status = engine.status()
    assert status.clipped_samples == 0
    assert status.limiter_s > 1


def test_mute_and_hush_are_ramps_at_the_next_block(steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0),)))
    engine.render(3 * SLAB)
    engine.control(MasterControl(mute=True))
    out = engine.render(1024)[:, 0]
    assert np.abs(np.diff(out)).max() <= HALF / 960 * 1.01
    assert out[0] == pytest.approx(HALF)
    assert not out[960:].any()
    engine.control(MasterControl(hush=True, hush_db=-24))
    assert engine.render(2048)[-1, 0] == pytest.approx(HALF * 10 ** (-24 / 20))
    engine.control(MasterControl())
    assert engine.render(2048)[-1, 0] == np.float32(HALF)


def test_the_master_never_lifts_the_mix_over_the_limiter(steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0),)))
    engine.control(MasterControl(gain_db=12))
    assert engine.render(3 * SLAB).max() == np.float32(HALF)


def test_a_cue_sounds_once_beside_the_strips(make_pcm: MakePcm) -> None:
    chime = make_pcm("chime", tone(880, 0.3))
    engine = OfflineEngine()
    engine.cue("tap-1", chime, gain_db=-6)
    first = engine.render(SR)
    engine.cue("tap-1", chime)
    assert 0.1 < np.abs(first).max() < 0.2
    assert not engine.render(SR).any()
    assert sounding(engine) == []
    engine.cue("tap-2", chime)
    assert engine.render(SR).any()


@pytest.mark.parametrize("master", [MasterControl(mute=True), MasterControl(hush=True)])
def test_no_cue_over_hush_nor_after_it(make_pcm: MakePcm, master: MasterControl) -> None:
    engine = OfflineEngine()
    engine.control(master)
    engine.cue("tap-1", make_pcm("chime", tone(880, 0.3)))
    assert not engine.render(SR).any()
    engine.control(MasterControl())
    assert not engine.render(SR).any()


def test_meters_show_each_strip_and_the_mix(make_pcm: MakePcm) -> None:
    engine = OfflineEngine()
    loop = Loop(xfade_s=0)
    engine.apply(
        Scene(
            (
                layer(make_pcm("a", tone(1000, 1, 0.4), loop=loop), fade_s=0),
                layer(make_pcm("b", tone(1000, 1, 0.2), loop=loop), strip=5, gain_db=-6.0206, fade_s=0),
            )
        )
    )
    engine.render(3 * SR)
    status = engine.status()
    assert status.strips[0].peak == pytest.approx(0.4, rel=0.01)
    assert status.strips[0].rms == pytest.approx(0.4 / math.sqrt(2), rel=0.01)
    assert status.strips[5].peak == pytest.approx(0.1, rel=0.01)
    assert status.strips[5].gain_db == pytest.approx(-6.0206)
    assert status.strips[1].rms == 0
    assert status.peak == pytest.approx(0.5, rel=0.01)
    assert status.rms == pytest.approx(0.5 / math.sqrt(2), rel=0.01)


def test_dead_air_is_only_what_should_have_sounded(make_pcm: MakePcm, steady: str) -> None:
    engine = OfflineEngine()
    silent = make_pcm("silent", np.zeros((2, SR), np.float32))
    engine.apply(Scene((layer(silent, fade_s=0),)))
    engine.render(2 * SR)
    assert engine.status().silent_for_s == pytest.approx(2, abs=0.1)
    engine.control(MasterControl(mute=True))
    engine.render(SR)
    assert engine.status().dead_air_s == pytest.approx(2, abs=0.2)
    engine.control(MasterControl())
    engine.apply(Scene((layer(steady, fade_s=0),)))
    engine.render(SR)
    assert engine.status().silent_for_s == 0


def test_close_is_quiet(steady: str) -> None:
    OfflineEngine().close()
