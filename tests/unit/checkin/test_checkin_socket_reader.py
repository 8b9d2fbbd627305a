from __future__ import annotations

import json
import logging
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import InputError, SetupError
from appliance.tapline import send_tap
from checkin.reader import ReaderGone
from checkin.socket_reader import LONGEST_DATAGRAM, SocketReader, parse_tap

UID = bytes.fromhex("04a1b2c3d4e5f6")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SocketReader]:
    reader = SocketReader(tmp_path)
    reader.open()
    yield reader
    reader.close()


def shout(folder: Path, datagram: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(datagram, str(folder / "tap"))


def test_a_typed_tap_arrives_with_its_own_id(reader: SocketReader, tmp_path: Path) -> None:
    tap_id = send_tap(tmp_path, UID)
    tag = reader.poll(1.0)
    assert tag is not None
    assert (tag.uid, tag.tech, tag.random_uid, tag.tap_id) == (UID, "nfca", False, tap_id)
    assert reader.poll(0.0) is None


def test_a_phones_number_is_marked(reader: SocketReader, tmp_path: Path) -> None:
    send_tap(tmp_path, b"\x08abc")
    tag = reader.poll(1.0)
    assert tag is not None
    assert tag.random_uid


def test_only_this_user_may_write(reader: SocketReader, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "tap").stat().st_mode) == 0o600


def test_nobody_listening_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="start `cosound nfc`"):
        send_tap(tmp_path, UID)
    with pytest.raises(SetupError, match="start `cosound nfc`"):
        send_tap(tmp_path / "nowhere", UID)


def test_a_socket_left_by_a_killed_process_is_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(tmp_path / "tap"))
    with pytest.raises(SetupError, match="start `cosound nfc`"):
        send_tap(tmp_path, UID)
    reader = SocketReader(tmp_path)
    reader.open()
    send_tap(tmp_path, UID)
    assert reader.poll(1.0) is not None
    reader.close()
    assert not (tmp_path / "tap").exists()


def test_too_long_a_path_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="shorter"):
        send_tap(tmp_path / ("x" * 100), UID)
    with pytest.raises(ReaderGone):
        SocketReader(tmp_path / ("x" * 100)).open()


def test_rubbish_is_ignored_and_said_once(
    reader: SocketReader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = {"tap_id": str(uuid4()), "uid": UID.hex(), "tech": "nfca"}
    for datagram in (b"", b"\xff\x00", b"[]", b"{}", b"[" * 400, b'"tap"', b"null", *map(_json, _bad(good))):
        shout(tmp_path, datagram)
        assert reader.poll(1.0) is None
    shout(tmp_path, b"x" * (LONGEST_DATAGRAM + 100))
    assert reader.poll(1.0) is None
    assert len(caplog.records) == 1
    assert UID.hex() not in caplog.text
    shout(tmp_path, _json(good))
    assert reader.poll(1.0) is not None


def _bad(good: dict[str, str]) -> list[dict[str, object]]:
    return [
        {**good, "tap_id": "1"},
        {**good, "tap_id": 1},
        {**good, "uid": ""},
        {**good, "uid": "00" * 7},
        {**good, "uid": "01" * 11},
        {**good, "uid": 7},
        {**good, "uid": None},
        {**good, "tech": "wifi"},
        {**good, "tech": ["nfca"]},
    ]


def _json(tree: object) -> bytes:
    return json.dumps(tree).encode()


@settings(max_examples=60)
@given(datagram=st.one_of(st.binary(max_size=LONGEST_DATAGRAM + 2), st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["tap_id", "uid", "tech"]), inner),
    max_leaves=8,
).map(_json)))  # fmt: skip
def test_no_datagram_escapes_as_anything_but_a_refusal(datagram: bytes) -> None:
    with pytest.raises(InputError):
        parse_tap(datagram)
