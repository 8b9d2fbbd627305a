"""From a folder of a person's own files to layers in the room: the command as they type it, then the player."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from appliance.cli import cosound
from tests.factories import Box, put, song_row, uid
from tests.fakes import FakeEngine, on_disk
from tests.music import GOOD, Made, bad_folder, ordinary_folder, sound, write

if TYPE_CHECKING:
    from conftest import MakeRoom

Add = Callable[..., Result]


@pytest.fixture
def add(box: Box) -> Add:
    """`cosound add` on this box."""

    def run(*arguments: str | Path, **env: str) -> Result:
        places = {
            "COSOUND_CONFIG": str(box.folder / "none.toml"),
            "COSOUND_DATA_DIR": str(box.folder / "data"),
            "COSOUND_RUNTIME_DIR": str(box.folder / "run"),
        }
        return CliRunner().invoke(cosound, ["add", *map(str, arguments)], env=places | env)

    return run


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three beds, a piece, and a text that calls itself a sound."""
    for number, name in enumerate(("01 - one.wav", "two.wav", "three.wav", "piano.wav")):
        write(tmp_path / "music", Made(name), sound(number, 44_100, 2, 1.0))
    (tmp_path / "music" / "text.wav").write_text("no sound")
    return tmp_path / "music"


def test_what_is_added_sounds_and_outlives_a_reset_of_the_clouds_bucket(
    add: Add, music: Path, make_room: MakeRoom, box: Box
) -> None:
    room = make_room(FakeEngine(box.clock.boot_s, on_disk))
    room.pass_time(1)
    assert room.levels() == {}
    done = add(music)
    assert done.exit_code == 0, done.output
    assert "refused: text.wav: holds no sound that can be read" in done.output
    assert "4 added, 0 already there, 1 refused" in done.output
    room.pass_time(2)
    assert set(room.levels()) == {"One", "Two", "Three", "Piano"}
    room.sync.bucket.replace([put("songs", uid(1), song_row(1))], epoch="e", rev=1)
    room.pass_time(2)
    assert set(room.levels()) == {"One", "Two", "Three", "Piano"}


def test_songs_nobody_can_judge_take_turns(add: Add, music: Path, make_room: MakeRoom, box: Box) -> None:
    room = make_room(FakeEngine(box.clock.boot_s, on_disk), COSOUND_BEDS="1")
    assert add(music, "--type", "soundscape").exit_code == 0
    heard = set()
    for _ in range(80):
        room.pass_time(60, every_s=20)
        heard |= set(room.levels())
    assert heard == {"One", "Two", "Three", "Piano"}


def test_exit_codes_and_lines_for_machines(add: Add, music: Path, tmp_path: Path) -> None:
    first = add("--json", music / "two.wav")
    assert first.exit_code == 0
    told = json.loads(first.stdout)
    assert (told["word"], told["title"], told["kind"], told["duration_s"]) == ("added", "Two", "soundscape", 1.0)
    again = add(music / "two.wav")
    assert (again.exit_code, again.output.splitlines()[0]) == (2, "already there: Two (two.wav)")
    nothing = add(tmp_path / "nowhere", music / "text.wav")
    assert nothing.exit_code == 2
    assert nothing.output.splitlines()[-1].startswith("0 added, 0 already there, 2 refused")


def test_a_configured_cloud_wants_a_login_unless_told_local(add: Add, music: Path) -> None:
    cloud = {"DJANGO_API_URL": "http://127.0.0.1:9"}
    refused = add(music / "two.wav", **cloud)
    assert "wants a login: set COSOUND_ADMIN_EMAIL" in str(refused.exception)
    assert add("--local", music / "two.wav", **cloud).exit_code == 0


@pytest.mark.processes
def test_every_format_rate_and_channel_goes_in_and_every_bad_file_stays_out(add: Add, tmp_path: Path, box: Box) -> None:
    ordinary_folder(tmp_path / "music", seconds=1.0)
    bad = sorted(path.name for path in bad_folder(tmp_path / "music" / "bad").iterdir())
    done = add(tmp_path / "music")
    assert done.exit_code == 0
    assert sum(line.startswith("added: ") for line in done.output.splitlines()) == GOOD
    lines = [line for line in done.output.splitlines() if line.startswith("refused: bad/")]
    assert sorted(line.removeprefix("refused: bad/").split(":")[0] for line in lines) == bad
    assert len(box.store().library.ready()) == GOOD
    assert "Traceback" not in done.output
