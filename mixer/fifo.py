"""Slabs in at one end, device blocks out at the other: what lies between Python and the card's own thread.

It is a pair of sockets. SDL's audio thread takes its blocks with the C library's read(2) and never enters the
interpreter, so nothing that Python does can hold it up. The renderer is woken when the last block has been taken.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import socket
import termios
import time

from mixer.envelope import Samples

PATIENCE_S = 10  # the renderer looks up so often even if nothing happens
LARGEST_PIECE = 36 * 1024  # the kernel cuts what is sent into pieces of up to so many bytes
PIECES = 4  # so many fill it, that one of them is no less than its quarter
_MOST_FILES = 1024  # select() knows no higher number
_BITS = 64


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class _Files:
    """A set of one file for select(), filled anew for each call."""

    def __init__(self, number: int) -> None:
        if number >= _MOST_FILES:
            raise OSError(f"{number} files are open: too many for select()")
        self.words = (ctypes.c_uint64 * (_MOST_FILES // _BITS))()
        self._word, self._bit = number // _BITS, 1 << number % _BITS

    def fill(self) -> None:
        self.words[self._word] = self._bit

    @property
    def ready(self) -> bool:
        return bool(self.words[self._word])


class Fifo:
    """`wait`, `put` and `take_back` are the renderer's; `ring` anybody's; `outlet` is the card's.

    outlet: the file to read blocks from. A read waits until the whole block is there, and gives nothing once closed.
    """

    def __init__(self, slab_bytes: int, block_bytes: int, *, several: bool = False) -> None:
        """several: whether it is to take more slabs than one before the first is played, as many as `slabs` says."""
        self._inlet, self._end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._slab_bytes = slab_bytes
        self.slabs = max(1, PIECES // -(-slab_bytes // LARGEST_PIECE)) if several else 1
        self.outlet = self._end.fileno()
        self._closed = False
        self._slab_counts = self._taken_by_a_slab()
        self._size = 0
        self.take_slabs()
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, block_bytes)
        self._select = ctypes.CDLL(None).select
        self._room, self._rung = _Files(self._inlet.fileno()), _Files(self._bell)
        self._left = _Time()
        self._waiting = (
            max(self._inlet.fileno(), self._bell) + 1,
            *(ctypes.byref(files.words) for files in (self._rung, self._room)),
            None,
            ctypes.byref(self._left),
        )
        self.held_up_ns = 0  # how long the last `wait` stood before Python although the kernel was done

    def _taken_by_a_slab(self) -> int:
        """What the kernel counts for one, bytes."""
        self._inlet.sendall(bytes(self._slab_bytes))
        taken = array.array("i", [0])
        fcntl.ioctl(self._inlet, termios.TIOCOUTQ, taken)
        self.take_back()
        return taken[0]

    def take_slabs(self) -> None:
        """Take as many as `slabs`, and have room again once the last of them is gone, or all but a block of it.

        A socket has room when no more than a quarter of its buffer is taken: that is made less than a block of one
        slab, or less than the last of `PIECES` pieces, each of which counts until the whole of it has been taken.
        """
        size = max(0.95 * self._slab_counts * self.slabs, 2.2 * min(self._slab_bytes, LARGEST_PIECE))
        self._set_size(round(size / 2))  # the kernel doubles it

    def take_no_more(self) -> None:
        """Have room again once all that is in it has been taken, however little that is."""
        self._set_size(1)  # the kernel knows better: a quarter of the least it allows is less than a block

    def _set_size(self, size: int) -> None:
        if size != self._size:
            self._size = size
            self._inlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def wait(self) -> bool:
        """Until the last block has been taken or somebody rings; False once closed.

        The kernel says how much of the time was left when it was done. What goes beyond that until we are here was
        spent before the door of the interpreter.
        """
        self._room.fill()
        self._rung.fill()
        left = self._left
        left.seconds, left.microseconds = PATIENCE_S, 0
        began_ns = time.monotonic_ns()
        self._select(*self._waiting)
        slept_ns = (PATIENCE_S - left.seconds) * 1_000_000_000 - left.microseconds * 1000
        self.held_up_ns = max(0, time.monotonic_ns() - began_ns - slept_ns)
        return not self._closed

    @property
    def has_room(self) -> bool:
        """Whether `wait` ended because the last block was taken."""
        return self._room.ready

    def answered(self) -> bool:
        """Whether `wait` ended because somebody rang; the bell is still then."""
        if not self._rung.ready:
            return False
        os.eventfd_read(self._bell)
        return True

    def put(self, samples: Samples) -> None:
        """Hand over contiguous float32 (frames, channels), a slab or less. Raises OSError once closed."""
        self._inlet.sendall(samples.data)

    def take_back(self) -> int:
        """Remove what the card has not taken yet; how many bytes that was."""
        taken = 0
        try:
            while data := self._end.recv(self._slab_bytes, socket.MSG_DONTWAIT):
                taken += len(data)
        except BlockingIOError:
            pass
        return taken

    def waiting_bytes(self) -> int:
        """How much the card has not taken yet."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._end, termios.FIONREAD, waiting)
        return waiting[0]

    def ring(self) -> None:
        """Wake the renderer for something that cannot wait for the next slab."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Nothing more goes in; whoever waits for a block waits no longer. The files stay until the object goes."""
        self._closed = True
        self._inlet.shutdown(socket.SHUT_RDWR)
        self.ring()

    def __del__(self) -> None:  # not in `close`: a card that hangs in its driver may still come to read
        self._inlet.close()
        self._end.close()
        os.close(self._bell)
