from __future__ import annotations

import errno
from pathlib import Path

import pytest

from appliance.space import is_read_only, open_lock


def only_readable(monkeypatch: pytest.MonkeyPatch, number: int = errno.EROFS) -> None:
    """What the kernel says on such a disk, at the two calls that we make; a real one is in tests/faults."""
    opened = Path.open

    def refuse(path: Path, mode: str = "r") -> object:
        if mode != "r":
            raise OSError(number, "no")
        return opened(path, mode)

    def refuse_times(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("os.utime", refuse_times)


def test_a_disk_that_takes_writes_is_not_read_only_and_the_question_changes_nothing(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    assert not is_read_only(tmp_path)
    assert tmp_path.stat().st_mtime_ns == before
    assert not is_read_only(tmp_path / "nothing")


def test_a_lock_is_made_and_taken_up_again(tmp_path: Path) -> None:
    for _ in range(2):
        with open_lock(tmp_path / "x.lock") as lock:
            assert lock.writable()


def test_on_a_disk_that_can_only_be_read_the_lock_that_is_there_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.lock").write_text("12")
    only_readable(monkeypatch)
    assert is_read_only(tmp_path)
    with open_lock(tmp_path / "x.lock") as lock:
        assert lock.read() == "12"
    with pytest.raises(FileNotFoundError):
        open_lock(tmp_path / "y.lock")


def test_who_may_not_write_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.lock").touch()
    only_readable(monkeypatch, errno.EACCES)
    assert not is_read_only(tmp_path)
    with pytest.raises(PermissionError):
        open_lock(tmp_path / "x.lock")
