"""A reader's driver that never comes back, in a thread of the real agent."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.errors import SetupError
from appliance.runtime import Runtime
from appliance.store import open_store
from checkin.agent import Agent
from checkin.keyring import Keyring


class Hanging:
    """A driver that does not come back from its second look until it is let go."""

    continuous = True
    where = "hanging"

    def __init__(self) -> None:
        self.hangs, self.let_go = threading.Event(), threading.Event()
        self.looks = 0

    def plugged(self) -> bool:
        return True

    def open(self) -> str:
        return "a reader that hangs"

    def poll(self, timeout_s: float) -> None:
        self.looks += 1
        if self.looks > 1:
            self.hangs.set()
            self.let_go.wait()

    def close(self) -> None:
        """Nothing to let go of."""


def test_a_driver_that_never_comes_back_ends_the_process(tmp_path: Path) -> None:
    clock, driver = ManualClock(), Hanging()
    store = open_store(tmp_path / "data", tmp_path / "run", "nfc", clock)
    agent = Agent(store, Runtime(tmp_path / "run"), Keyring(((1, bytes(32)),)), [driver])
    agent.start()
    try:
        assert driver.hangs.wait(20)
        agent.step(0.0)
        clock.advance(3600)  # the whole process stood still for an hour: that is no reader that hangs
        agent.step(0.0), agent.step(0.0)
        for _ in range(18):
            clock.advance(1.0)
            agent.step(0.0)
        clock.advance(1.0)
        with pytest.raises(SetupError, match="hanging does not come back"):
            agent.step(0.0)
    finally:
        driver.let_go.set()
        agent.stop()
        store.close()
