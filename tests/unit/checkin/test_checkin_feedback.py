from __future__ import annotations

import threading
from itertools import groupby
from typing import get_args

import pytest

from appliance.model import TapOutcome
from checkin import feedback
from checkin.feedback import ANSWERS, PATTERNS, Answer, Flash, Lamps


class Bulb:
    """Notes what it was set to; `over` tells when a pattern has been played."""

    def __init__(self, where: str = "bulb") -> None:
        self.where = where
        self.tones: list[int] = []
        self.broken = False
        self.over = threading.Event()

    def set(self, tone_hz: int) -> None:
        if self.broken:
            raise PermissionError("no permission: …")
        self.tones.append(tone_hz)
        if not tone_hz and any(self.tones):
            self.over.set()


def played(answer: Answer) -> list[int]:
    """Tones of one answer, with 0 between, as a lamp is set to them."""
    bulb = Bulb()
    lamps = Lamps([bulb])
    lamps._play(feedback.PATTERNS[answer])
    return bulb.tones


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns without the time they take."""
    quick = {name: tuple(Flash(0, 0 if not f.off_s else 1e-9, f.tone_hz) for f in p) for name, p in PATTERNS.items()}
    monkeypatch.setattr(feedback, "PATTERNS", quick)


@pytest.mark.usefixtures("at_once")
def test_each_answer_has_a_rhythm_of_its_own() -> None:
    rhythms = {answer: [lit for lit, _ in groupby(map(bool, played(answer)))] for answer in PATTERNS}
    assert {answer: sum(rhythm) for answer, rhythm in rhythms.items()} == {"in": 1, "out": 2, "phone": 3, "refused": 6}
    assert not any(rhythm[-1] for rhythm in rhythms.values()), "it ends dark"


def test_an_answer_begins_at_once_and_is_over_within_a_second() -> None:
    assert all(sum(flash.on_s + flash.off_s for flash in pattern) < 1 for pattern in PATTERNS.values())


@pytest.mark.usefixtures("at_once")
def test_answers_are_played_beside_whoever_asks() -> None:
    bulb = Bulb()
    lamps = Lamps([bulb])
    lamps.start()
    lamps.show("in")
    assert bulb.over.wait(5)
    lamps.stop()
    assert bulb.tones[:4] == [0, 659, 988, 0], "dark, up, dark"


@pytest.mark.usefixtures("at_once")
def test_a_newer_answer_cuts_an_older_one_short() -> None:
    bulb = Bulb()
    lamps = Lamps([bulb])
    lamps._asked.put("out")
    lamps._play(feedback.PATTERNS["refused"])
    assert bulb.tones == [0]


@pytest.mark.usefixtures("at_once")
def test_a_lamp_that_fails_is_said_once_and_keeps_no_other_dark(caplog: pytest.LogCaptureFixture) -> None:
    broken, bulb = Bulb("broken"), Bulb()
    broken.broken = True
    lamps = Lamps([broken, bulb])
    for _ in range(3):
        lamps._play(feedback.PATTERNS["in"])
    assert bulb.tones.count(988) == 3
    assert caplog.text.count("broken is down: no permission: …") == 1
    assert lamps.dark == {"broken": "no permission: …"}
    broken.broken = False
    lamps._play(feedback.PATTERNS["in"])
    assert "broken is back" in caplog.text
    assert lamps.dark == {}


def test_a_box_without_lamps_has_no_thread_for_them() -> None:
    before = threading.active_count()
    lamps = Lamps()
    lamps.start()
    lamps.show("in")
    assert threading.active_count() == before
    lamps.stop()


def test_no_outcome_is_left_unanswered() -> None:
    assert set(ANSWERS) == set(get_args(TapOutcome))
