"""What the player does beside playing, for the day the database is lost."""

from __future__ import annotations

from appliance.process import UpOrDown
from appliance.store import Store
from appliance.store.checkup import LaterCheck
from appliance.store.snapshot import Snapshot

SNAPSHOT_EVERY_S = 2.0


class Keeper:
    """Notes what is ready to play, in a file of its own, and looks thoroughly for damage once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = Snapshot(store.db)
        self._check = LaterCheck(store.db.path)
        self._said = UpOrDown("the list of ready songs")
        self._due_s = float("-inf")

    def start(self) -> None:
        self._check.start()

    def step(self) -> None:
        now_s = self._store.clock.boot_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + SNAPSHOT_EVERY_S
        try:
            self._snapshot.keep()
            self._said.worked()
        except OSError as error:
            self._said.failed(error)

    def close(self) -> None:
        self._check.cancel()
