"""What the demo makes of what `cosound add` says of a person's files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.demo.own_music import OwnMusic
from appliance.errors import SetupError
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from tests.factories import Box, put_songs, song_row, uid

pytestmark = pytest.mark.processes


def result(number: int, kind: str | None = "soundscape", word: str = "added") -> dict[str, Any]:
    return {"song_id": uid(number), "title": f"Mine {number}", "name": f"{number}.wav", "kind": kind, "word": word,
            "why": "is silent" if word == "refused" else ""}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnMusic]:
    """A command that is at work until it is told to stop."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], text=True)
    made = OwnMusic(tmp_path / "music", process)
    yield made
    made.stop()


def test_four_beds_make_a_room_and_the_command_goes_on(own: OwnMusic) -> None:
    own.results += [result(1), result(2), result(3, "instrumental"), result(4, word="already there")]
    assert not own.enough()
    own.results.append(result(5))
    assert own.enough() and not own.ended


def test_fewer_are_enough_when_that_is_all(own: OwnMusic) -> None:
    own.results.append(result(1))
    own.stop()
    assert own.enough()


def test_nothing_usable_is_said_in_a_line(own: OwnMusic) -> None:
    own.results.append(result(1, None, "refused"))
    own.stop()
    with pytest.raises(SetupError, match=r"nothing in .*music can be played"):
        own.enough()


def test_few_of_ones_own_stand_out_of_the_starter_library(own: OwnMusic) -> None:
    own.results += [result(1), result(2, "instrumental"), result(3, None, "refused")]
    library = [{"id": uid(number), "type": kind} for number, kind in
               [(1, "soundscape"), (2, "instrumental"), (8, "instrumental"), (9, "soundscape")]]  # fmt: skip
    own.stand_out(library)
    assert own.rules == [Rule(SongId(uid(1)), "pin"), Rule(SongId(uid(8)), "ban")]


def test_the_report_tells_what_was_heard_of_it(own: OwnMusic, box: Box, store: Store) -> None:
    put_songs(store, song_row(1), song_row(7))
    store.scenes.begin_play(uid(1), 10.0)
    own.results += [result(1), result(2), result(3, None, "refused")]
    told = own.told({uid(1), uid(2), uid(7)}, box.folder / "data")
    assert (told["files"], told["usable"], told["soundscapes"]) == (3, 2, 2)
    assert told["refused"] == ["3.wav: is silent"]
    assert (told["heard"], told["played"]) == (["Mine 1", "Mine 2"], ["Mine 1"])
