from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_stub.ranges import pieces, wanted_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("bytes=0-", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=90-400", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-400", (0, 99)),
        ("bytes=99-99", (99, 99)),
        ("bytes=19-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_one_plain_range_is_honoured_and_anything_else_is_the_whole(
    header: str | None, wanted: tuple[int, int] | None
) -> None:
    assert wanted_range(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_past_the_end_is_an_error(header: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        wanted_range(header, 100)


@given(data=st.binary(min_size=1, max_size=300), first=st.integers(0, 299), last=st.integers(0, 400))
def test_the_pieces_are_the_bytes_of_the_range(data: bytes, first: int, last: int) -> None:
    if first >= len(data) or last < first:
        return
    found = wanted_range(f"bytes={first}-{last}", len(data))
    assert found is not None
    start, end = found
    assert b"".join(pieces(io.BytesIO(data), start, end - start + 1)) == data[first : last + 1]
