from __future__ import annotations

import pytest

from cloud_stub.presence import current_song, status_of
from cloud_stub.repositories.rooms import Heard, RoomState


def state(at_s: float, *, audible: bool = False, silent: bool = False) -> RoomState:
    return RoomState(Heard(at_s, None, ()), audible, silent, ())


@pytest.mark.parametrize(
    ("last_poll_s", "said", "status"),
    [
        (None, None, "offline"),
        (69.0, state(99.0, audible=True), "offline"),
        (70.0, None, "online"),
        (99.0, state(99.0), "online"),
        (99.0, state(99.0, audible=True), "playing"),
        (99.0, state(99.0, silent=True), "idle"),
        (99.0, state(99.0, audible=True, silent=True), "playing"),
        (99.0, state(60.0, audible=True), "online"),
    ],
)
def test_status_follows_polls_and_what_the_box_said(
    last_poll_s: float | None, said: RoomState | None, status: str
) -> None:
    assert status_of(last_poll_s, said, 100.0) == status


def test_the_loudest_instrumental_is_the_current_song_else_the_loudest_bed() -> None:
    kinds = {"rain": "soundscape", "sea": "soundscape", "piano": "instrumental", "harp": "instrumental"}
    assert current_song((("rain", 0.6), ("harp", 0.3), ("piano", 0.1)), kinds) == "harp"
    assert current_song((("sea", 0.6), ("rain", 0.4)), kinds) == "sea"
    assert current_song((("unknown", 0.9), ("rain", 0.1)), kinds) == "rain"
    assert current_song((("rain", 0.0),), kinds) is None
