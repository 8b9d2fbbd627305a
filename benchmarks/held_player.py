"""The player as it is, but for a signal that makes it hold its interpreter for 500 ms: the control of a measurement.

usage: python -m benchmarks.held_player; then SIGUSR2 to it
"""

from __future__ import annotations

import ctypes
import signal

from mixer.threads import use_one_blas_thread

use_one_blas_thread()

from appliance.player_process import run_player  # noqa: E402

HOLD_US = 500_000


def main() -> None:
    """A call into C that keeps the interpreter's lock, on the main thread."""
    usleep = ctypes.PyDLL(None).usleep
    signal.signal(signal.SIGUSR2, lambda *_: usleep(HOLD_US))
    run_player()


if __name__ == "__main__":
    main()
