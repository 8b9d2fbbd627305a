"""One mixer alone in its process, for its CPU and memory to be read; prints one line of JSON.

usage: python -m benchmarks.mixer_child WHAT FOLDER BLOCK SECONDS; what it plays into is said by SDL's variables.
WHAT: steady, crossfade, space8, idle (ours); reference (pygame.mixer, float32, sixteen channels).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mixer.threads import use_one_blas_thread

use_one_blas_thread()

from mixer.bus_engine import BusEngine  # noqa: E402
from mixer.scene import SAMPLE_RATE, STRIPS, Layer, Scene, SongId  # noqa: E402
from mixer.space import Room  # noqa: E402

Frames = Callable[[], float]


def main(what: str, folder: str, block: str, seconds: str) -> None:
    paths = sorted(Path(folder).glob("*.pcm"))
    make = _reference if what == "reference" else _ours
    frames = make(what, paths, int(block))
    time.sleep(0.7)
    began_cpu_s, began_frames = time.process_time(), frames()
    time.sleep(float(seconds))
    cpu_s, played_s = time.process_time() - began_cpu_s, (frames() - began_frames) / SAMPLE_RATE
    print(json.dumps({"ms_per_s": 1000 * cpu_s / played_s, "played_s": played_s, "anon_mb": _anonymous_mb()}))
    sys.stdout.flush()
    os._exit(0)  # both would fade out first


def _ours(what: str, paths: list[Path], block: int) -> Frames:
    space = what == "space8"
    engine = BusEngine(channels=8 if space else 2, block=block, room=Room(reverb=0.3) if space else None)
    engine.apply(_scene([] if what == "idle" else paths, fade_s=0.05))
    if what == "crossfade":
        time.sleep(0.5)
        engine.apply(_scene(paths[5:] + paths[:5], fade_s=600.0))
    return lambda: float(engine.status().frames)


def _scene(paths: list[Path], fade_s: float) -> Scene:
    return Scene(
        tuple(
            Layer(strip, SongId(path.stem), str(path), "soundscape", -18.0, pan=strip / 8 - 1, fade_s=fade_s)
            for strip, path in enumerate(paths[:STRIPS])
        )
    )


def _reference(_what: str, paths: list[Path], block: int) -> Frames:
    """SDL_mixer as it is meant to be used: decoded, in memory, looping, one volume each."""
    import numpy as np
    import pygame

    from mixer.pcm import open_pcm

    pygame.mixer.init(SAMPLE_RATE, 32, 2, block, allowedchanges=0)
    pygame.mixer.set_num_channels(STRIPS)
    for strip, path in enumerate(paths[:STRIPS]):
        samples = open_pcm(path).samples.T.astype(np.float32) / 32768
        channel = pygame.mixer.Channel(strip)
        channel.play(pygame.mixer.Sound(buffer=samples.tobytes()), loops=-1)
        channel.set_volume(0.12)
    file = os.environ.get("SDL_DISKAUDIOFILE")
    if file is None:
        return lambda: time.monotonic() * SAMPLE_RATE
    return lambda: Path(file).stat().st_size / 8


def _anonymous_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main(*sys.argv[1:])
