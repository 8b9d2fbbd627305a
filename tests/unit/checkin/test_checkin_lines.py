from __future__ import annotations

import random
from functools import reduce
from itertools import pairwise
from operator import xor

from hypothesis import given
from hypothesis import strategies as st

from checkin.lines import LONGEST_FRAME, LineParser

numbers = st.binary(min_size=5, max_size=5)
FLOOD = 10_000


def frame(raw: bytes, *, crlf: bool = False) -> bytes:
    body = raw.hex().upper().encode() + b"%02X" % reduce(xor, raw)
    return b"\x02" + body + (b"\r\n" if crlf else b"") + b"\x03"


@given(raw=numbers, crlf=st.booleans())
def test_a_frame_is_a_number(raw: bytes, crlf: bool) -> None:
    parser = LineParser()
    assert list(parser.feed(frame(raw, crlf=crlf))) == [(raw, "em125k")]
    assert parser.bad == 0


@given(raw=st.binary(min_size=4, max_size=10), end=st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_a_line_of_hex_is_a_number(raw: bytes, end: bytes) -> None:
    assert list(LineParser().feed(raw.hex().encode() + end)) == [(raw, "hex")]


@given(first=numbers, second=numbers, cuts=st.lists(st.integers(0, 28), max_size=6))
def test_it_does_not_matter_how_the_bytes_are_cut(first: bytes, second: bytes, cuts: list[int]) -> None:
    stream = frame(first) + frame(second)
    edges = [0, *sorted(cuts), len(stream)]
    parser = LineParser()
    found = [one for start, end in pairwise(edges) for one in parser.feed(stream[start:end])]
    assert found == [(first, "em125k"), (second, "em125k")]


@given(noise=st.binary(max_size=90), raw=numbers)
def test_after_any_noise_the_next_frame_is_read(noise: bytes, raw: bytes) -> None:
    assert list(LineParser().feed(noise + frame(raw)))[-1:] == [(raw, "em125k")]


@given(half=st.integers(1, 13), raw=numbers)
def test_half_a_frame_is_nothing_and_spoils_nothing(half: int, raw: bytes) -> None:
    parser = LineParser()
    assert list(parser.feed(frame(raw)[:half] + frame(raw))) == [(raw, "em125k")]
    assert parser.bad == 1


def test_ten_thousand_flipped_bits_are_never_another_card() -> None:
    dice = random.Random(8)
    for _ in range(FLOOD):
        raw = dice.randbytes(5)
        wire = bytearray(frame(raw))
        wire[dice.randrange(len(wire))] ^= 1 << dice.randrange(8)
        assert {uid for uid, tech in LineParser().feed(wire) if tech == "em125k"} <= {raw}


def test_a_flood_is_bounded_and_counted() -> None:
    parser = LineParser()
    assert list(parser.feed(random.Random(8).randbytes(FLOOD).replace(b"\x03", b"").replace(b"\n", b""))) == []
    assert len(parser._held) <= LONGEST_FRAME
    assert parser.bad >= 10


def test_blanks_between_digits_are_not_let_through() -> None:
    parser = LineParser()
    assert list(parser.feed(b"04 a1 b2 c3\r\n\r\n" + b"04A1B2C\r\n" + b"04a1b2c3  \r\n")) == []
    assert list(parser.feed(b"\x0204 00 11 15 \x03")) == [], "twelve signs whose bytes even have a sum of nothing"
    assert parser.bad == 4
