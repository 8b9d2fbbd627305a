from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.config import Config
from appliance.errors import SetupError
from appliance.status import read_status, status_lines
from tests.factories import Box, put_songs, song_row, tap


@pytest.fixture
def config(box: Box) -> Config:
    return box.config()


def player_says(box: Box, ago_s: float = 0.0, **state: Any) -> None:
    strip = {"song_id": "a", "title": "Rain", "kind": "soundscape", "gain_db": -3.0, "share": 0.7, "why": "It rains."}
    said = {"boot_s": SystemClock().boot_s() - ago_s, "audible": True, "strips": [None, strip], "underruns": 0}
    box.runtime.publish("player", said | state)


def test_where_no_box_ever_ran_it_says_so_and_makes_none(config: Config) -> None:
    with pytest.raises(SetupError, match="COSOUND_DATA_DIR"):
        read_status(config)
    assert not config.box_data_dir.exists()


def test_a_box_at_rest(box: Box, config: Config) -> None:
    box.store()
    lines = status_lines(read_status(config))
    assert lines[:2] == ["player   not running", "  nothing sounds"]
    assert "link     unknown: the sync process has not run" in lines


def test_files_that_were_damaged_are_told(box: Box, config: Config) -> None:
    store = box.store()
    assert "damage" not in "\n".join(status_lines(read_status(config)))
    store.library.count_damaged()
    store.library.count_damaged()
    assert [line for line in status_lines(read_status(config)) if "damage" in line] == [
        "damage   2 files found other than written, and made anew: renew the card if there are ever more"
    ]


def test_a_box_at_work(box: Box, config: Config) -> None:
    store = box.store()
    put_songs(store, song_row(1), song_row(2))
    tap(store)
    refused = store.outbox.batch(1)[0].op_id
    store.outbox.settle([(refused, "rejected: no")])
    player_says(box, underruns=2)
    now_s = SystemClock().boot_s()
    line = {"link": "down", "why": "no route", "boot_s": now_s, "link_since_boot_s": now_s - 725,
            "last_contact_boot_s": now_s - 7500, "door": "https://cloud.example",
            "pending_since_wall_ms": round((SystemClock().wall_s() - 100_000) * 1000),
            "files_to_go": 3, "bytes_to_go": 12_000_000, "bytes_per_s": 200_000}  # fmt: skip
    box.runtime.publish("sync", line)
    readers = [
        {"name": "ACR122U", "state": "ready", "why": ""},
        {"name": "usb", "state": "absent", "why": "no permission"},
    ]
    box.runtime.publish("reader", {"boot_s": now_s, "readers": readers, "dark": {"led:cosound": "no permission"}})
    text = "\n".join(status_lines(read_status(config)))
    assert "player   playing, 2 underruns" in text
    assert "    -3.0 dB  Rain: It rains." in text
    assert "cloud    https://cloud.example" in text
    assert "link     down for 12 min (no route), last contact 2 h 5 min ago" in text
    assert "pending  1, the oldest for 1 d 3 h, 1 refused by the cloud" in text
    assert "library  2 of 2 songs ready; 3 files to fetch, 12.0 MB, 0.2 MB a second: 1 min more" in text
    assert "reader   ACR122U: ready\nreader   usb: absent: no permission" in text
    assert "lamp     led:cosound: dark, no permission" in text


def test_a_sync_process_that_fell_silent_is_not_said_to_have_a_link(box: Box, config: Config) -> None:
    box.store()
    box.runtime.publish("sync", {"link": "up", "boot_s": SystemClock().boot_s() - 90})
    state = read_status(config)
    assert state["sync_silent_s"] == 90
    assert "link     not known: the sync process has been silent for 1 min; is it running?" in status_lines(state)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({}, "playing"), ({"audible": False}, "silent"),
        ({"audible": False, "silent_on_purpose": True}, "muted by staff"),
        ({"ago_s": 6.0}, "not running"),
    ],
)  # fmt: skip
def test_the_players_state_is_one_word(box: Box, config: Config, said: dict[str, Any], word: str) -> None:
    box.store()
    player_says(box, **said)
    assert read_status(config)["player"] == word


def test_what_a_dead_player_left_is_not_said_to_play(box: Box, config: Config) -> None:
    box.store()
    player_says(box, ago_s=60)
    assert read_status(config)["playing"] == []


def test_rubbish_in_the_runtime_directory_is_no_trouble(box: Box, config: Config) -> None:
    box.store()
    for name in ("player", "sync", "reader"):
        (Path(config.box_runtime_dir) / f"{name}.json").write_bytes(b'{"torn')
    assert read_status(config)["player"] == "not running"
