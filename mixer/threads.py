"""How many threads the linear algebra may use. Import this before anything that imports numpy."""

from __future__ import annotations

import os

_LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_blas_thread() -> None:
    """Keep numpy's products on the calling thread; a set variable is respected.

    A slab is far too small to share out: helper threads would only spin beside the audio callback.
    Without effect once numpy is loaded, so a process calls it in its first lines.
    """
    for name in _LIMITS:
        os.environ.setdefault(name, "1")
