"""SDL's side of a device, through pygame; the only file that knows how SDL has to be treated."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path

from mixer.fifo import Fifo
from mixer.scene import SAMPLE_RATE

_INIT_AUDIO = 0x10  # SDL_INIT_AUDIO
_FLOAT = 0x8120  # AUDIO_F32LSB
_STOPPED = 0  # SDL_AUDIO_STOPPED


class SdlError(Exception):
    """SDL refused; carries its own words."""


class _Spec(ctypes.Structure):
    """SDL_AudioSpec."""

    _fields_ = (
        ("freq", ctypes.c_int),
        ("format", ctypes.c_uint16),
        ("channels", ctypes.c_uint8),
        ("silence", ctypes.c_uint8),
        ("samples", ctypes.c_uint16),
        ("padding", ctypes.c_uint16),
        ("size", ctypes.c_uint32),
        ("callback", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


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
        self._library.SDL_GetError.restype = ctypes.c_char_p
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

    def open(self, name: str, channels: int, block: int, fifo: Fifo) -> SdlDevice:
        """Open an output for float32 at 48 kHz that plays what comes out of `fifo`, silent until `start`.

        What SDL calls for each block, with a pointer of ours, the block's memory and its size, is read(2): its
        parameters are the same, a file, memory and a size. Raises `SdlError`.
        """
        read = ctypes.cast(ctypes.CDLL(None).read, ctypes.c_void_p).value
        wanted = _Spec(SAMPLE_RATE, _FLOAT, channels, samples=block, callback=read, userdata=fifo.outlet)
        device = self._library.SDL_OpenAudioDevice(name.encode(), 0, ctypes.byref(wanted), ctypes.byref(_Spec()), 0)
        if device == 0:
            raise SdlError(self._library.SDL_GetError().decode(errors="replace"))
        return SdlDevice(self._library, device, fifo)


def end_audio() -> None:
    """Leave SDL's audio, closing what is open: pygame.mixer begins only where nobody has begun before it."""
    from pygame._sdl2 import audio

    del audio  # its import is what loads SDL
    library = ctypes.CDLL(_library_path())
    while library.SDL_WasInit(_INIT_AUDIO):
        library.SDL_QuitSubSystem(_INIT_AUDIO)


def audio_threads() -> tuple[int, ...]:
    """The kernel's numbers of SDL's own threads for devices."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "comm").read_text().startswith("SDLAudio"):
                found.append(int(task.name))
    return tuple(found)


class SdlDevice:
    """An open output. It keeps what it reads from: its driver may come to read long after everybody has left."""

    def __init__(self, library: ctypes.CDLL, number: int, fifo: Fifo) -> None:
        self._library = library
        self._id = number
        self._fifo = fifo

    def start(self) -> None:
        self._library.SDL_PauseAudioDevice(self._id, 0)

    def lives(self) -> bool:
        """Whether SDL still hands our blocks to the hardware; it stops when that goes away or refuses one."""
        return bool(self._library.SDL_GetAudioDeviceStatus(self._id) != _STOPPED)

    def close(self) -> None:
        """Stop the audio thread, waiting for a block under way."""
        self._library.SDL_CloseAudioDevice(self._id)


def _library_path() -> str:
    """The SDL that pygame has loaded, so that both speak of the same devices."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.search(r"/\S*libSDL2-2[^/\s]*$", line)
        if found:
            return found.group()
    raise SdlError("pygame is here but its SDL is not; reinstall pygame-ce")
