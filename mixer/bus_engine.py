"""The engine for real time: SDL calls for each block from its own thread, and the desk fills it."""

from __future__ import annotations

import atexit
import logging
import os
import time
from dataclasses import replace
from typing import Any

import numpy as np

from mixer.callback_clock import CallbackClock
from mixer.desk import Desk
from mixer.engine import EngineStatus, MasterControl
from mixer.envelope import MUTE_RAMP_S
from mixer.read_ahead import ReadAhead
from mixer.recorder import Recorder
from mixer.scene import SAMPLE_RATE, Scene
from mixer.sdl import Sdl, SdlDevice, SdlError, settle_in

CLOSING_PATIENCE_S = 0.5

log = logging.getLogger(__name__)


class EngineError(Exception):
    """No sound can be made: says which device and what to do about it."""


def list_devices() -> list[str]:
    """The names of the outputs SDL sees; empty without a sound card. Raises `EngineError`."""
    return _sdl().device_names()


class BusEngine:
    """An `Engine` on an SDL device. Plays from the moment it is made, silence until a scene comes.

    The process should have called `mixer.threads.use_one_blas_thread` before numpy came in.
    """

    def __init__(
        self,
        device: str | None = None,
        channels: int = 2,
        block: int = 1024,
        target_lufs: float = -20.0,
        recorder: Recorder | None = None,
    ) -> None:
        sdl = _sdl()
        self._name = _choose(device, sdl.device_names())
        self._desk = Desk(channels, target_lufs)
        self._block = block
        self._recorder = recorder
        self._clock = CallbackClock(block)
        self._faults = 0
        self._fault: Exception | None = None
        self._closed = False
        self._known = False
        try:
            self._device: SdlDevice = sdl.open(self._name, channels, block, self._callback)
        except SdlError as error:
            raise EngineError(f"audio device {self._name!r} cannot be opened: {error}") from error
        self._read_ahead = ReadAhead(self._desk.playing, self._desk.pages)
        self._read_ahead.start()
        atexit.register(self.close)  # the interpreter must not go while SDL still calls into it
        self._device.start()

    @classmethod
    def open_default(
        cls,
        device: str | None = None,
        channels: int = 2,
        block: int = 1024,
        target_lufs: float = -20.0,
        recorder: Recorder | None = None,
    ) -> BusEngine:
        """The named or first device; without any, SDL's dummy driver in real time, saying so in the log."""
        sdl = _sdl()
        if not sdl.device_names() and "SDL_AUDIODRIVER" not in os.environ:
            log.warning("no sound card found: playing in real time into SDL's dummy driver, unheard")
            sdl.use_driver("dummy")
            device = None
        return cls(device, channels, block, target_lufs, recorder)

    def apply(self, scene: Scene) -> None:
        self._desk.apply(scene)

    def control(self, master: MasterControl) -> None:
        self._desk.control(master)

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0) -> None:
        self._desk.cue(cue_id, path, gain_db)

    def status(self) -> EngineStatus:
        self._report_fault()
        p50, p99, longest = self._clock.took_ms()
        return replace(
            self._desk.status("bus", self._name, self._block),
            underruns=self._clock.underruns,
            longest_gap_ms=self._clock.longest_gap_ms,
            callback_ms_p50=p50,
            callback_ms_p99=p99,
            callback_ms_max=longest,
            faults=self._faults,
        )

    def close(self) -> None:
        """Fade out, then let the device go; takes about 0.1 s. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._fade_out()
        self._device.close()
        self._read_ahead.close()
        if self._recorder is not None:
            self._recorder.close()

    def _fade_out(self) -> None:
        self._desk.control(MasterControl(mute=True))
        enough = self._desk.frames + round(MUTE_RAMP_S * SAMPLE_RATE) + 3 * self._block
        patience = time.monotonic() + CLOSING_PATIENCE_S
        while self._desk.frames < enough and time.monotonic() < patience:
            time.sleep(0.005)

    def _callback(self, memory: Any) -> None:
        """Fill one block; runs on SDL's thread."""
        self._clock.begin(time.monotonic_ns())
        if not self._known:
            self._known = True
            settle_in()
        out = np.frombuffer(memory, np.float32).reshape(-1, self._desk.channels)
        try:
            self._desk.fill(out)
        except Exception as error:  # noqa: BLE001  SDL would print a trace per block and nobody would count
            out.fill(0)
            self._faults += 1
            self._fault = error
        if self._recorder is not None:
            self._recorder.take(out)
        self._clock.end(time.monotonic_ns())

    def _report_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            log.error("the audio callback failed (%d in all); silence was played", self._faults, exc_info=fault)


def _sdl() -> Sdl:
    try:
        return Sdl()
    except SdlError as error:
        raise EngineError(f"no audio: {error}; look at SDL_AUDIODRIVER and the sound card") from error


def _choose(device: str | None, names: list[str]) -> str:
    if not names:
        raise EngineError("no audio device; connect one, or set SDL_AUDIODRIVER=dummy to play unheard")
    if device is None:
        return names[0]
    if device not in names:
        raise EngineError(f"no audio device {device!r}; there is {', '.join(names)}")
    return device
