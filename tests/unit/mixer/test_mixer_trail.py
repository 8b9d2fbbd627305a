from __future__ import annotations

from mixer.trail import KEPT, Trail


def test_what_was_so_is_what_was_last_said_before() -> None:
    trail = Trail("nothing")
    trail.add(100, "a")
    trail.add(200, "b")
    assert [trail.at(frame) for frame in (0, 99, 100, 199, 200, 10**9)] == ["nothing", "nothing", "a", "a", "b", "b"]
    assert trail.last == "b"


def test_of_long_ago_the_oldest_known_is_said() -> None:
    trail = Trail(-1)
    for frame in range(100):
        trail.add(frame, frame)
    assert trail.at(0) == 100 - KEPT


def test_what_did_not_come_is_forgotten() -> None:
    trail = Trail("nothing")
    for frame, value in ((0, "a"), (100, "b"), (200, "c")):
        trail.add(frame, value)
    trail.go_back(100)
    assert (trail.last, trail.at(500)) == ("a", "a")
    trail.go_back(0)
    assert trail.last == "nothing"
