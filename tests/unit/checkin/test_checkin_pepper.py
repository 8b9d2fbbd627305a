from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.errors import SetupError
from checkin.pepper import PEPPER_BYTES, kept_pepper, pepper_of


def test_a_box_that_never_needed_one_has_none(tmp_path: Path) -> None:
    assert kept_pepper(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert pepper_of(tmp_path) == kept_pepper(tmp_path)


def test_a_box_makes_its_own_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    data_dir = tmp_path / "new"
    made = pepper_of(data_dir)
    assert len(made) == PEPPER_BYTES
    assert pepper_of(data_dir) == made
    assert [path.name for path in data_dir.iterdir()] == ["pepper"]
    assert stat.S_IMODE((data_dir / "pepper").stat().st_mode) == 0o600


def test_two_boxes_differ(tmp_path: Path) -> None:
    assert pepper_of(tmp_path / "a") != pepper_of(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"abc", b"no hex, but long enough to be one", b"00" * 8, b"\xff" * 64])
def test_a_damaged_file_is_named_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pepper").write_bytes(content)
    with pytest.raises(SetupError, match="pepper"):
        pepper_of(tmp_path)
    assert (tmp_path / "pepper").read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match=r"box\.data_dir"):
        pepper_of(tmp_path / "file" / "data")
