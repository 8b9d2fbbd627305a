"""Fixtures of the contract suite."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_world import World, cloud_world

MEMORY = Path("/dev/shm")  # every write is forced to disk, and these tests are not about disks


@pytest.fixture
def world() -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        cloud_world(Path(folder)) as made,
    ):
        yield made
