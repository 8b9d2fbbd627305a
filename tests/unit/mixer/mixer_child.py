# ruff: noqa: T201  its output is its result
"""A small player for the tests that need a real process: plays one bed through SDL and says how it goes.

usage: mixer_child.py PCM RECORDING SECONDS; prints "ready", and at the end one line of JSON.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time

from mixer.threads import use_one_blas_thread

use_one_blas_thread()

from mixer.bus_engine import BusEngine, EngineError  # noqa: E402
from mixer.recorder import Recorder  # noqa: E402
from mixer.scene import Layer, Scene, SongId  # noqa: E402


def main(pcm: str, recording: str, seconds: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    recorder = Recorder(recording, 2)
    try:
        engine = BusEngine(recorder=recorder)
    except EngineError as error:
        sys.exit(f"{error}")
    engine.apply(Scene((Layer(0, SongId("bed"), pcm, "soundscape", 0.0, fade_s=0.1),)))
    print("ready", flush=True)
    time.sleep(float(seconds))
    status = engine.status()
    engine.close()
    heavy = sorted(name for name in ("soundfile", "soxr", "scipy", "librosa") if name in sys.modules)
    print(
        json.dumps(
            {
                "device": status.device,
                "frames": status.frames,
                "underruns": status.underruns,
                "faults": status.faults,
                "song": status.strips[0].song_id,
                "heavy": heavy,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
