from __future__ import annotations

import gc
from itertools import pairwise

import pytest

from appliance.clock import ManualClock
from appliance.errors import StoreBusy
from appliance.model import Fader, Rule
from appliance.player import LEAST_PATIENCE_S, Player
from appliance.store import Store
from appliance.store.ledger import Ledger
from appliance.store.scenes import PATIENCE_S
from mixer.scene import SongId
from tests.factories import FIRE, RAIN, Box, count, op_types, put_songs, song_row, tap, uid
from tests.fakes import FakeEngine


@pytest.fixture
def engine(clock: ManualClock) -> FakeEngine:
    return FakeEngine(clock.boot_s)


@pytest.fixture
def player(box: Box, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Player:
    monkeypatch.setattr("appliance.player.TICK_S", 0.0)
    store = box.store("player")
    put_songs(store, song_row(1, embedding=RAIN, title="Rain"), song_row(2, embedding=FIRE, title="Fire"))
    return Player(store, engine, box.runtime, box.config())


def play(player: Player, clock: ManualClock, seconds: float) -> None:
    for _ in range(int(seconds)):
        clock.advance(1)
        player.step()


def heard(engine: FakeEngine) -> set[str]:
    return {layer.title for layer in engine.scene.layers}


def test_it_sounds_at_the_first_step_and_says_so(player: Player, engine: FakeEngine, box: Box) -> None:
    player.step()
    assert heard(engine) == {"Rain", "Fire"}
    state = box.runtime.read("player")
    assert (state["audible"], state["here"], state["underruns"]) == (True, 0, 0)
    assert [strip["title"] for strip in state["strips"] if strip] == ["Rain", "Fire"]
    assert sum(layer["share"] for layer in state["scene"]) == pytest.approx(1, abs=1e-3)
    assert state["scene_id"] == player.store.scenes.latest().id  # type: ignore[union-attr]


def test_a_scene_is_written_down_when_it_changes_and_only_then(player: Player, clock: ManualClock) -> None:
    play(player, clock, 30)
    assert player.store.scenes.newest_seq() == 1
    row = player.store.scenes.latest()
    assert row is not None
    assert {"song_id", "strip", "gain_db", "title", "kind"} <= set(row.layers[0])
    assert "path" not in row.layers[0]


def test_the_bell_wakes_it_between_looks(player: Player, engine: FakeEngine, box: Box) -> None:
    player.step()
    looks = len(engine.scenes)
    player.step()
    assert len(engine.scenes) == looks, "nothing new, no time gone: no look"
    box.store("ui").room.hold_fader(Fader(SongId(uid(1)), -20.0))
    player.step()
    assert engine.scene.layers[0].gain_db == -20.0


def test_hands_on_the_master_reach_the_engine(player: Player, engine: FakeEngine, box: Box) -> None:
    player.step()
    box.store("ui").room.set_master(gain_db=-6.0, hush=True)
    player.step()
    assert (engine.master.gain_db, engine.master.hush, engine.master.mute) == (-6.0, True, False)


def test_muted_by_staff_is_silent_on_purpose(player: Player, box: Box) -> None:
    player.step()
    box.store("ui").room.set_master(mute=True)
    player.step()
    state = box.runtime.read("player")
    assert (state["audible"], state["silent_on_purpose"]) == (False, True)


def test_a_mute_changes_the_layer_without_moving_it(player: Player, engine: FakeEngine, box: Box) -> None:
    player.step()
    box.store("ui").room.hold_fader(Fader(SongId(uid(1)), None, muted=True))
    player.step()
    assert [layer.muted for layer in engine.scene.layers] == [True, False]
    assert player.store.scenes.newest_seq() == 1


def test_a_fader_is_let_go_when_its_layer_leaves(player: Player, clock: ManualClock, box: Box) -> None:
    staff = box.store("ui")
    player.step()
    staff.room.hold_fader(Fader(SongId(uid(1)), -3.0))
    player.step()
    player.store.library.set_ready(uid(1), None)
    play(player, clock, 1)
    assert staff.room.control().faders == ()


def test_what_is_audible_for_ten_seconds_is_a_play(player: Player, clock: ManualClock) -> None:
    play(player, clock, 10)
    player.store.scenes.write_down()
    assert op_types(player.store) == []
    play(player, clock, 1)
    player.store.scenes.write_down()
    assert op_types(player.store) == ["play", "play"]
    player.close()
    assert op_types(player.store)[2:] == ["play_end", "play_end"]


def test_a_song_whose_file_is_missing_is_not_said_to_play(box: Box, clock: ManualClock, player: Player) -> None:
    engine = FakeEngine(clock.boot_s, exists=lambda path: uid(1) not in path)
    deaf = Player(player.store, engine, box.runtime, box.config())
    play(deaf, clock, 12)
    deaf.store.scenes.write_down()
    assert [op.body["song_id"] for op in player.store.outbox.batch(9)] == [uid(2)]
    assert box.runtime.read("player")["engine"]["missing_files"] == 0, "it gave its place away"
    assert player.store.library.song(uid(1)).pcm_path is None  # type: ignore[union-attr]


def test_the_start_ends_what_a_crash_left_open_where_it_was_last_alive(
    player: Player, engine: FakeEngine, clock: ManualClock, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("freeze", "set_threshold"):
        monkeypatch.setattr(gc, name, lambda *_: None)
    play(player, clock, 40)
    clock.advance(3600)
    Player(box.store("again"), engine, box.runtime, box.config()).start()
    assert [row["seconds"] for row in player.store.db.rows("select seconds from songs_playing")] == [39.0, 39.0]


def test_one_layer_is_heard_alone_until_its_time_is_up(
    player: Player, engine: FakeEngine, clock: ManualClock, box: Box
) -> None:
    player.step()
    box.store("ui").room.solo(uid(2), 60)
    player.step()
    assert {layer.title: layer.solo for layer in engine.scene.layers} == {"Rain": False, "Fire": True}
    strips = {strip["title"]: strip for strip in box.runtime.read("player")["strips"] if strip}
    assert "staff listen to it alone" in strips["Fire"]["why"]
    play(player, clock, 59)
    assert engine.scene.solo
    play(player, clock, 2)
    assert not engine.scene.solo
    assert heard(engine) == {"Rain", "Fire"}


def test_a_layer_that_leaves_is_no_longer_heard_alone(
    player: Player, engine: FakeEngine, clock: ManualClock, box: Box
) -> None:
    screen = box.store("ui")
    player.step()
    screen.room.solo(uid(2), 60)
    player.step()
    screen.room.set_rule(Rule(SongId(uid(2)), "skip", until_s=clock.wall + 5))
    player.step()
    assert heard(engine) == {"Rain"}
    assert screen.room.control().solo is None
    play(player, clock, 8)
    assert heard(engine) == {"Rain", "Fire"}
    assert not engine.scene.solo, "it came back, but nobody asked for it again"


@pytest.mark.parametrize(("for_s", "stands"), [(3600.0, False), (None, True)])
def test_a_song_that_was_called_for_has_its_place_until_it_has_played(
    player: Player, engine: FakeEngine, clock: ManualClock, box: Box, for_s: float | None, stands: bool
) -> None:
    put_songs(player.store, *(song_row(n, "instrumental", None, title="abc"[n - 3], duration=60.0) for n in (3, 4, 5)))
    player.step()
    assert "a" in heard(engine)
    play(player, clock, 65)
    assert heard(engine) & {"a", "b", "c"} == {"b"}
    until_s = None if for_s is None else clock.wall + for_s
    box.store("ui").room.set_rule(Rule(SongId(uid(3)), "place", 1, until_s))
    play(player, clock, 58)
    assert ("a" in heard(engine)) == (for_s is not None), "who is called for comes again, however lately it was heard"
    assert player.store.room.rules() != []
    play(player, clock, 60)
    assert (player.store.room.rules() != []) == stands
    assert op_types(player.store).count("rule") == (1 if stands else 2), "the cloud is told that it is over"


def test_the_device_is_let_go_even_when_the_last_word_cannot_be_written(
    player: Player,
    engine: FakeEngine,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    play(player, clock, 12)
    monkeypatch.setattr("appliance.store.database.Database._begin", _busy)
    player.close()
    assert caplog.messages == ["what sounded last is not written down: held by another process"]
    assert engine.closed


def _busy(_: object) -> None:
    raise StoreBusy("held by another process")


def test_a_clock_set_back_ten_years_is_not_heard(
    player: Player, engine: FakeEngine, clock: ManualClock, store: Store
) -> None:
    tap(store)
    play(player, clock, 30)
    before, scenes = heard(engine), player.store.scenes.newest_seq()
    clock.set_wall(clock.wall - 10 * 365 * 86_400)
    play(player, clock, 30)
    assert (heard(engine), player.store.scenes.newest_seq()) == (before, scenes)


def test_decisions_go_to_the_ledger_and_what_is_owed_outlives_a_restart(
    player: Player, clock: ManualClock, box: Box
) -> None:
    store = box.store("watcher")
    guest = tap(store).listener
    assert guest is not None
    for _ in range(4):
        store.people.record_vote(guest.id, uid(2), 5, FIRE)
    player.step()
    store.room.hold_fader(Fader(SongId(uid(2)), -120.0))
    play(player, clock, 300)
    store.room.hold_fader(Fader(SongId(uid(2)), -90.0))
    player.step()
    player.close()
    decisions = list(Ledger(store.db, clock).decisions())
    assert len(decisions) == len(store.scenes.since(0))
    assert decisions[-1].people[0].unmet > 0
    again = Player(box.store("player"), FakeEngine(clock.boot_s), box.runtime, box.config())
    again.start()
    again.close()
    newest = Ledger(store.db, clock).newest()
    assert newest is not None
    assert newest[0].people[0].unmet == pytest.approx(decisions[-1].people[0].unmet, abs=1e-4)


def test_stays_that_are_over_are_closed_within_a_minute_or_so(player: Player, clock: ManualClock) -> None:
    tap(player.store)
    player.step()
    assert player.store.db.value("select status from sessions") == "active"
    clock.advance(3700)
    player.step()
    assert player.store.db.value("select status from sessions") == "inactive"


def test_a_disk_that_refuses_is_no_reason_for_silence(
    player: Player, engine: FakeEngine, box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    """And what was played meanwhile is written down once there is room."""
    pages = player.store.db.count("pragma page_count")
    player.store.db.conn.execute("pragma query_only=1")
    player.start()
    assert heard(engine) == {"Rain", "Fire"}
    play(player, box.clock, 60)
    state = box.runtime.read("player")
    assert (state["audible"], state["boot_s"]) == (True, box.clock.boot_s()), "it says so while it can write nothing"
    assert count(player.store, "scene_leaves") == 0
    assert caplog.text.count("the log of what sounded is down") == 1
    player.store.db.conn.execute("pragma query_only=0")
    play(player, box.clock, 12)
    assert caplog.text.count("the log of what sounded is back") == 1
    assert (count(player.store, "scene_leaves"), player.store.scenes.newest_seq()) == (1, 1)
    assert player.store.db.count("pragma page_count") >= pages
    assert op_types(player.store).count("play") == 2


def test_what_sounds_reaches_the_card_seldom_and_sooner_at_first(player: Player, box: Box, clock: ManualClock) -> None:
    player.start()
    other, written = box.store("other"), []
    for second in range(0, 3600, 5):
        fader = Fader(SongId(uid(1)), gain_db=-20.0 if second % 50 < 25 else -10.0)
        if second % 25 == 0:
            other.room.hold_fader(fader)
        clock.advance(5)
        player.step()
        if count(other, "scene_leaves") > len(written):
            written.append(second)
    waits = [later - earlier for earlier, later in pairwise(written)]
    assert written[0] <= LEAST_PATIENCE_S + 25
    assert max(waits) <= PATIENCE_S + 25
    assert len(written) <= 80
    assert waits[-1] >= 300, "once it has run for an hour"
    assert len(other.scenes.since(0)) == 3600 // 25 + 1


def test_a_stop_writes_down_what_sounded(player: Player, box: Box, clock: ManualClock) -> None:
    player.start()
    play(player, clock, 15)
    other = box.store("other")
    player.close()
    assert box.runtime.notes("scenes") == box.runtime.notes("plays") == []
    assert count(other, "scene_leaves") == 1
    assert [row["seconds"] for row in other.db.rows("select seconds from songs_playing")] == [14.0, 14.0]
