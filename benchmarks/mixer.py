"""The mixer: what sixteen layers cost beside SDL_mixer, how exact fades and seams are, and that nothing stutters."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.day import day_rows
from benchmarks.layers import write_layers
from benchmarks.row import Row, missing
from benchmarks.stutter import underrun_rows
from mixer.bus import SLAB
from mixer.desk import Desk
from mixer.dynamics import LOOKAHEAD
from mixer.lineup import FIRST_FRAMES
from mixer.offline_engine import OfflineEngine
from mixer.pages import Pages
from mixer.pcm import PcmInfo, open_pcm, write_pcm
from mixer.scene import SAMPLE_RATE, Law, Layer, Loop, Scene, SongId

SHM = Path("/dev/shm")  # noqa: S108  what SDL writes is a file nobody must wait for
FADES = (("5ms", 0.005), ("20ms", 0.02), ("250ms", 0.25), ("8s", 8.0), ("30s", 30.0))


def rows(*, quick: bool) -> list[Row]:
    """Every number of the mixer; the references run in the same minutes, turn and turn about."""
    with TemporaryDirectory(prefix="cosound-mixer-") as name:
        folder = Path(name)
        write_layers(folder, 60)
        return [
            *_process_rows(folder, 2 if quick else 5),
            *_bus_rows(folder, 1 if quick else 3),
            *[_fade_row(folder, label, seconds) for label, seconds in FADES],
            _seam_row(folder),
            *underrun_rows(10 if quick else 60),
            _memory_row(folder, 60 if quick else 600),
            _open_row(folder),
            *day_rows(2 if quick else 8),
            _ffmpeg_row(folder, 10 if quick else 30),
            _gstreamer_row(folder, 10 if quick else 30),
        ]


def _process_rows(folder: Path, rounds: int) -> list[Row]:
    """Whole processes into SDL's disk driver, as fast as it goes; and once more at the pace of a sound card."""
    whats = (("steady", 1024), ("reference", 1024), ("steady", 2048), ("reference", 2048), ("crossfade", 1024),
             ("space8", 1024))  # fmt: skip
    fast: dict[tuple[str, int], list[float]] = {what: [] for what in whats}
    paced: dict[str, list[float]] = {"steady": [], "reference": []}
    for _ in range(rounds):
        for what in whats:
            fast[what].append(_cost(folder, *what, seconds=1.5))
        for name, costs in paced.items():
            costs.append(_cost(folder, name, 1024, seconds=4, paced=True))
    ours = {what: median(costs) for what, costs in fast.items()}
    note = f"median of {rounds}, as fast as the disk driver goes; load {os.getloadavg()[0]:.1f}"
    unit = "ms/s"
    return [
        *(
            Row(f"mixer.process.steady.{block}", "16 steady stereo layers against SDL_mixer float32",
                ours["steady", block], unit, reference=ours["reference", block], goal=1.0, of="ratio", note=note)
            for block in (1024, 2048)
        ),
        Row("mixer.process.paced.1024", "the same at a sound card's pace (dummy driver)", median(paced["steady"]), unit,
            reference=median(paced["reference"]), goal=1.0, of="ratio",
            note="whoever wakes up finds cold caches: SDL's thread 47 times a second, Python 3 times"),
        Row("mixer.process.crossfade.1024", "all 16 strips crossfading, 32 decks, against steady",
            ours["crossfade", 1024], unit, reference=ours["steady", 1024], goal=2.0, of="ratio", note=note),
        Row("mixer.space8.1024", "8 outputs on a ring, reverb on, whole process", ours["space8", 1024], unit,
            goal=18.0, note=note),
    ]  # fmt: skip


def _cost(folder: Path, what: str, block: int, *, seconds: float, paced: bool = False) -> float:
    return _child(folder, what, block, seconds, paced)["ms_per_s"]


def _child(folder: Path, what: str, block: int, seconds: float, paced: bool) -> dict[str, float]:
    raw = (SHM if SHM.is_dir() else folder) / f"cosound-{os.getpid()}.raw"
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "SDL_AUDIODRIVER": "dummy"}
    if not paced:
        env |= {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(raw), "SDL_DISKAUDIODELAY": "0"}
    command = [sys.executable, "-m", "benchmarks.mixer_child", what, str(folder), str(block), str(seconds)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    raw.unlink(missing_ok=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _bus_rows(folder: Path, rounds: int) -> list[Row]:
    desk = Desk(2, -20.0)
    desk.apply(_scene(sorted(folder.glob("*.pcm"))))
    block = np.zeros((1024, 2), np.float32)
    frames = 0
    began_s = time.process_time()
    while frames < rounds * 30 * SAMPLE_RATE:
        desk.fill(block)
        frames += 1024
    cost = 1000 * (time.process_time() - began_s) / (frames / SAMPLE_RATE)
    return [Row("mixer.bus.1024", "bus, limiter and meters without a device", cost, "ms/s")]


def _scene(paths: list[Path], **fields: float) -> Scene:
    return Scene(
        tuple(
            Layer(strip, SongId(path.stem), str(path), "soundscape", -18.0, fade_s=fields.get("fade_s", 0.05))
            for strip, path in enumerate(paths)
        )
    )


def _fade_row(folder: Path, label: str, seconds: float) -> Row:
    """How far a fade of full scale ÷ 2 is from its exact curve anywhere, in dB of that level."""
    steady = folder / "steady.flat"
    if not steady.exists():
        samples = np.full((1, 4 * SAMPLE_RATE), 0.5, np.float32)
        write_pcm(steady, [samples], PcmInfo(1, samples.shape[1], 1 / 32768, -20.0, -6.0, Loop(law="linear")))
    worst = max(_fade_error(steady, seconds, law) for law in ("equal_power", "linear"))
    return Row(f"mixer.fade.{label}", f"fade of {label} off its exact curve", 20 * math.log10(worst + 1e-12), "dBFS",
               goal=-100.0, note="equal-power and linear, in and out; the worse")  # fmt: skip


def _fade_error(steady: Path, seconds: float, law: Law) -> float:
    engine, frames = OfflineEngine(), round(seconds * SAMPLE_RATE)
    layer = Layer(0, SongId("steady"), str(steady), "soundscape", 0.0, fade_s=seconds, law=law)
    engine.apply(Scene((layer,)))
    whole = -(-(frames + LOOKAHEAD) // SLAB) * SLAB
    rising = engine.render(whole)[LOOKAHEAD:, 0][:frames] / (0.5 * math.sqrt(0.5))
    engine.apply(Scene(release_s=seconds))
    falling = engine.render(whole + SLAB)[LOOKAHEAD:, 0][:frames] / (0.5 * math.sqrt(0.5))
    x = np.arange(frames) / frames
    up = np.sin(x * np.pi / 2) if law == "equal_power" else x
    down = np.cos(x * np.pi / 2) if law == "equal_power" else 1 - x
    return float(max(np.abs(rising - up).max(), np.abs(falling - down).max()))


def _seam_row(folder: Path) -> Row:
    """A loop of noise: its power through the seam against what the law of the seam says."""
    path, xfade = folder / "seam.loop", 1.0
    noise = np.random.default_rng(5).normal(0, 0.1, (1, 6 * SAMPLE_RATE)).astype(np.float32)
    write_pcm(path, [noise], PcmInfo(1, noise.shape[1], 1 / 32768, -20.0, -6.0, Loop(xfade_s=xfade)))
    samples = open_pcm(path).samples[0].astype(np.float64) / 32768
    engine = OfflineEngine()
    engine.apply(Scene((Layer(0, SongId("seam"), str(path), "soundscape", 0.0, fade_s=0.0),)))
    out = engine.render(7 * SAMPLE_RATE)[LOOKAHEAD:, 0].astype(np.float64) / math.sqrt(0.5)
    seam = slice(5 * SAMPLE_RATE, 6 * SAMPLE_RATE)
    x = np.arange(SAMPLE_RATE) / SAMPLE_RATE * np.pi / 2
    exact = samples[seam] * np.cos(x) + samples[:SAMPLE_RATE] * np.sin(x)
    off_db = 10 * np.log10(np.square(out[seam]).reshape(20, -1).sum(1) / np.square(exact).reshape(20, -1).sum(1))
    return Row("mixer.seam_db", "power through a loop's seam off its law, any 50 ms", float(np.abs(off_db).max()), "dB",
               goal=0.1)  # fmt: skip


def _memory_row(folder: Path, seconds: float) -> Row:
    with TemporaryDirectory(prefix="cosound-long-") as name:
        long = Path(name)
        first = write_layers(long, seconds, 1)[0]
        for index in range(1, 16):
            os.link(first, long / f"{index:02d}.pcm")
        playing = _child(long, "steady", 1024, 3, paced=True)["anon_mb"]
        idle = _child(long, "idle", 1024, 1, paced=True)["anon_mb"]
    return Row("mixer.memory_mb", f"16 layers of {seconds / 60:.0f} min: anonymous memory above idle", playing - idle,
               "MB", goal=25.0, note=f"idle {idle:.0f} MB")  # fmt: skip


def _open_row(folder: Path) -> Row:
    """Map a layer and bring in what it needs to begin, its pages dropped from the cache before."""
    pages, took = Pages(), []
    for path in sorted(folder.glob("*.pcm")) * 3:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began_s = time.perf_counter()
        pages.fetch(open_pcm(path).samples, 0, FIRST_FRAMES)
        took.append(1000 * (time.perf_counter() - began_s))
    return Row("mixer.open_ms", "opening a layer, p95", sorted(took)[round(0.95 * len(took)) - 1], "ms", goal=3.0)


def _ffmpeg_row(folder: Path, seconds: int) -> Row:
    row_id, name = "mixer.ref.ffmpeg", "our process beside ffmpeg's amix, 16 layers"
    if shutil.which("ffmpeg") is None:
        return missing(row_id, name, "ms/s", "ffmpeg is not installed: apt-get install -y ffmpeg")
    inputs = [part for path in _waves(folder) for part in ("-stream_loop", "-1", "-i", str(path))]
    volumes = ";".join(f"[{k}]volume=0.12[v{k}]" for k in range(16)) + ";" + "".join(f"[v{k}]" for k in range(16))
    command = ["ffmpeg", "-v", "error", *inputs, "-filter_complex", f"{volumes}amix=16:normalize=0", "-threads", "1"]

    def play(length_s: int) -> list[str]:
        return [*command, "-t", str(length_s), "-f", "null", "-"]

    return _reference_row(row_id, name, folder, play, seconds)


def _gstreamer_row(folder: Path, seconds: int) -> Row:
    row_id, name = "mixer.ref.gstreamer", "our process beside GStreamer's audiomixer, 16 layers"
    if shutil.which("gst-launch-1.0") is None:
        packages = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
        return missing(row_id, name, "ms/s", f"GStreamer is not installed: apt-get install -y {packages}")
    branches = [
        f"filesrc location={path} ! wavparse ! audioconvert ! volume volume=0.12 ! mix." for path in _waves(folder)
    ]
    mixer = "audiomixer name=mix output-buffer-duration=20000000 ! audio/x-raw,format=F32LE,rate=48000,channels=2"

    def play(length_s: int) -> list[str]:
        sink = f"fakesink sync=false num-buffers={length_s * 50}"
        return ["gst-launch-1.0", "-q", *f"{mixer} ! {sink} {' '.join(branches)}".split()]

    return _reference_row(row_id, name, folder, play, seconds)


def _reference_row(row_id: str, name: str, folder: Path, play: Callable[[int], list[str]], seconds: int) -> Row:
    """Turn and turn about; of theirs the start is taken off by a run of a second, of ours it never counted."""
    ours, theirs = [], []
    for _ in range(3):
        ours.append(_cost(folder, "steady", 1024, seconds=1.5))
        theirs.append((_cpu_s(play(seconds + 1)) - _cpu_s(play(1))) * 1000 / seconds)
    return Row(row_id, name, median(ours), "ms/s", reference=median(theirs), goal=1.0, of="ratio",
               note="they also read WAV files; ours is the whole process into SDL")  # fmt: skip


def _cpu_s(command: list[str]) -> float:
    before_s = _children_cpu_s()
    subprocess.run(command, capture_output=True, check=True)
    return _children_cpu_s() - before_s


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _waves(folder: Path) -> list[Path]:
    import soundfile

    paths = []
    for path in sorted(folder.glob("[0-9]*.pcm")):
        wave = path.with_suffix(".wav")
        if not wave.exists():
            soundfile.write(str(wave), open_pcm(path).samples.T, SAMPLE_RATE, subtype="PCM_16")
        paths.append(wave)
    return paths
