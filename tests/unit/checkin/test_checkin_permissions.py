"""Readers that this user may not open, tried as a user who truly may not: one line with the group to be in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkin.lamps import Beeper, Led
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import Driver
from checkin.serial_driver import SerialDriver
from checkin.wedge_driver import WedgeDriver
from tests.nobody import refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not")


@pytest.fixture
def port() -> Iterator[str]:
    chip, line = os.openpty()
    node = os.ttyname(line)
    Path(node).chmod(0o600)
    yield node
    os.close(chip)
    os.close(line)


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
