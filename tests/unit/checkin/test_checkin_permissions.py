"""Readers that this user may not open, tried as a user who truly may not: one line with the group to be in."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from checkin.lamps import Beeper, Led
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import Driver
from checkin.serial_driver import SerialDriver
from checkin.wedge_driver import WedgeDriver

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not")

NOBODY = 65534


@pytest.fixture
def port() -> Iterator[str]:
    chip, line = os.openpty()
    node = os.ttyname(line)
    Path(node).chmod(0o600)
    yield node
    os.close(chip)
    os.close(line)


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
    except OSError as error:
        told.send(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to read it
        told.send(str(error))


@pytest.mark.parametrize(
    ("driver", "group"), [(NfcpyDriver, "dialout"), (SerialDriver, "dialout"), (WedgeDriver, "input")]
)
def test_a_reader_that_may_not_be_opened_names_the_group(
    port: str, driver: Callable[[str], Driver], group: str
) -> None:
    assert refused(driver(port).open).startswith(
        f"no permission: this user must be in group {group}: sudo usermod -aG {group} nobody ("
    )


def test_lamps_that_may_not_be_lit_say_what_is_missing(port: str, tmp_path: Path) -> None:
    for name in ("brightness", "max_brightness", "trigger"):
        (tmp_path / name).write_text("1")
        (tmp_path / name).chmod(0o600)
    tmp_path.chmod(0o755)
    assert "group input" in refused(lambda: Beeper(port).set(0))
    assert "no permission" in refused(lambda: Led(tmp_path).set(0))
