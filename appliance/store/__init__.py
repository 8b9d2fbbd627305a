"""The box's memory: the only SQL in the box, one module per kind of fact."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from appliance.bell import Bell
from appliance.clock import Clock, SystemClock
from appliance.model import OutboxOp
from appliance.runtime import Runtime
from appliance.store.bucket import Bucket
from appliance.store.confirmation import Confirmations
from appliance.store.database import Database
from appliance.store.library import Library
from appliance.store.opening import open_database
from appliance.store.outbox import Outbox
from appliance.store.people import People
from appliance.store.room import Room
from appliance.store.scenes import Scenes

__all__ = ["Store", "open_store"]


class Store:
    """One connection and its views. Each process (and each thread) opens its own."""

    def __init__(self, db: Database, clock: Clock, runtime: Runtime) -> None:
        self.db = db
        self.clock = clock
        self.outbox = Outbox(db, clock)
        self.people = People(db, clock, self.outbox)
        self.library = Library(db)
        self.room = Room(db, clock, self.outbox, Confirmations(runtime, clock))
        self.scenes = Scenes(db, clock, self.outbox, runtime)
        self.bucket = Bucket(db, clock, self.outbox)

    def settle(
        self,
        verdicts: Collection[tuple[str, str]],
        *,
        overruled: Iterable[OutboxOp] = (),
        at_s: float = 0.0,
        seen: int | None = None,
    ) -> None:
        """Take what the cloud answered, as `Outbox.settle`; what `overruled` ops made of our rows does not stand.

        All of it or nothing: a verdict is not heard twice.
        """
        with self.db.write(durable=False):
            self.outbox.settle(verdicts, at_s=at_s, seen=seen)
            for op in overruled:
                self.bucket.unmake(op)

    def wait(self, timeout_s: float) -> bool:
        """Sleep until another process commits, at most `timeout_s`. True when there is something new."""
        return self.db.wait(timeout_s)

    def close(self) -> None:
        self.db.close()


def open_store(data_dir: Path, runtime_dir: Path, name: str, clock: Clock | None = None) -> Store:
    """Open the box's store as process `name`, which is also its bell's name. A damaged one is rescued first."""
    bell = Bell(runtime_dir / "bell", name)
    try:
        db = open_database(data_dir / "cosound.db", bell)
    except BaseException:
        bell.close()
        raise
    return Store(db, clock or SystemClock(), Runtime(runtime_dir))
