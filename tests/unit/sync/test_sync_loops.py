from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.errors import StoreDamaged
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from sync.errands import Progress
from sync.errors import LinkDown, MediaError
from sync.link import Link
from sync.loops import HeartbeatLoop, PushLoop
from sync.polls import poll_steps
from sync.pull import pull_once
from sync.status import build_status
from sync.timers import Alarm
from sync.worker import Worker
from tests.patience import PATIENCE_S


@pytest.fixture
def neighbour(tmp_path: Path, clock: ManualClock, store: Store) -> Iterator[Store]:
    """Another process, whose commits ring our bell."""
    opened = open_store(tmp_path / "data", tmp_path / "run", "neighbour", clock)
    yield opened
    opened.close()


@pytest.fixture
def link(clock: ManualClock) -> Link:
    return Link(clock, Random(1))


def test_polls_are_short_while_the_link_is_away_and_long_when_it_is_there(
    store: Store, fake: FakeCloud, link: Link, clock: ManualClock
) -> None:
    fake.set_queue("rain")
    step = poll_steps(fake.cloud(), link, clock, Random(1))["queue"]
    step(store)
    step(store)
    link.worked()
    step(store)
    waits = [float(request.url.params.get("wait", 0)) for request in fake.requests]
    assert waits[:2] == [0, 0] and 50 <= waits[2] <= 55


def test_a_push_loop_sends_what_it_finds_and_wakes_for_more(
    store: Store, neighbour: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    loop = PushLoop(fake.cloud(), clock)
    neighbour.scenes.begin_play(song_id("rain"), 10.0)
    loop.step(store)
    neighbour.scenes.begin_play(song_id("wind"), 10.0)
    loop.step(store)
    assert len(fake.facts) == 2


def test_the_heart_beats_at_the_start_at_the_alarm_and_with_the_scene(
    store: Store, neighbour: Store, fake: FakeCloud, tmp_path: Path, clock: ManualClock
) -> None:
    runtime, due = Runtime(tmp_path / "run"), Alarm()
    loop = HeartbeatLoop(fake.cloud(), runtime, clock, due)

    def step() -> int:
        clock.advance(2)
        neighbour.library.forget_tries("rings the bell", "begun")
        loop.step(store)
        return len(fake.beats)

    assert step() == 1
    assert step() == 1
    due.ring()
    assert step() == 2
    runtime.publish("player", {"boot_s": clock.boot + 2, "scene_id": song_id("scene")})
    assert step() == 3
    runtime.publish("player", {"boot_s": clock.boot + 2, "scene_id": song_id("scene")})
    assert step() == 3


def test_a_beat_that_failed_is_owed(store: Store, fake: FakeCloud, tmp_path: Path, clock: ManualClock) -> None:
    away = True

    def cut(request: httpx.Request) -> None:
        if away:
            raise httpx.ConnectError("cut")

    loop = HeartbeatLoop(fake.cloud(cut), Runtime(tmp_path / "run"), clock, Alarm())
    for _ in range(2):
        clock.advance(2)
        with pytest.raises(LinkDown):
            loop.step(store)
    away = False
    clock.advance(2)
    loop.step(store)
    assert len(fake.beats) == 1


def test_status_tells_what_staff_ask(store: Store, fake: FakeCloud, link: Link, clock: ManualClock) -> None:
    fake.put_song("rain", byte_size=1000)
    fake.put_song("wind", byte_size=500)
    pull_once(store, fake.cloud())
    store.library.set_media(song_id("wind"), Path("/m/wind"))
    store.library.set_ready(song_id("wind"), Path("/p/wind"))
    store.scenes.begin_play(song_id("wind"), 10.0)
    link.worked()
    state = build_status(store, link.state, Progress(1, 600, 50), "https://cloud.example")
    assert (state["link"], state["pending"], state["pending_since_wall_ms"]) == ("up", 1, round(clock.wall * 1000))
    assert (state["files_to_go"], state["bytes_to_go"], state["bytes_per_s"]) == (1, 600, 50)
    assert state["last_contact_boot_s"] == clock.boot


def test_a_worker_outlives_every_error_of_its_step(tmp_path: Path, store: Store, clock: ManualClock) -> None:
    link = Link(clock, Random(1))
    errors: list[Exception] = [LinkDown("cut"), ValueError("a bug"), MediaError("gone"), LinkDown("cut")]

    def step(_: Store) -> None:
        link.worked()  # so that no pause is long
        if errors:
            raise errors.pop()
        worker.ask_to_stop()

    worker = Worker("steady", lambda name: open_store(tmp_path / "data", tmp_path / "run", name, clock), step, link)
    link.wake()
    worker.start()
    worker.join(PATIENCE_S)
    assert not worker.is_alive() and errors == []


def open_box(folder: Path, clock: ManualClock, name: str) -> Store:
    return open_store(folder / "data", folder / "run", name, clock)


@pytest.mark.parametrize(("link_falls", "said"), [(True, 0), (False, 1)])
def test_a_file_that_cannot_be_had_is_no_second_word_on_a_link_that_is_down(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture, link_falls: bool, said: int
) -> None:
    link = Link(clock, Random(1))
    link.worked()

    def step(_: Store) -> None:
        raise LinkDown("no connection")

    def pause(attempt: int, at_least_s: float = 0.0) -> None:
        if link_falls:
            link.failed(LinkDown("cable"))
        worker.ask_to_stop()

    link.pause = pause  # type: ignore[method-assign]
    worker = Worker("media", partial(open_box, tmp_path, clock), step, link, tells_of_link=False)
    worker.run()
    assert sum("sync media is down" in record.getMessage() for record in caplog.records) == said


def test_a_worker_without_a_store_ends_with_one_line(link: Link, caplog: pytest.LogCaptureFixture) -> None:
    def no_store(name: str) -> Store:
        raise StoreDamaged("cosound.db is damaged")

    worker = Worker("push", no_store, lambda store: None, link)
    worker.run()
    assert [record.message for record in caplog.records] == ["sync-push cannot begin: cosound.db is damaged"]
