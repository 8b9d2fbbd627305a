"""How many pages a fact costs the card: each goes into the log whole, however little of it has changed."""

from __future__ import annotations

import random
from collections.abc import Callable

from appliance.clock import ManualClock
from appliance.store import Store
from appliance.store.database import PAGE_BYTES
from ml.taste import Taste, learn
from tests.factories import profile_row, put, put_songs, settle_all, song_row, tap, uid

FRAME_BYTES = PAGE_BYTES + 24
GUESTS = 20


def pages(store: Store, act: Callable[[], object]) -> int:
    log = store.db.path.with_name(f"{store.db.path.name}-wal")
    before = log.stat().st_size
    act()
    return (log.stat().st_size - before) // FRAME_BYTES


def mean(numbers: list[int]) -> float:
    return sum(numbers) / len(numbers)


def people(store: Store) -> list[str]:
    """A room full, all of it answered."""
    put_songs(store, song_row(1))
    guests = [tap(store, f"card{number}").listener for number in range(GUESTS)]
    settle_all(store)
    return [str(guest.id) for guest in guests if guest is not None]


def test_a_rating_touches_its_row_its_guests_and_its_op(store: Store) -> None:
    guests = people(store)
    cost = [pages(store, lambda who=who: store.people.record_vote(who, uid(1), 5, (1.0, 0, 0, 0, 0))) for who in guests]
    assert mean(cost) <= 5


def test_an_answer_touches_one_page(store: Store) -> None:
    """An op that moved to another table when it was answered cost six or seven."""
    guests, cost = people(store), []
    for who in guests:
        store.people.record_vote(who, uid(1), 5, (1.0, 0, 0, 0, 0))
        (op,) = store.outbox.batch(9)
        cost.append(pages(store, lambda op=op: store.outbox.settle([(op.op_id, "applied")], at_s=1_000.0)))
    assert mean(cost) <= 1.2


def test_a_taste_that_was_learnt_touches_its_page_and_the_cursors(store: Store) -> None:
    taste, dice, cost = Taste.newcomer(), random.Random(4), []
    for rev in range(1, 41):
        taste = learn(taste, [dice.random() for _ in range(5)], dice.randint(1, 5))
        row = profile_row(uid(7), vector=taste.preference_vector, rev=rev) | {"taste_state": taste.to_dict()}
        change = put("profiles", uid(7), row)
        cost.append(pages(store, lambda change=change, rev=rev: store.bucket.apply([change], epoch="e", rev=rev)))
    assert mean(cost[20:]) <= 2.2


def test_plays_of_many_songs_lie_together(store: Store, clock: ManualClock) -> None:
    put_songs(store, *(song_row(number) for number in range(200)))
    rows = list(range(200))
    random.Random(4).shuffle(rows)
    for number in rows:
        store.scenes.end_play(store.scenes.begin_play(uid(number), 10.0), 20.0)
    settle_all(store)
    for number in rows[:14]:
        clock.advance(40)
        store.scenes.note_play_end(store.scenes.note_play(uid(number), 10.0), 30.0)
    assert pages(store, store.scenes.write_down) <= 20
