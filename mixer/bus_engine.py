"""The engine for real time: SDL calls for each block from its own thread, and the desk fills it."""

from __future__ import annotations

import atexit
import logging
import time
from dataclasses import replace
from typing import Any

import numpy as np

from mixer.callback_clock import CallbackClock
from mixer.care import Care
from mixer.desk import Desk
from mixer.engine import EngineError, EngineStatus, MasterControl
from mixer.envelope import MUTE_RAMP_S
from mixer.output import Audio, Output
from mixer.read_ahead import ReadAhead
from mixer.recorder import Recorder
from mixer.scene import SAMPLE_RATE, Scene
from mixer.sdl import Sdl, SdlError, settle_in
from mixer.space import Room

CLOSING_PATIENCE_S = 0.5
LOOK_EVERY_S = 0.5
FLOAT = np.dtype(np.float32)

log = logging.getLogger(__name__)


def list_devices() -> list[str]:
    """The names of the outputs SDL sees; empty without a sound card. Raises `EngineError`."""
    return sdl_audio().device_names()


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
        audio: Audio | None = None,
        room: Room | None = None,
    ) -> None:
        """device: by name, None for the first. Without any device it plays on, unheard, until there is one.

        Raises `EngineError` for a device that refuses, or is not there while others are.
        """
        self._desk = Desk(channels, target_lufs, room)
        self._block = block
        self._shape = (-1, channels)
        self._recorder = recorder
        self._clock = CallbackClock(block)
        self._faults = 0
        self._fault: Exception | None = None
        self._closed = False
        self._at_home = False
        self._output = Output(
            audio or sdl_audio(),
            device,
            channels,
            block,
            self._callback,
            frames=lambda: self._desk.frames,
            newcomer=self._expect_newcomer,
        )
        self._read_ahead = ReadAhead(self._desk.playing, self._desk.pages)
        self._care = Care(self._look, LOOK_EVERY_S)
        self._read_ahead.start()
        atexit.register(self.close)  # the interpreter must not go while SDL still calls into it
        try:
            self._output.start()
        except EngineError:
            self.close()
            raise
        self._care.start()

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
            self._desk.status("bus", self._output.name, self._block),
            underruns=self._clock.underruns,
            longest_gap_ms=self._clock.longest_gap_ms,
            callback_ms_p50=p50,
            callback_ms_p99=p99,
            callback_ms_max=longest,
            faults=self._faults,
            devices_lost=self._output.lost,
            devices_reopened=self._output.reopened,
            on_device=self._output.on_device,
        )

    def close(self) -> None:
        """Fade out, then let the device go; takes about 0.1 s. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._fade_out()
        self._care.close()
        self._output.close()
        self._read_ahead.close()
        if self._recorder is not None:
            self._recorder.close()

    def _look(self) -> None:
        """What a hand at the desk would see to: that there is an output, and that it is not silent."""
        self._output.look(time.monotonic())
        self._desk.heal()

    def _fade_out(self) -> None:
        self._desk.control(MasterControl(mute=True))
        enough = self._desk.frames + round(MUTE_RAMP_S * SAMPLE_RATE) + 3 * self._block
        patience = time.monotonic() + CLOSING_PATIENCE_S
        while 0 < self._desk.frames < enough and time.monotonic() < patience:
            time.sleep(0.005)

    def _expect_newcomer(self) -> None:
        self._at_home = False

    def _callback(self, _device: object, memory: Any) -> None:
        """Fill one block; runs on SDL's thread, forty-seven times a second: no step here is free."""
        begin_ns = time.monotonic_ns()
        if not self._at_home:
            self._at_home = True
            settle_in()
        out = np.frombuffer(memory, FLOAT)
        out.shape = self._shape
        try:
            self._desk.fill(out)
        except Exception as error:  # noqa: BLE001  SDL would print a trace per block and nobody would count
            out.fill(0)
            self._faults += 1
            self._fault = error
        if self._recorder is not None:
            self._recorder.take(out)
        self._clock.called(begin_ns, time.monotonic_ns())

    def _report_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            log.error("the audio callback failed (%d in all); silence was played", self._faults, exc_info=fault)


def sdl_audio() -> Sdl:
    """SDL, ready to open devices. Raises `EngineError`."""
    try:
        return Sdl()
    except SdlError as error:
        raise EngineError(f"no audio: {error}; look at SDL_AUDIODRIVER and the sound card") from error
