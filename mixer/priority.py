"""Which threads go first: those of the sound, as far as the system lets us."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

AUDIO_NICE = -11
AUDIO_PRIORITY = 20  # real time: above everything that merely computes, below the kernel's own
HOLDERS_PRIORITY = 10


def here() -> int:
    """The calling thread, as the kernel knows it."""
    return threading.get_native_id()


def prefer(thread: int) -> None:
    """Serve it before other work that takes turns."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, AUDIO_NICE)


def put_first(thread: int, priority: int = AUDIO_PRIORITY) -> None:
    """Serve it in real time: as soon as it has something to do. Only for threads that mostly wait.

    What it starts is served like everybody else.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))


def put_holders_first() -> None:
    """Serve all other threads of this process in real time too, below the sound: one that waits for its turn on the
    processor while it holds the interpreter would hold up the sound for as long."""
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            if _policy(task) == os.SCHED_OTHER:
                put_first(int(task.name), HOLDERS_PRIORITY)


def put_back() -> None:
    """Serve whatever of this process was put first in turn again."""
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            if _policy(task) == os.SCHED_RR:
                # Without privilege the flag cannot be taken away.
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))


def _policy(task: Path) -> int:
    return os.sched_getscheduler(int(task.name)) & ~os.SCHED_RESET_ON_FORK
