"""What cannot be is said in one line, and the process ends with 2: a taken port, a locked folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.disks import small_disk
from tests.faults.fault_table import FaultTable
from tests.faults.one_line import start, the_line
from tests.faults.real_box import real_box

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

PROCESSES = ("player", "sync", "nfc", "ui")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as line:
        yield line.getsockname()[1]


def test_a_port_in_use_is_one_line(taken: int, faults: FaultTable) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        screen = start(["ui"], {**box.env, "COSOUND_UI_PORT": str(taken)})
        cloud = start(["cloud", "serve", "--data", f"{folder}/cloud", "--port", str(taken)], {})
        assert f"{taken}" in the_line(screen)
        faults.note("port in use")
        assert f"{taken}" in the_line(cloud)
        faults.note("port in use")


def test_a_folder_that_cannot_be_written_is_one_line(faults: FaultTable) -> None:
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        small_disk(Path(folder) / "disk") as disk,
        real_box(Path(folder), disk.folder / "data") as box,
    ):
        box.with_songs()
        disk.read_only()
        ended = [start([name], box.env) for name in PROCESSES]
        ended.append(start(["cloud", "serve", "--data", str(disk.folder / "cloud"), "--port", "0"], {}))
        for process in ended:
            assert str(disk.folder) in the_line(process)
            faults.note("data directory not writable")
