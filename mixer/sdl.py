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

Callback = Callable[[Any], None]
Entry = Callable[[object, Any], None]


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
        """The outputs SDL sees now; empty without a sound card."""
        return list(self._audio.get_audio_device_names(False)) if self._works else []

    def use_driver(self, name: str) -> None:
        """Change to another of SDL's drivers; only while no device is open."""
        if not self._works:
            os.environ["SDL_AUDIODRIVER"] = name
            self._works = self._try_to_begin()
        elif self._library.SDL_AudioInit(name.encode()) != 0:
            raise SdlError(f"no audio driver {name!r}")

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

        def make(entry: Entry) -> Any:
            form = self._audio.AUDIO_F32
            return self._audio.AudioDevice(name, False, SAMPLE_RATE, form, channels, block, 0, entry)

        try:
            return SdlDevice(self._library, make, callback)
        except self._error as error:
            raise SdlError(str(error)) from error


def settle_in() -> None:
    """Make SDL's thread at home; called once, from the first callback.

    Its state in the interpreter is kept between callbacks (pygame makes and drops one each time: a quarter of
    what an idle callback costs), and it goes before other work where the process may ask for that.
    """
    ctypes.pythonapi.PyGILState_Ensure()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), AUDIO_NICE)


class SdlDevice:
    """An open output; `callback` is given each block's memory on SDL's thread.

    pygame's own pause() and close() wait for the audio thread with the interpreter's lock held, while that
    thread may be waiting for the lock: so both are asked of SDL directly. pygame's object would call the
    latter once more when it is destroyed, on whatever device has the number by then: so it never is.
    """

    def __init__(self, library: ctypes.CDLL, make: Callable[[Entry], Any], callback: Callback) -> None:
        self._library = library
        self._callback = callback
        device = make(self._enter)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(device))
        self._id = int(device.deviceid)

    def start(self) -> None:
        self._library.SDL_PauseAudioDevice(self._id, 0)

    def close(self) -> None:
        """Stop the audio thread, waiting for a callback under way."""
        self._library.SDL_CloseAudioDevice(self._id)
        self._callback = _nobody  # only this small object stays behind

    def _enter(self, _device: object, memory: Any) -> None:
        self._callback(memory)


def _nobody(_memory: Any) -> None:
    """Nobody is called any more."""


def _library_path() -> str:
    """The SDL that pygame has loaded, so that both speak of the same devices."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.search(r"/\S*libSDL2-2[^/\s]*$", line)
        if found:
            return found.group()
    raise SdlError("pygame is here but its SDL is not; reinstall pygame-ce")
