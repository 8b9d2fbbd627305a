"""python -m benchmarks.pictures FOLDER: what the mixer does, to look at. Every picture is of rendered sound."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.canvas import BLUE, INK, RED, Canvas
from mixer.bus import SLAB
from mixer.dynamics import CEILING_DB, LOOKAHEAD
from mixer.offline_engine import OfflineEngine
from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import SAMPLE_RATE, Law, Layer, Loop, Scene, SongId
from mixer.upmix import Upmix

Sound = npt.NDArray[np.floating]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Path], Canvas]] = {
        "spectrogram": spectrogram,
        "fades": fades,
        "fade_error": fade_error,
        "limiter": limiter,
        "upmix_correlation": upmix_correlation,
    }
    with TemporaryDirectory() as scratch:
        for name, draw in pictures.items():
            draw(Path(scratch)).save(folder / f"{name}.png")
            print(folder / f"{name}.png")


def spectrogram(folder: Path) -> Canvas:
    """Three beds that come one by one, change places and go: no line straight up, which would be a click."""
    seconds = 24.0
    t = np.arange(round(10 * SAMPLE_RATE)) / SAMPLE_RATE
    random = np.random.default_rng(1)
    rain = _file(folder, "rain", 0.1 * random.standard_normal(len(t)))
    hum = _file(folder, "hum", sum(0.05 * np.sin(2 * np.pi * 220 * k * t) for k in (1, 2, 3, 5)))
    sweep = _file(folder, "sweep", 0.2 * np.sin(2 * np.pi * (400 * t + 150 * t**2)))
    engine, heard = OfflineEngine(), []
    for scene in ((rain,), (rain, hum), (hum, sweep), (sweep,), ()):
        engine.apply(_scene(scene, fade_s=3.0))
        heard.append(engine.render(round(seconds / 5 * SAMPLE_RATE)))
    sound = np.concatenate(heard)[:, 0]
    frames = np.lib.stride_tricks.sliding_window_view(sound, 2048)[::512] * np.hanning(2048)
    level_db = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)).T[::-1] / 300 + 1e-6)
    top = level_db[len(level_db) // 2 :]  # 0 … 12 kHz
    canvas = Canvas(900, 420, (0, seconds), (0, 12))
    canvas.image((top + 90) / 90)
    canvas.title("Three beds, crossfades of 3 s")
    canvas.axes([0, 6, 12, 18, 24], [0, 4, 8, 12], "seconds", "kHz")
    return canvas


def fades(folder: Path) -> Canvas:
    """Rendered in blue over the exact curve in red."""
    canvas = Canvas(900, 420, (0, 1), (0, 1))
    canvas.axes([0, 0.25, 0.5, 0.75, 1], [0, 0.5, 1], "of 8 s", "gain")
    for law in ("equal_power", "linear"):
        rendered, exact = _fade(folder, law)
        x = np.linspace(0, 1, len(exact))
        canvas.curve(x[::500], exact[::500], RED, 5)
        canvas.curve(x[::500], rendered[::500], BLUE, 2)
    canvas.title("Fades: rendered in blue, exact in red")
    return canvas


def fade_error(folder: Path) -> Canvas:
    """How far off, in dB of full scale."""
    canvas = Canvas(900, 420, (0, 1), (-180, -80))
    canvas.axes([0, 0.5, 1], [-180, -160, -140, -120, -100, -80], "of 8 s", "dBFS")
    for law, colour in (("equal_power", BLUE), ("linear", INK)):
        rendered, exact = _fade(folder, law)
        off_db = 20 * np.log10(np.abs(rendered - exact) + 1e-9)
        worst = off_db[: len(off_db) // 800 * 800].reshape(-1, 800).max(axis=1)
        canvas.curve(np.linspace(0, 1, len(worst)), worst, colour)
    canvas.curve(np.array([0.0, 1.0]), np.array([-100.0, -100.0]), RED, 2)
    canvas.title("Off the exact curve; red: what is allowed")
    return canvas


def limiter(folder: Path) -> Canvas:
    """A quiet tone that jumps up by 18 dB for a fifth of a second."""
    t = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    level = np.where((t > 0.3) & (t < 0.5), 2.4, 0.3)
    tone = _file(folder, "burst", level * np.sin(2 * np.pi * 997 * t), scale=4.0)
    engine = OfflineEngine()
    engine.apply(_scene((tone,), fade_s=0.0))
    out = engine.render(SAMPLE_RATE)[LOOKAHEAD:, 0]
    canvas = Canvas(900, 420, (0.25, 0.75), (-2.6, 2.6))
    canvas.axes([0.3, 0.4, 0.5, 0.6, 0.7], [-2, -1, 0, 1, 2], "seconds", "level")
    place = t[: len(out)]
    canvas.curve(place[::4], (level * np.sin(2 * np.pi * 997 * t) * np.sqrt(0.5))[: len(out) : 4], (170, 170, 170))
    canvas.curve(place[::4], out[::4], BLUE)
    for ceiling in (10 ** (CEILING_DB / 20), -(10 ** (CEILING_DB / 20))):
        canvas.curve(np.array([0.25, 0.75]), np.array([ceiling, ceiling]), RED, 2)
    canvas.title("Limiter: grey in, blue out, red its ceiling")
    return canvas


def upmix_correlation(_folder: Path) -> Canvas:
    """Mono into eight speakers: each square is how alike two of them are, white not at all."""
    upmix, made = Upmix(8, SLAB), []
    noise = np.random.default_rng(3).normal(0, 0.1, 80 * SLAB).astype(np.float32)
    for start in range(0, len(noise), SLAB):
        out = np.zeros((8, SLAB), np.float32)
        upmix.process(np.tile(noise[start : start + SLAB], (2, 1)), out)
        made.append(out)
    alike = np.abs(np.corrcoef(np.concatenate(made[1:], axis=1)))
    canvas = Canvas(460, 450, (0, 8), (8, 0))
    canvas.image(alike)
    canvas.title("Upmix: likeness of 8 outputs")
    canvas.axes([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7], "output", "output")
    return canvas


def _fade(folder: Path, law: str) -> tuple[Sound, Sound]:
    """(rendered, exact) gains of a fade in of 8 s."""
    laws: dict[str, Law] = {"linear": "linear", "equal_power": "equal_power"}
    steady = _file(folder, "steady", np.full(4 * SAMPLE_RATE, 0.5))
    engine, frames = OfflineEngine(), 8 * SAMPLE_RATE
    engine.apply(Scene((Layer(0, SongId("steady"), steady, "soundscape", 0.0, fade_s=8.0, law=laws[law]),)))
    rendered = engine.render(frames + LOOKAHEAD)[LOOKAHEAD:, 0].astype(np.float64) / (0.5 * np.sqrt(0.5))
    x = np.arange(frames) / frames
    return rendered, np.sin(x * np.pi / 2) if law == "equal_power" else x


def _file(folder: Path, name: str, samples: Sound, scale: float = 1.0) -> str:
    path = folder / f"{name}.pcm"
    info = PcmInfo(1, len(samples), scale / 32768, -20.0, -1.0, Loop(law="linear"))
    write_pcm(path, [samples.astype(np.float32)[None]], info)
    return str(path)


def _scene(paths: tuple[str, ...], fade_s: float) -> Scene:
    strips = {"rain": 0, "hum": 1, "sweep": 2, "burst": 3}
    layers = (Layer(strips[Path(path).stem], SongId(path), path, "soundscape", 0.0, fade_s=fade_s) for path in paths)
    return Scene(tuple(layers), release_s=fade_s)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures"))
