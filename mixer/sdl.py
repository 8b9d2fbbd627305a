"""SDL's side of a device, through pygame; the only file that knows how SDL has to be treated."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mixer.scene import SAMPLE_RATE

AUDIO_NICE = -11
_INIT_AUDIO = 0x10  # SDL_INIT_AUDIO
_STOPPED = 0  # SDL_AUDIO_STOPPED

Callback = Callable[[object, Any], None]  # (pygame's device, the block's memory)


class SdlError(Exception):
    """SDL refused; carries its own words."""


class Sdl:
    """The audio subsystem, opened on whatever driver SDL or SDL_AUDIODRIVER chooses."""

    def __init__(self) -> None:
        # Without this SDL takes SIGTERM for itself as soon as audio is on, and the process cannot be stopped.
        os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        from pygame._sdl2 import audio, sdl2

        self._audio = audio
        self._error: type[Exception] = sdl2.error
        self._library = ctypes.CDLL(_library_path())
        self._sdl2 = sdl2
        self._works = self._try_to_begin()

    def device_names(self) -> list[str]:
        """The outputs SDL sees now; empty without a sound card, and asked anew each time."""
        self._works = self._works or self._try_to_begin()
        return list(self._audio.get_audio_device_names(False)) if self._works else []

    def _try_to_begin(self) -> bool:
        """Whether any driver works; one that was asked for by name and does not is an error."""
        try:
            self._sdl2.init_subsystem(self._sdl2.INIT_AUDIO)
        except self._error as error:
            if "SDL_AUDIODRIVER" in os.environ:
                raise SdlError(str(error)) from error
            return False
        return True

    def open(self, name: str, channels: int, block: int, callback: Callback) -> SdlDevice:
        """Open an output for float32 at 48 kHz, silent until `start`. Raises `SdlError`."""
        form = self._audio.AUDIO_F32
        try:
            device = self._audio.AudioDevice(name, False, SAMPLE_RATE, form, channels, block, 0, callback)
        except self._error as error:
            raise SdlError(str(error)) from error
        return SdlDevice(self._library, device)


def end_audio() -> None:
    """Leave SDL's audio, closing what is open: pygame.mixer begins only where nobody has begun before it."""
    from pygame._sdl2 import audio

    del audio  # its import is what loads SDL
    library = ctypes.CDLL(_library_path())
    while library.SDL_WasInit(_INIT_AUDIO):
        library.SDL_QuitSubSystem(_INIT_AUDIO)


def settle_in() -> None:
    """Make SDL's thread at home; called once, from the first callback.

    Its state in the interpreter is kept between callbacks (pygame makes and drops one each time: a quarter of
    what an idle callback costs), and it goes before other work where the process may ask for that.
    """
    ctypes.pythonapi.PyGILState_Ensure()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), AUDIO_NICE)


class SdlDevice:
    """An open output; the callback is given each block's memory on SDL's thread.

    pygame's own pause() and close() wait for the audio thread with the interpreter's lock held, while that
    thread may be waiting for the lock: so both are asked of SDL directly. pygame's object would call the
    latter once more when it is destroyed, on whatever device has the number by then: so it never is.
    """

    def __init__(self, library: ctypes.CDLL, device: Any) -> None:
        self._library = library
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(device))
        self._id = int(device.deviceid)

    def start(self) -> None:
        self._library.SDL_PauseAudioDevice(self._id, 0)

    def lives(self) -> bool:
        """Whether SDL still hands our blocks to the hardware; it stops when that goes away or refuses one."""
        return bool(self._library.SDL_GetAudioDeviceStatus(self._id) != _STOPPED)

    def close(self) -> None:
        """Stop the audio thread, waiting for a callback under way."""
        self._library.SDL_CloseAudioDevice(self._id)


def _library_path() -> str:
    """The SDL that pygame has loaded, so that both speak of the same devices."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.search(r"/\S*libSDL2-2[^/\s]*$", line)
        if found:
            return found.group()
    raise SdlError("pygame is here but its SDL is not; reinstall pygame-ce")
