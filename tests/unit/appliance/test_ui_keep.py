"""The pad for the digits of a phone."""

from __future__ import annotations

import pytest

from appliance.ui.english import ENGLISH
from appliance.ui.french import FRENCH
from appliance.ui.keep_pad import MOST_TRIES, KeepPad
from appliance.ui.texts import Texts


def typed(pad: KeepPad, digits: str, *, cloud: bool = True) -> list[str | None]:
    return [pad.press(digit, cloud=cloud) for digit in digits]


@pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
def test_the_sixth_digit_asks_and_more_are_not_taken(texts: Texts) -> None:
    pad = KeepPad(texts)
    assert pad.shown == "––– –––"
    assert typed(pad, "04242") == [None] * 5
    assert pad.shown == "042 42–"
    assert typed(pad, "47") == ["042424", None]
    pad.clear()
    assert (pad.shown, pad.message) == ("042 424", texts.keep_asking)
    pad.answered("")
    assert (pad.done, pad.message) == (True, texts.keep_done)
    assert typed(pad, "1") == [None]


def test_what_was_typed_can_be_taken_back() -> None:
    pad = KeepPad(ENGLISH)
    typed(pad, "999")
    pad.clear()
    assert typed(pad, "042424")[-1] == "042424"


def test_without_the_cloud_it_says_so_and_takes_nothing() -> None:
    pad = KeepPad(ENGLISH)
    assert typed(pad, "042424", cloud=False) == [None] * 6
    assert (pad.entered, pad.message) == ("", ENGLISH.keep_needs_cloud)
    assert typed(pad, "042424")[-1] == "042424", "it is back"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("unknown_code", ENGLISH.keep_wrong), ("two_accounts", ENGLISH.keep_other), ("too_often", ENGLISH.keep_enough),
     ("unknown_profile", ENGLISH.keep_wrong)],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_the_pad_is_empty_again(verdict: str, said: str) -> None:
    pad = KeepPad(ENGLISH)
    typed(pad, "042424")
    pad.answered(verdict)
    assert (pad.done, pad.message, pad.entered) == (False, said, "")


def test_three_tries_a_tap() -> None:
    pad = KeepPad(ENGLISH)
    for _ in range(MOST_TRIES):
        assert typed(pad, "111111")[-1] == "111111"
        pad.answered("unknown_code")
    assert typed(pad, "042424") == [None] * 6
    assert pad.message == ENGLISH.keep_enough


def test_what_could_not_be_stored_can_be_typed_again() -> None:
    pad = KeepPad(ENGLISH)
    typed(pad, "111111")
    pad.failed()
    assert pad.message == ENGLISH.not_stored
    assert typed(pad, "111111")[-1] == "111111"
