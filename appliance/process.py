"""What every process of the box does the same way: one instance, signals, the watchdog, one last line of defence."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from appliance.errors import CosoundError, SetupError, StoreDamaged, TransientError
from appliance.space import open_lock

log = logging.getLogger(__name__)

_PR_SET_NAME = 15
_PR_SET_PDEATHSIG = 1
_START_AFRESH = 75  # sysexits.h: try again later


class Stop:
    """Set by SIGTERM and SIGINT; a loop looks at it between steps.

    wake: ends the wait that a step may be in. It is called inside a signal handler, so it must not take a lock.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self.requested = False
        self._wake = wake

    def request(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.requested = True
        self._wake()

    def on_signals(self) -> Stop:
        """Take SIGTERM and SIGINT. Call before any audio library is opened: SDL would take them too."""
        signal.signal(signal.SIGTERM, self.request)
        signal.signal(signal.SIGINT, self.request)
        return self


class UpOrDown:
    """Says once that something is down, once that it is back, and nothing in between."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.down = False

    def failed(self, why: object) -> None:
        if not self.down:
            log.warning("%s is down: %s", self._what, why)
        self.down = True

    def worked(self) -> None:
        if self.down:
            log.warning("%s is back", self._what)
        self.down = False


def run(name: str, step: Callable[[], None], stop: Stop) -> None:
    """Call `step` until asked to stop. A step waits by itself (`store.wait`) and is short.

    A TransientError is said once and the loop goes on; so does any bug: a box in a café must keep going, and
    the log has the trace. Setup errors end the process with their one line, a damaged store with its own.
    """
    with ending_on_damage(name):
        _loop(name, step, stop)


@contextmanager
def ending_on_damage(name: str) -> Iterator[None]:
    """A damaged store ends the process, with one line; whoever keeps it running starts it afresh."""
    try:
        yield
    except StoreDamaged as error:
        log.error("%s ends, to be started afresh: %s", name, error)
        raise SystemExit(_START_AFRESH) from None


def _loop(name: str, step: Callable[[], None], stop: Stop) -> None:
    state = UpOrDown(name)
    told: type[Exception] | None = None
    notify("READY=1")
    while not stop.requested:
        try:
            step()
            state.worked()
            told = None
        except (SetupError, StoreDamaged):
            raise
        except TransientError as error:
            state.failed(error)
            stop_aware_pause(stop)
        except Exception as error:  # the last line of defence: the room must go on sounding
            if told is not type(error):
                log.exception("%s: a step failed; going on", name)
                told = type(error)
            state.failed("a bug, see above")
            stop_aware_pause(stop)
        notify("WATCHDOG=1")
    notify("STOPPING=1")


def stop_aware_pause(stop: Stop, seconds: float = 0.5) -> None:
    """Wait a little, but not past a signal (which interrupts the wait)."""
    if not stop.requested:
        signal.sigtimedwait([], seconds)


def notify(message: str) -> None:
    """Tell systemd, if it is there ($NOTIFY_SOCKET); otherwise nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(message.encode(), address)
    except OSError as error:
        log.debug("systemd did not hear %r: %s", message, error)


@contextmanager
def only_one(name: str, data_dir: Path) -> Iterator[None]:
    """Hold the lock of process `name` on this data directory; refuse a second one, naming who holds it."""
    path = data_dir / f"{name}.lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = open_lock(path)
    except OSError as error:
        raise SetupError(f"{data_dir} cannot be written: {error.strerror}; choose another box.data_dir") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise SetupError(f"{name} already runs on {data_dir} as pid {holder}; stop that one first") from None
        if handle.writable():
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
        yield


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that ends. For children we start."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def go_first(nice: int = -10) -> None:
    """Ask to be served before others, where that is permitted; systemd's unit does it otherwise."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def name_process(name: str) -> None:
    """Show as `cosound-<name>` in ps and top."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, f"cosound-{name}".encode()[:15], 0, 0, 0)


def set_up_logging() -> None:
    """Plain lines on standard error: systemd adds the time, a person reads them as they are."""
    logging.basicConfig(level=os.environ.get("COSOUND_LOG", "WARNING").upper(), format="%(name)s: %(message)s")
    logging.captureWarnings(True)


def main(command: Callable[..., Any], *args: Any) -> int:
    """Run a command for a person: an error of ours is one line and exit code 2, never a trace."""
    try:
        command(*args)
    except CosoundError as error:
        print(f"cosound: {error}", file=sys.stderr)  # noqa: T201 - the line a person reads
        return 2
    return 0
