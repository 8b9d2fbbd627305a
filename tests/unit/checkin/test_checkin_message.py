"""What is on a tag, however it came there. Also the fuzz harness of NDEF: seeded, so that a failure comes again."""

from __future__ import annotations

import random

import ndef
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.demo.emulated_tag import sticker
from checkin.message import LONGEST_MESSAGE, Record, bytes_to_read, message_in, records_of, uri_message

URL = "https://cosound.example/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=AAAAAAAAAAAAAAAA"
UID = bytes.fromhex("04a1b2c3d4e5f6")
FLIPS = 10_000

paths = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-/", min_size=1, max_size=400)


@given(scheme=st.sampled_from(["http://", "https://", "http://www.", "https://www."]), path=paths)
def test_an_address_comes_back_and_others_read_it_too(scheme: str, path: str) -> None:
    url = f"{scheme}cosound.example/{path}"
    message = uri_message(url)
    assert records_of(message) == (Record("uri", url),)
    assert [record.uri for record in ndef.message_decoder(message)] == [url]


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, categories=["L", "N", "P"]), max_size=80))
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_texts_that_others_wrote(text: str, encoding: str) -> None:
    message = b"".join(ndef.message_encoder([ndef.TextRecord(text, "en", encoding), ndef.UriRecord(URL)]))
    assert records_of(message)[-1] == Record("uri", URL)
    assert Record("text", text) in records_of(message)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"\xd1", b"\xd1\x01", b"\xd1\x01\xff\x55\x04x", b"\xc1\x01\xff\xff\xff\xffU\x04x",
        b"\xd1\x01\x0cU\x00javascript:a", b"\xd1\x01\x05U\x04\xff\xfe\xfd\xfc", b"\xd1\x01\x03T\x3fen",
        b"\xd1\x01\x05T\x02en\xff\xff", b"\xf1\x01\x02U\x04x", b"\x11\x01\x02U\x04x", b"\x91\x01\x02U\x04x",
        b"\xd1\x01\x02U\x23x", b"\xd1\x01\x03U\x04\n\r", uri_message(URL) + b"\0", bytes(65536),
        uri_message("https://" + "a" * LONGEST_MESSAGE),
    ],
    ids=lambda message: message[:12].hex(),
)  # fmt: skip
def test_what_is_torn_hostile_or_endless_says_nothing(message: bytes) -> None:
    assert records_of(message) == ()


def test_a_tags_memory_is_read_as_far_as_its_message_and_no_further() -> None:
    message = uri_message(URL)
    memory = bytes(sticker(UID, message).pages or b"")
    assert message_in(memory) == message
    assert bytes_to_read(memory[:28]) == 18 + len(message)
    assert bytes_to_read(bytes(sticker(UID).pages or b"")[:28]) == 0
    assert (bytes_to_read(bytes(28)), message_in(bytes(28))) == (0, b"")
    assert bytes_to_read(memory[:16] + b"\x03\xff\xff\xff" + memory[20:28]) == 0, "a length past the end"


def test_ten_thousand_flips_tears_and_floods_raise_nothing() -> None:
    dice = random.Random(424)
    whole = bytes(sticker(UID, uri_message(URL)).pages or b"")
    message = uri_message(URL)
    for turn in range(FLIPS):
        wire = bytearray(message if turn % 2 else whole)
        for _ in range(dice.randint(1, 4)):
            wire[dice.randrange(len(wire))] ^= 1 << dice.randrange(8)
        torn = bytes(wire[: dice.randint(0, len(wire))]) if turn % 3 == 0 else bytes(wire)
        for record in (*records_of(torn), *records_of(message_in(torn))):
            assert record.kind == "text" or record.value.startswith(("http://", "https://"))
        assert 0 <= bytes_to_read(torn) <= 16 + 255 * 8
    assert records_of(dice.randbytes(1 << 20)) == ()


@given(noise=st.binary(max_size=300))
def test_noise_raises_nothing(noise: bytes) -> None:
    for record in (*records_of(noise), *records_of(message_in(noise))):
        assert record.value.isprintable()
