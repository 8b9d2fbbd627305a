"""Fixtures of the contract suite: every test that asks for a `world` runs on SQLite and on a real PostgreSQL.

Modules about what boxes say are marked `doors.BOTH`, and run through Supabase's door too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cloud_world import Box, World, cloud_world
from postgres_server import PostgresServer, postgres_server

from appliance.clock import ManualClock
from appliance.store import Store, open_store
from cloud_stub.engines.address import Address
from sync.door import Door

MEMORY = Path("/dev/shm")  # every write is forced to disk, and these tests are not about disks


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run; skips with its reason where it cannot be had."""
    yield from postgres_server()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """`supabase`: PostgreSQL, and the boxes go through its own functions instead of our server."""
    name: str = request.param
    return name


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as made:
        yield Path(made)


@pytest.fixture
def where(engine: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Path | Address]:
    """An empty, migrated database of the engine."""
    if engine == "sqlite":
        yield folder / "cloud.db"
        return
    server: PostgresServer = request.getfixturevalue("server")
    with server.database() as address:
        yield address


@pytest.fixture
def world(folder: Path, where: Path | Address, engine: str) -> Iterator[World]:
    with cloud_world(folder, where, alone=engine == "supabase") as made:
        yield made


@pytest.fixture
def box(world: World) -> Box:
    return world.box()


@pytest.fixture
def cloud(world: World, box: Box) -> Door:
    """The box's line to the world's cloud."""
    return world.door.open(box.token)


@pytest.fixture
def clock(world: World) -> ManualClock:
    """The box's clock, which is right."""
    return ManualClock(boot=1_000.0, wall=world.time.s)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """The box's own."""
    with closing(open_store(tmp_path / "box", tmp_path / "run", "sync-test", clock)) as opened:
        yield opened
