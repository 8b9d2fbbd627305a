from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.runtime import Runtime


def test_what_is_published_is_read_and_replaced_whole(tmp_path: Path) -> None:
    runtime = Runtime(tmp_path / "run")
    runtime.publish("player", {"audible": True, "strips": [None, {"rms": 0.5}]})
    assert runtime.read("player") == {"audible": True, "strips": [None, {"rms": 0.5}]}
    runtime.publish("player", {"audible": False})
    assert runtime.read("player") == {"audible": False}
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["player.json"]


def test_nobody_has_published_reads_as_nothing(tmp_path: Path) -> None:
    assert Runtime(tmp_path / "nowhere").read("player") == {}


@pytest.mark.parametrize(
    "rubbish", [b"", b'{"audible": tr', b"[1, 2]", b"null", b'"text"', b"\xff\xfe\x00", b"[" * 100_000], ids=repr
)
def test_a_torn_or_foreign_file_reads_as_nothing(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "player.json").write_bytes(rubbish)
    assert Runtime(tmp_path).read("player") == {}


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_fall(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "rubbish.json").write_bytes(rubbish)
    assert isinstance(Runtime(folder).read("rubbish"), dict)
