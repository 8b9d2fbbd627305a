"""The engine for real time: a thread renders slabs of sound, SDL's own thread takes blocks of it to the card."""

from __future__ import annotations

import atexit
import logging
import math
import time
from dataclasses import replace

from mixer.boot_time import boot_time_s
from mixer.bus import SLAB
from mixer.care import Care
from mixer.desk import Desk
from mixer.engine import EngineError, EngineStatus, MasterControl
from mixer.fifo import Fifo
from mixer.output import Audio, Output
from mixer.pump import Pump
from mixer.read_ahead import ReadAhead
from mixer.recorder import Recorder
from mixer.scene import Scene
from mixer.sdl import Sdl, SdlError, audio_threads
from mixer.slab_clock import SlabClock
from mixer.space import Room

CLOSING_PATIENCE_S = 0.5
LOOK_EVERY_S = 0.5
SAMPLE_BYTES = 4

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
        process_first: bool = False,
    ) -> None:
        """device: by name, None for the first. Without any device it plays on, unheard, until there is one.
        process_first: whether all of this process is to be served in real time, because any thread of it may hold
        the interpreter when a slab is due; for processes that do little else.

        Raises `EngineError` for a device that refuses, or is not there while others are.
        """
        self._block = block
        self._recorder = recorder
        self._clock = SlabClock(SLAB, block)
        frame_bytes = channels * SAMPLE_BYTES
        # A recording is made of slabs that come one by one, each when it is due.
        self._fifo = Fifo(SLAB * frame_bytes, block * frame_bytes, several=recorder is None)
        self._desk = Desk(channels, target_lufs, room, boot_time_s, ahead=self._fifo.slabs)
        self._pump = Pump(self._desk, self._fifo, self._clock, recorder, process_first=process_first)
        self._closed = False
        self._output = Output(
            audio or sdl_audio(),
            device,
            channels,
            block,
            self._fifo,
            frames=lambda: self._desk.frames,
            newcomer=lambda back: self._pump.feed(audio_threads, from_silence=back),
        )
        self._read_ahead = ReadAhead(self._desk.playing, self._desk.pages)
        self._care = Care(self._look, LOOK_EVERY_S)
        self._read_ahead.start()
        self._pump.start()
        atexit.register(self.close)  # a process that just ends still ends with a fade
        try:
            self._output.start()
        except EngineError:
            self.close()
            raise
        self._care.start()

    def apply(self, scene: Scene) -> None:
        self._desk.apply(scene)
        self._fifo.ring()

    def control(self, master: MasterControl) -> None:
        self._desk.control(master)
        self._fifo.ring()

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0, until_s: float = math.inf) -> None:
        self._desk.cue(cue_id, path, gain_db, until_s)
        self._fifo.ring()

    def status(self) -> EngineStatus:
        self._pump.report_fault()
        p50, p99, longest = self._clock.took_ms()
        return replace(
            self._desk.status("bus", self._output.name, self._block, self._pump.played_frames()),
            underruns=self._clock.underruns,
            longest_gap_ms=self._clock.longest_gap_ms,
            longest_gil_ms=self._clock.longest_gil_ms,
            callback_ms_p50=p50,
            callback_ms_p99=p99,
            callback_ms_max=longest,
            faults=self._pump.faults,
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
        self._pump.close()
        self._output.close()
        self._read_ahead.close()
        if self._recorder is not None:
            self._recorder.close()

    def _look(self) -> None:
        """What a hand at the desk would see to: that there is an output, and that it is not silent."""
        self._output.look(time.monotonic())
        self._desk.heal()

    def _fade_out(self) -> None:
        """Until the ramp has been taken, and three blocks of silence: the card holds no more than that."""
        self.control(MasterControl(mute=True))
        enough = math.inf
        patience = time.monotonic() + CLOSING_PATIENCE_S
        while 0 < (played := self._pump.played_frames()) < enough and time.monotonic() < patience:
            if enough == math.inf and self._desk.faded_out(played):
                enough = played + 3 * self._block
            time.sleep(0.005)


def sdl_audio() -> Sdl:
    """SDL, ready to open devices. Raises `EngineError`."""
    try:
        return Sdl()
    except SdlError as error:
        raise EngineError(f"no audio: {error}; look at SDL_AUDIODRIVER and the sound card") from error
