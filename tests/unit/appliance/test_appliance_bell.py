from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from appliance.bell import MAX_SOCKET_PATH, Bell
from appliance.errors import SetupError

MakeBell = Callable[[str], Bell]


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[MakeBell]:
    """Bells by name, all in one folder."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(closing(Bell(tmp_path, name)))


def test_a_ring_reaches_all_the_others_and_not_oneself(bell: MakeBell) -> None:
    player, sync, ui = (bell(name) for name in ("player", "sync", "ui"))
    player.ring()
    assert [one.heard(0) for one in (player, sync, ui)] == [False, True, True]


def test_many_rings_are_heard_once(bell: MakeBell) -> None:
    player, sync = bell("player"), bell("sync")
    for _ in range(1000):  # far more than a socket holds: a full bell is already rung
        player.ring()
    assert sync.heard(0)
    assert not sync.heard(0)


def test_dead_bells_and_foreign_files_are_no_trouble(bell: MakeBell, tmp_path: Path) -> None:
    player, sync = bell("player"), bell("sync")
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "killed"))
    dead.close()
    (tmp_path / "README").write_text("not a socket")
    player.ring()
    assert sync.heard(0)


def test_a_process_that_comes_back_binds_its_bell_again(bell: MakeBell) -> None:
    left_behind, player = bell("sync"), bell("player")
    again = bell("sync")
    player.ring()
    assert again.heard(0)
    assert not left_behind.heard(0)


def test_ringing_without_a_folder_or_after_the_end_does_nothing(tmp_path: Path) -> None:
    gone = Bell(tmp_path / "bell", "player")
    gone.close()
    (tmp_path / "bell").rmdir()
    gone.ring()


def test_a_path_too_long_for_a_socket_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * MAX_SOCKET_PATH)
    with pytest.raises(SetupError, match="shorter"):
        Bell(folder, "player")
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"runtime_dir"):
        Bell(tmp_path / "file" / "bell", "player")
