from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkin.tokens import (
    card_of,
    is_room_signature,
    key_for,
    key_hash,
    sign_card_url,
    sign_room_url,
)

PEPPER = bytes(range(32))
uids = st.binary(min_size=4, max_size=10)


@given(uid=uids)
def test_the_hash_is_a_keyed_one(uid: bytes) -> None:
    given_hash = key_hash(PEPPER, "nfca", uid)
    assert given_hash == hmac.digest(PEPPER, b"nfca|" + uid, "sha256").hex()
    assert uid.hex() not in given_hash


@given(one=uids, other=uids)
def test_cards_chips_and_peppers_are_told_apart(one: bytes, other: bytes) -> None:
    hashes = {
        (tech, uid, pepper): key_hash(pepper, tech, uid)
        for tech in ("nfca", "em125k")
        for uid in (one, other)
        for pepper in (PEPPER, PEPPER[::-1])
    }
    assert len(set(hashes.values())) == len(hashes)


def test_no_pepper_no_hash() -> None:
    with pytest.raises(ValueError, match=r"checkin\.pepper"):
        key_hash(b"", "nfca", b"\x04abc")


ROOM = "0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f"
PROFILE = "11111111-2222-4333-8444-555555555555"
KEY = key_for(PEPPER, "room")
UID = bytes.fromhex("04a1b2c3d4e5f6")
NOW_S = 1_800_000_000.0


def test_each_purpose_has_its_own_key() -> None:
    keys = {key_for(PEPPER, purpose) for purpose in ("room", "card")}
    assert len(keys | {PEPPER}) == 3


def test_a_rooms_address_is_ours_as_we_signed_it_and_not_otherwise() -> None:
    url = sign_room_url(KEY, "https://cosound.example", ROOM, 2)
    address, _, signature = url.partition("?s=")
    assert address == f"https://cosound.example/r/{ROOM}"
    assert is_room_signature(KEY, ROOM, 2, signature)
    assert not is_room_signature(key_for(b"other" * 4, "room"), ROOM, 2, signature)
    assert not is_room_signature(KEY, ROOM, 1, signature)
    assert not is_room_signature(KEY, PROFILE, 2, signature)
    for forged in ("", signature[:-1], signature + "x", signature.swapcase(), "é\ud800"):
        assert not is_room_signature(KEY, ROOM, 2, forged)


def test_a_cards_address_is_good_on_its_own_tag_only() -> None:
    url = sign_card_url(KEY, "https://cosound.example", "heron-7", UID)
    assert card_of(KEY, url, UID) == "heron-7"
    assert card_of(KEY, url, UID[:-1] + b"\0") is None, "a copy on another tag"
    assert card_of(KEY, url.replace("heron-7", "heron-8"), UID) is None
    assert card_of(KEY, url.replace("https", "javascript"), UID) is None


@given(text=st.text(max_size=80))
def test_any_text_is_no_signature_and_no_address(text: str) -> None:
    assert not is_room_signature(KEY, ROOM, 1, text)
    assert card_of(KEY, text, UID) is None
