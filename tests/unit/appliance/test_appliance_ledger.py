from __future__ import annotations

import json

import pytest

from appliance.clock import ManualClock
from appliance.errors import SetupError
from appliance.ledger_command import ledger_lines
from appliance.store import Store
from appliance.store import ledger as limits
from appliance.store.ledger import LEAF_AGE_S, LEAF_DECISIONS, Ledger
from ml.collective import Present
from ml.ledger import Decision, read_ledger
from ml.taste import Taste, learn
from tests.factories import FIRE, RAIN, Box, count

TASTE = learn(Taste.newcomer(), FIRE, 5)


def decision(number: int = 0, people: int = 1) -> Decision:
    present = tuple(Present(f"p{one}", TASTE, unmet=0.1) for one in range(people))
    songs = (("rain", RAIN), ("fire", FIRE))
    return Decision(float(number), "bayes", "mean", 2, FIRE, present, songs, ("fire", "rain"))


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store.db, store.clock)


def times(ledger: Ledger) -> list[float]:
    return [one.at_s for one in ledger.decisions()]


def test_decisions_are_written_by_the_leaf_and_read_in_order(ledger: Ledger, store: Store) -> None:
    for number in range(2 * LEAF_DECISIONS + 3):
        ledger.add(decision(number))
    assert count(store, "ledger") == 2
    ledger.flush()
    ledger.flush()
    assert count(store, "ledger") == 3
    assert times(ledger) == [float(number) for number in range(2 * LEAF_DECISIONS + 3)]


def test_a_leaf_does_not_wait_for_ever(ledger: Ledger, store: Store, clock: ManualClock) -> None:
    ledger.add(decision(1))
    clock.advance(LEAF_AGE_S - 1)
    ledger.add(decision(2))
    ledger.flush_beside()
    assert times(ledger) == []
    clock.advance(1)
    ledger.flush_beside()
    ledger.flush_beside()
    assert times(ledger) == [1.0, 2.0]


def test_a_leaf_that_is_half_full_goes_with_what_is_written_anyway(ledger: Ledger) -> None:
    for number in range(LEAF_DECISIONS // 2):
        ledger.flush_beside()
        assert times(ledger) == []
        ledger.add(decision(number))
    ledger.flush_beside()
    assert len(times(ledger)) == LEAF_DECISIONS // 2


def test_it_joins_the_transaction_of_the_scene(ledger: Ledger, store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.db.write(durable=False):
        for number in range(LEAF_DECISIONS):
            ledger.add(decision(number))
        raise ZeroDivisionError
    assert count(store, "ledger") == 0


def test_the_oldest_leaves_go(ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEEP_LEAVES", 3)
    for number in range(5):
        ledger.add(decision(number))
        ledger.flush()
    assert times(ledger) == [2.0, 3.0, 4.0]
    size = store.db.count("select max(length(body)) from ledger")
    monkeypatch.setattr(limits, "KEEP_BYTES", 2 * size + size // 2)
    ledger.add(decision(5))
    ledger.flush()
    assert times(ledger) == [4.0, 5.0]


def test_no_day_writes_more_than_its_share(store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SAVED_BYTES", 4_000)
    monkeypatch.setattr(limits, "DAILY_BYTES", 12_000)
    ledger = Ledger(store.db, clock)
    for number in range(300):
        clock.advance(86_400 / 300)
        ledger.add(decision(number, people=number % 7))
        ledger.flush()
    written = store.db.count("select sum(length(body)) from ledger")
    assert 12_000 < written <= 16_000


def test_when_its_share_is_used_up_decisions_are_dropped_and_later_kept_again(
    ledger: Ledger, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DAILY_BYTES", 86_400)
    ledger._allowed = 0.0
    ledger.add(decision(1))
    ledger.flush()
    assert times(ledger) == []
    clock.advance(3600)
    ledger.add(decision(2))
    ledger.flush()
    assert times(ledger) == [2.0]


def test_a_torn_leaf_is_left_out(ledger: Ledger, store: Store) -> None:
    for number in range(3):
        ledger.add(decision(number))
        ledger.flush()
    with store.db.write() as conn:
        conn.execute("update ledger set body = x'00' where seq = 2")
    assert times(ledger) == [0.0, 2.0]


def test_the_newest_is_of_this_boot_and_knows_its_age(box: Box, ledger: Ledger, clock: ManualClock) -> None:
    assert ledger.newest() is None
    ledger.add(decision(1))
    ledger.add(decision(2))
    ledger.flush()
    clock.advance(40)
    newest = ledger.newest()
    assert newest is not None
    assert (newest[0].at_s, newest[1]) == (2.0, pytest.approx(40, abs=0.01))
    box.reboot()
    later = box.store("later")
    assert Ledger(later.db, later.clock).newest() is None


def test_the_command_tells_every_decision_as_a_line(box: Box, ledger: Ledger) -> None:
    ledger.add(decision(7))
    ledger.flush()
    (line,) = ledger_lines(box.config())
    assert json.loads(line)["chosen"] == ["fire", "rain"]
    assert next(read_ledger([line])).people[0].unmet == 0.1


def test_where_no_box_ran_it_says_so(box: Box) -> None:
    with pytest.raises(SetupError, match="no box in"):
        list(ledger_lines(box.config(COSOUND_DATA_DIR=str(box.folder / "nowhere"))))
