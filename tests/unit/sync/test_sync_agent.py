"""The agent with real threads, sockets and processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sync_fake_cloud import TOKEN, FakeCloud, song_id
from sync_fake_server import Server, serving

from appliance.config import Config, load_config
from appliance.process import Stop
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from sync.agent import Agent, run_agent
from sync.cli import sync
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.processes


@pytest.fixture
def server(fake: FakeCloud) -> Iterator[Server]:
    with serving(fake) as running:
        yield running


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"COSOUND_CONFIG": "/nowhere", "COSOUND_DATA_DIR": str(tmp_path / "box"),
            "COSOUND_RUNTIME_DIR": str(tmp_path / "run"), "PLAYER_TOKEN": TOKEN}  # fmt: skip


@pytest.fixture
def config(env: dict[str, str], server: Server) -> Config:
    return load_config({**env, "DJANGO_API_URL": server.url})


def box(config: Config) -> Store:
    return open_store(config.box_data_dir, config.box_runtime_dir, "somebody")


def test_everything_flows_while_the_agent_runs(fake: FakeCloud, server: Server, config: Config) -> None:
    fake.put_song("rain")
    fake.set_queue("rain")
    agent, store = Agent(config), box(config)
    agent.start()
    try:
        until(lambda: agent.link.is_up and store.library.with_files() and store.room.queue().entries)
        store.scenes.begin_play(song_id("rain"), 10.0)
        until(lambda: fake.facts and store.outbox.pending() == 0)
        until(lambda: server.polls >= 2)
        fake.put_song("wind")
        fake.set_queue("wind", "rain")
        server.changed.set()
        until(lambda: store.library.count() == 2 and len(store.room.queue().entries) == 2)
        until(lambda: fake.beats)
        agent.step()
        assert Runtime(config.box_runtime_dir).read("sync")["link"] == "up"
    finally:
        server.changed.set()
        agent.stop()
        store.close()
    assert Runtime(config.box_runtime_dir).read("sync")["why"] == "the sync process has ended"


def test_a_box_without_a_cloud_only_prepares(env: dict[str, str]) -> None:
    config = load_config(env)
    agent = Agent(config)
    agent.start()
    agent.step()
    state = Runtime(config.box_runtime_dir).read("sync")
    assert [worker.name for worker in agent.workers] == ["sync-prepare"]
    assert agent.stop()
    assert (state["link"], state["why"]) == ("none", "no cloud.url is set: the box plays by itself")


def test_an_address_without_a_token_is_said(env: dict[str, str]) -> None:
    agent = Agent(load_config({**env, "PLAYER_TOKEN": "", "DJANGO_API_URL": "http://cloud"}))
    assert (agent.link.state.link, "cloud.token" in agent.link.state.why) == ("none", True)
    agent.stop()


def test_a_thread_that_ends_by_itself_ends_the_process(config: Config) -> None:
    agent = Agent(config)
    with pytest.raises(SystemExit):
        agent.step()  # nobody started the workers
    for worker in agent.workers:
        worker.start()
    agent.stop()


def test_a_process_that_is_asked_to_stop_leaves_although_polls_are_open(server: Server, config: Config) -> None:
    left: list[int] = []
    stop = Stop()
    stop.request()
    run_agent(config, stop, left.append)
    assert left in ([], [0])


@contextmanager
def process(env: dict[str, str], url: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`cosound sync` in a process of its own, ended by SIGKILL if it has not ended."""
    with log.open("wb") as file:
        command = [sys.executable, "-c", "from appliance.cli import main; main()", "sync"]
        running = subprocess.Popen(command, env={**os.environ, **env, "DJANGO_API_URL": url}, stderr=file)
    try:
        yield running
    finally:
        running.kill()
        running.wait(PATIENCE_S)


def test_the_real_process_stops_on_a_signal_and_runs_but_once(
    server: Server, env: dict[str, str], config: Config, tmp_path: Path, fake: FakeCloud
) -> None:
    fake.set_queue("rain")
    with process(env, server.url, tmp_path / "first.log") as first:
        until(lambda: server.polls >= 2)
        with process(env, server.url, tmp_path / "second.log") as second:
            assert second.wait(PATIENCE_S) == 2
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE_S) == 0
    assert "sync already runs" in (tmp_path / "second.log").read_text()
    assert list((config.box_runtime_dir / "bell").iterdir()) == []


def test_a_killed_process_starts_again_where_it_was(
    server: Server, env: dict[str, str], config: Config, tmp_path: Path, fake: FakeCloud
) -> None:
    with closing(box(config)) as store:
        for number in range(2):
            store.scenes.begin_play(song_id("rain"), 10.0)
            with process(env, server.url, tmp_path / f"{number}.log"):
                until(lambda: store.outbox.pending() == 0)
    assert len(fake.facts) == 2


def command(env: dict[str, str], *args: str) -> tuple[int, str]:
    result = CliRunner().invoke(sync, list(args), env=env)
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_now_tells_what_one_round_did(fake: FakeCloud, server: Server, env: dict[str, str], config: Config) -> None:
    fake.put_song("rain")
    fake.set_queue("rain")
    store = box(config)
    store.scenes.begin_play(song_id("rain"), 10.0)
    store.close()
    code, said = command({**env, "DJANGO_API_URL": server.url}, "now")
    assert code == 0
    assert said.splitlines() == [
        f"cloud: {server.url}",
        "push: 1 sent (1 applied), 0 pending",
        "pull: 1 changes, the whole bucket",
        "queue: 1 songs",
        "files: 0 of 1 songs ready; the sync process fetches more",
    ]


def test_now_says_once_that_nobody_answers(env: dict[str, str]) -> None:
    code, said = command({**env, "DJANGO_API_URL": "http://127.0.0.1:9"}, "now")
    assert code != 0 and "pull: no connection" in said and "not everything went through" in said
    assert said.count("no connection") == 1


def test_now_without_a_cloud_says_what_to_set(env: dict[str, str]) -> None:
    code, said = command(env, "now")
    assert code != 0 and "DJANGO_API_URL" in said


def test_log_shows_what_waits_and_what_was_refused(env: dict[str, str], config: Config) -> None:
    assert command(env, "log") == (0, "nothing waits for the cloud\nnothing was refused\n")
    store = box(config)
    for _ in range(22):
        store.scenes.begin_play(song_id("rain"), 10.0)
    store.outbox.settle([(store.outbox.batch(1)[0].op_id, "rejected:unknown_song")])
    store.close()
    code, said = command(env, "log")
    assert code == 0 and "21 facts wait" in said and "… and 1 more" in said
    assert "1 fact was refused" in said and "unknown_song" in said
