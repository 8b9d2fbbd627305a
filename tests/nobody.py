"""Trying something as a user who truly may not. Only root can become one."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection

NOBODY = 65534


def refused(deed: Callable[[], object]) -> str:
    """What a child of ours is told that is nobody."""
    for module in ("nfc", "nfc.clf.pn532", "nfc.clf.transport"):
        importlib.import_module(module)  # nobody may not even read where they are
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    child = fork.Process(target=_as_nobody, args=(deed, there))
    child.start()
    told = here.recv() if here.poll(20) else "nothing was said"
    child.join()
    assert "\n" not in told
    return str(told)


def _as_nobody(deed: Callable[[], object], told: Connection) -> None:
    os.setgroups([])
    os.setuid(NOBODY)
    try:
        deed()
        told.send("it was opened")
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to read it
        told.send(str(error))
