"""Which threads go first: those of the sound, as far as the system lets us."""

from __future__ import annotations

import contextlib
import os
import threading

AUDIO_NICE = -11
AUDIO_PRIORITY = 20  # real time: above everything that merely computes, below the kernel's own


def here() -> int:
    """The calling thread, as the kernel knows it."""
    return threading.get_native_id()


def prefer(thread: int) -> None:
    """Serve it before other work that takes turns."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, AUDIO_NICE)


def put_first(thread: int) -> None:
    """Serve it in real time: as soon as it has something to do. Only for threads that mostly wait."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(AUDIO_PRIORITY))
