from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sync_fake_cloud import FakeCloud

from appliance.clock import ManualClock
from appliance.store import Store, open_store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def empty_box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that knows nothing, made once: making one is most of what a short test would do."""
    folder = tmp_path_factory.mktemp("empty")
    open_store(folder, folder / "run", "maker").close()
    return folder / "cosound.db"


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock, empty_box: Path) -> Iterator[Store]:
    (tmp_path / "data").mkdir()
    shutil.copy(empty_box, tmp_path / "data")
    opened = open_store(tmp_path / "data", tmp_path / "run", "test", clock)
    yield opened
    opened.close()


@pytest.fixture
def fake() -> FakeCloud:
    return FakeCloud()
