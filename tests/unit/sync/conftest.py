from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sync_fake_cloud import FakeCloud

from appliance.clock import ManualClock
from appliance.store import Store, open_store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(tmp_path / "data", tmp_path / "run", "test", clock)
    yield opened
    opened.close()


@pytest.fixture
def fake() -> FakeCloud:
    return FakeCloud()
