"""Where the blocks go: a device while there is one, else a clock, so that the music goes on in time.

A device that is pulled out, refuses a block or stops taking them is let go of, and tried again with growing
patience. What plays does not notice: its blocks are taken, by whom does not matter.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from mixer.engine import DeviceRefusedError, EngineError
from mixer.fifo import Fifo
from mixer.null_clock import NullClock
from mixer.sdl import SdlError

STALLED_S = 2.0
FIRST_PATIENCE_S = 1.0
LONGEST_PATIENCE_S = 30.0
CLOSING_PATIENCE_S = 1.0
NO_DEVICE = "none (silent clock)"

log = logging.getLogger(__name__)


class Device(Protocol):
    """An open output, silent until `start`."""

    def start(self) -> None: ...
    def lives(self) -> bool: ...
    def close(self) -> None: ...


class Audio(Protocol):
    """What opens devices: SDL."""

    def device_names(self) -> list[str]: ...
    def open(self, name: str, channels: int, block: int, fifo: Fifo) -> Device: ...


class Output:
    """Has the blocks that come out of `fifo` taken, by a device or by a clock; never by both.

    frames: how many frames have been taken so far. newcomer: called when a device has begun, with
    whether it is back (or came late) while the mix went on without it. lost, reopened: how often one went away, and
    came back.
    """

    def __init__(
        self,
        audio: Audio,
        device: str | None,
        channels: int,
        block: int,
        fifo: Fifo,
        *,
        frames: Callable[[], int],
        newcomer: Callable[[bool], None],
    ) -> None:
        self.lost = 0
        self.reopened = 0
        self.name = NO_DEVICE
        self._audio = audio
        self._wanted = device
        self._shape = (channels, block)
        self._fifo = fifo
        self._frames = frames
        self._newcomer = newcomer
        self._device: Device | None = None
        self._clock: NullClock | None = None
        self._seen: tuple[int, float] | None = None  # frames, and when they were first as many
        self._patience_s = FIRST_PATIENCE_S
        self._next_try_s = 0.0
        self._looked_s = 0.0

    @property
    def on_device(self) -> bool:
        return self._device is not None

    def start(self) -> None:
        """Begin, on the device or, without any, on the clock. Raises `EngineError` for a name
        that no device has, and its `DeviceRefusedError` for a device that does not open."""
        names = self._audio.device_names()
        if names:
            name = _choose(self._wanted, names)
            try:
                self._take(name)
            except SdlError as error:
                raise DeviceRefusedError(f"audio device {name!r} cannot be opened: {error}") from error
        else:
            log.warning("no sound card found: the mix goes on unheard until there is one")
            self._fall_back()

    def look(self, now_s: float) -> None:
        """See to it that somebody takes the blocks. To be called a few times a second; `now_s` never goes back."""
        if self._device is not None:
            if not self._device.lives():
                self._lose(now_s, "has gone away")
            elif self._stalled(now_s):
                self._lose(now_s, f"has taken nothing for {STALLED_S:.0f} s")
        elif now_s >= self._next_try_s:
            self._try_again(now_s)

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            _close(device)
        if self._clock is not None:
            self._clock.close()

    def _take(self, name: str) -> None:
        """Open a device and let it take them instead of the clock. Raises `SdlError`; then all is as it was."""
        device = self._audio.open(name, *self._shape, self._fifo)
        back = self._clock is not None
        if self._clock is not None:
            self._clock.close()
            self._clock = None
        device.start()
        self._newcomer(back)
        self._device, self.name, self._seen = device, name, None

    def _fall_back(self) -> None:
        self.name = NO_DEVICE
        self._clock = NullClock(self._fifo, *self._shape)
        self._clock.start()

    def _lose(self, now_s: float, why: str) -> None:
        log.warning("audio device %r %s: the mix goes on unheard until it is back", self.name, why)
        device, self._device = self._device, None
        assert device is not None
        self.lost += 1
        _close(device)
        self._fall_back()
        self._patience_s = FIRST_PATIENCE_S
        self._next_try_s = now_s + self._patience_s

    def _try_again(self, now_s: float) -> None:
        names = self._audio.device_names()
        try:
            if names and (self._wanted is None or self._wanted in names):
                self._take(_choose(self._wanted, names))
        except SdlError as error:
            log.debug("audio device not back yet: %s", error)
        if self._device is not None:
            self.reopened += 1
            log.warning("audio device %r is back", self.name)
            return
        self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S)
        self._next_try_s = now_s + self._patience_s

    def _stalled(self, now_s: float) -> bool:
        """Whether nothing is taken any more, while we ourselves have not been stopped."""
        frames, asleep = self._frames(), now_s - self._looked_s >= STALLED_S
        if self._seen is None or asleep or frames != self._seen[0]:
            self._seen = (frames, now_s)
        self._looked_s = now_s
        return now_s - self._seen[1] >= STALLED_S


def _choose(device: str | None, names: list[str]) -> str:
    if device is None:
        return names[0]
    if device not in names:
        raise EngineError(f"no audio device {device!r}; there is {', '.join(names)}")
    return device


def _close(device: Device) -> None:
    """A device that hangs in its driver may keep its thread; we go on."""
    closing = threading.Thread(target=device.close, name="closing a device", daemon=True)
    closing.start()
    closing.join(CLOSING_PATIENCE_S)
    if closing.is_alive():
        log.warning("the audio driver does not let go of its device")
