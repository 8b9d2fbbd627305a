"""What many tests stand on: a clock moved by hand, and a box in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from appliance.clock import ManualClock
from appliance.store import Store
from tests.factories import Box

settings.register_profile("cosound", deadline=None)  # a busy machine is not a failing test
settings.load_profile("cosound")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(box: Box) -> ManualClock:
    return box.clock


@pytest.fixture
def store(box: Box) -> Store:
    return box.store()
