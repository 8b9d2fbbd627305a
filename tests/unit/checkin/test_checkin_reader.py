from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.model import Listener, ProfileId, TapOutcome, TapResult
from checkin.card import DEMO_CARD, USE_INSTEAD, parse_uid, say
from checkin.reader import is_random_uid, uid_fault


@given(uid=st.binary(max_size=40))
def test_only_real_numbers_pass(uid: bytes) -> None:
    assert (uid_fault(uid) is None) == (4 <= len(uid) <= 10 and any(uid))


@given(uid=st.binary(min_size=4, max_size=10).filter(any))
def test_a_typed_number_is_read_in_any_usual_form(uid: bytes) -> None:
    for text in (uid.hex(), uid.hex().upper(), uid.hex(":"), uid.hex(" ")):
        assert parse_uid(text) == uid


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("zz", "hexadecimal"),
        ("123", "hexadecimal"),
        ("é" * 8, "hexadecimal"),
        ("00000000", "all zeros"),
        ("0102", "2 bytes"),
        ("01" * 11, "11 bytes"),
    ],
)
def test_a_bad_number_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as refused:
        parse_uid(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("tech", "uid", "random"),
    [
        ("nfca", "08a1b2c3", True),
        ("nfca", "18a1b2c3", False),
        ("nfca", "08a1b2c3d4e5f6", False),
        ("em125k", "08a1b2c3", False),
    ],
)
def test_phones_are_known_by_their_first_byte(tech: str, uid: str, random: bool) -> None:
    assert is_random_uid(tech, bytes.fromhex(uid)) is random


def test_the_demo_card_is_a_card() -> None:
    assert uid_fault(DEMO_CARD) is None
    assert not is_random_uid("nfca", DEMO_CARD)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [("in", "Heron is here (3 in the room)"), ("out", "Heron has gone"), ("stay", "Heron stays")],
)
def test_the_line_after_a_tap(outcome: TapOutcome, line: str) -> None:
    assert say(TapResult("t", outcome, Listener(ProfileId("p"), "Heron"), False, 3)) == line
    assert say(TapResult("t", "phone", None, False, 3)) == USE_INSTEAD
    assert "hold it still" in say(TapResult("t", "again", None, False, 3))
