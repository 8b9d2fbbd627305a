"""A whole box in one process: reader, player and screen on one folder, one clock, no sleep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.player import Player
from appliance.runtime import Runtime
from appliance.store import Store
from checkin import tokens
from checkin.agent import Agent
from checkin.keyring import Keyring
from checkin.reader import TagRead
from mixer.engine import Engine
from tests.factories import Box, profile_row, put, uid
from tests.fakes import FakeEngine

PEPPER = bytes(16)


class Hand:
    """A reader under a test's hand: what is laid on it is read once."""

    continuous = False
    where = "hand"

    def __init__(self) -> None:
        self.cards: list[TagRead] = []

    def plugged(self) -> bool:
        return True

    def open(self) -> str:
        return "a hand"

    def poll(self, timeout_s: float) -> TagRead | None:
        return self.cards.pop(0) if self.cards else None

    def close(self) -> None:
        self.cards.clear()


class Room:
    """Four stores on one file, as in the box: what one writes, the others hear by bell."""

    def __init__(self, box: Box, engine: Engine, **env: str) -> None:
        self.box, self.clock, self.engine = box, box.clock, engine
        self.player = Player(box.store("player"), engine, Runtime(box.folder / "run"), box.config(**env))
        self.sync: Store = box.store("sync")
        self.screen: Store = box.store("ui")
        self._hand = Hand()
        self._reader = Agent(box.store("nfc"), Runtime(box.folder / "run"), Keyring(((1, PEPPER),)), [self._hand])
        self._reader.attend()

    def know(self, card: str, name: str, taste: Any, rev: int = 1, **columns: Any) -> str:
        """The cloud tells of a listener and their card."""
        who = uid(int(card, 16))
        key = tokens.key_hash(PEPPER, "nfca", bytes.fromhex(card))
        rows = [
            put("profiles", who, profile_row(who, name, taste, rev) | columns),
            put("tags", key, {"key_hash": key, "key_version": 1, "profile_id": who}),
        ]
        self.sync.bucket.apply(rows, epoch="e", rev=rev)
        return who

    def tap(self, card: str, *, random_uid: bool = False) -> None:
        self._hand.cards.append(TagRead(bytes.fromhex(card), "nfca", random_uid))
        self._reader.attend()
        stored = self._reader.step(0.0) or self._reader.step(0.0)  # the first report may be that the reader is ready
        assert stored is not None

    def pass_time(self, seconds: float, every_s: float = 1.0) -> None:
        for _ in range(round(seconds / every_s)):
            self.clock.advance(every_s)
            self._reader.attend()
            self.player.step()

    def levels(self) -> dict[str, float]:
        """What the player says of each layer, by title, in dB."""
        strips = self.box.runtime.read("player")["strips"]
        return {strip["title"]: strip["gain_db"] for strip in strips if strip}

    def close(self) -> None:
        self._reader.stop()


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRoom]:
    """make_room(engine=None, **env): the fake engine unless told otherwise."""
    monkeypatch.setattr("appliance.player.TICK_S", 0.0)
    made: list[Room] = []

    def make(engine: Engine | None = None, **env: str) -> Room:
        made.append(Room(box, engine or FakeEngine(box.clock.boot_s), **env))
        return made[-1]

    yield make
    for room in made:
        room.close()
