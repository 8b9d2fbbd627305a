"""What the screen reads from the runtime files and the store, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import InputError, SetupError
from appliance.process import Stop
from appliance.store import Store
from appliance.tapline import TYPED
from appliance.ui.facts import Facts, Links, TurnedAway, links_from, turned_away_from
from appliance.ui.feed import Feed
from appliance.ui.still import StillRoom, song_id
from appliance.ui.word import HOLDS_S, say


def test_links_as_they_are_published() -> None:
    ready, absent = {"where": "udp", "state": "ready"}, {"where": "usb", "state": "absent"}
    typed = {"where": TYPED, "state": "ready"}
    assert links_from({}, []) == Links(None, 0, False)
    assert links_from({"link": "none", "pending": 4}, []) == Links(None, 4, False)
    assert links_from({"link": "up"}, [ready]) == Links(True, 0, False)
    assert links_from({"link": "down"}, [absent, typed]) == Links(False, 0, True)
    assert not links_from({}, [absent, ready]).reader_away
    assert not links_from({}, [typed]).reader_away
    assert not links_from({}, [ready, absent]).refused
    assert not links_from({}, [{**absent, "why": "it is gone"}]).refused
    assert links_from({}, [{**typed, "why": "the last tap was not stored"}]).refused
    assert links_from({}, [], read_only=True).refused


@pytest.fixture
def room(tmp_path: Path) -> Iterator[StillRoom]:
    room = StillRoom(tmp_path)
    yield room
    room.close()


@pytest.fixture
def seen() -> list[Facts]:
    return []


@pytest.fixture
def feed(room: StillRoom, seen: list[Facts]) -> Iterator[Feed]:
    feed = Feed(room.config, room.clock, seen.append)
    feed.open()
    yield feed
    feed.close()


def test_a_step_reads_the_room(room: StillRoom, feed: Feed, seen: list[Facts]) -> None:
    room.play(3, "why")
    room.tap("card-1")
    room.tap("card-2")
    feed.step(0)
    facts = seen[-1]
    assert facts.names == ("Heron", "Robin")
    assert facts.tap is not None
    assert (facts.tap.name, facts.tap.outcome, facts.tap.at_s) == ("Robin", "in", room.clock.boot_s())
    assert facts.sound.why == ("why",)


def test_a_tap_is_shown_by_the_next_step_and_no_look_is_made_for_nothing(
    room: StillRoom, feed: Feed, seen: list[Facts]
) -> None:
    feed.step(0)
    feed.step(0)
    before = seen[-1].names
    room.tap("card-1")
    feed.step(0)
    assert (before, seen[-1].names) == ((), ("Heron",))


@pytest.mark.parametrize("told", [None, "yes", {}, {"at_boot_s": "now"}, {"at_boot_s": float("nan"), "why": "copy"}])
def test_a_tap_that_was_turned_away_is_read_from_the_runtime_file_or_not_at_all(told: object) -> None:
    assert turned_away_from({"turned_away": told}) is None
    assert turned_away_from({"turned_away": {"why": "copy", "at_boot_s": 3.5}}) == TurnedAway("copy", 3.5)


def test_a_tap_turned_away_is_shown_when_the_bell_rings(room: StillRoom, feed: Feed, seen: list[Facts]) -> None:
    feed.step(0)
    feed.step(0)
    room.runtime.publish("reader", {"turned_away": {"why": "disk", "at_boot_s": room.clock.boot_s()}})
    feed.step(0)
    assert seen[-1].turned_away is None, "nobody rang, and it was looked at just now"
    room.store.db.ring()
    feed.step(0)
    assert seen[-1].turned_away == TurnedAway("disk", room.clock.boot_s())


def test_a_stay_that_ran_out_is_noticed_without_a_bell(room: StillRoom, feed: Feed, seen: list[Facts]) -> None:
    room.tap("card-1")
    feed.step(0)
    room.clock.advance(3600)
    feed.step(0)
    assert seen[-1].names == ()


def test_a_word_on_a_song_is_seen_at_once_and_gone_when_its_time_is_up(
    room: StillRoom, feed: Feed, seen: list[Facts]
) -> None:
    room.queue(2)
    feed.step(0)
    feed.do(lambda store: say(store, song_id(0), "skip"))
    feed.step(0)
    assert [word.kind for word in seen[-1].songs.words] == ["skip"]
    assert [song.id for song in seen[-1].songs.queue] == [song_id(0), song_id(1)]
    room.clock.advance(HOLDS_S["skip"] or 0.0)
    feed.step(0)
    assert seen[-1].songs.words == ()


def test_a_job_is_done_in_the_step_and_seen_in_it(feed: Feed, seen: list[Facts]) -> None:
    answer = feed.do(lambda store: store.room.set_master(hush=True))
    feed.step(0)
    assert answer.done()
    assert seen[-1].control.hush


def test_an_error_goes_to_who_asked_and_the_next_job_is_done(feed: Feed) -> None:
    def refuse(_store: Store) -> None:
        raise InputError("no")

    refused: Future[None] = feed.do(refuse)
    done = feed.do(lambda store: store.people.here())
    feed.step(0)
    assert isinstance(refused.exception(), InputError)
    assert done.result() == 0


def test_of_a_drag_only_the_newest_place_is_stored(feed: Feed, seen: list[Facts]) -> None:
    places: list[float] = []
    for gain_db in (-1.0, -2.0, -3.0):
        feed.move("a", lambda _store, gain_db=gain_db: places.append(gain_db))
    feed.step(0)
    feed.step(0)
    assert places == [-3.0]


def test_no_move_comes_after_the_end_of_its_drag(feed: Feed) -> None:
    places: list[str] = []
    feed.move("a", lambda _store: places.append("a on its way"))
    feed.move("b", lambda _store: places.append("b on its way"))
    feed.do(lambda _store: places.append("a at rest"), ends="a")
    feed.step(0)
    feed.step(0)
    assert places == ["b on its way", "a at rest"]


def test_a_layer_that_fades_out_keeps_its_title(room: StillRoom, feed: Feed, seen: list[Facts]) -> None:
    room.play(1)
    playing_now = room.runtime.read("player")
    playing_now["strips"][0]["title"] = ""
    room.runtime.publish("player", playing_now)
    feed.step(0)
    strip = seen[-1].sound.strips[0]
    assert strip is not None
    assert strip.title == "Waves on a long beach"


def test_a_store_that_cannot_be_opened_is_said_to_whoever_starts(room: StillRoom, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    feed = Feed(replace(room.config, box_data_dir=blocked), room.clock, lambda _facts: None)
    with pytest.raises(SetupError, match="cannot open"):
        feed.start(Stop())
