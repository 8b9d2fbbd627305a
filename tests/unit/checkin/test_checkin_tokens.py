from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkin.tokens import key_hash

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
