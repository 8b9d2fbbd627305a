from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.slots import SLOT_BYTES, Slots


def test_the_newest_is_read_also_by_another_process(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "mark")
    assert slots.read() == {}
    for number in range(3):
        slots.write({"number": number})
        assert slots.read() == {"number": number}
    other = Slots(tmp_path / "mark")
    other.write({"number": 3})
    assert slots.read() == {"number": 3}


def test_it_is_written_over_where_it_lies(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "mark")
    slots.write({"number": 0})
    slots.write({"number": 1})
    before = (tmp_path / "mark").stat()
    slots.write({"number": 2})
    after = (tmp_path / "mark").stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)


@given(cut=st.integers(0, 80), junk=st.binary(max_size=80))
def test_whatever_is_torn_the_one_before_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    """Only so much of the newer one reached the card; the rest is anything."""
    place = tmp_path_factory.mktemp("torn") / "mark"
    slots = Slots(place)
    slots.write({"number": 0, "words": "rain " * 9})
    old = place.read_bytes()
    slots.write({"number": 1, "words": "wind " * 9})
    new = place.read_bytes()
    place.write_bytes(old.ljust(SLOT_BYTES, b"\0")[:SLOT_BYTES] + new[SLOT_BYTES:][:cut] + junk)
    found = Slots(place)
    assert found.read()["number"] in (0, 1)
    found.write({"number": 2})
    assert found.read() == {"number": 2}


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 2 * SLOT_BYTES, b"\xff" * 2 * SLOT_BYTES])
def test_a_file_of_somebody_elses_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mark").write_bytes(content)
    assert Slots(tmp_path / "mark").read() == {}


def test_what_does_not_fit_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "mark")
    slots.write({"number": 0})
    with pytest.raises(ValueError, match="more than a slot"):
        slots.write({"noise": [n * 2654435761 % 2**32 for n in range(8000)]})
    assert slots.read() == {"number": 0}
