from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_stub.links import is_valid, signed_path, step_of

HALF_LIFE_S = 3600.0
NAME = "ab" * 32 + ".flac"


def query(path: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}


@given(now_s=st.floats(0, 4e9), later_s=st.floats(0, 3 * HALF_LIFE_S))
def test_a_link_lives_for_one_to_two_half_lives(now_s: float, later_s: float) -> None:
    link = query(signed_path("key", NAME, step_of(now_s, HALF_LIFE_S), HALF_LIFE_S))
    good = is_valid("key", NAME, link["expires"], link["signature"], now_s + later_s)
    if later_s < HALF_LIFE_S - 1:
        assert good
    if later_s > 2 * HALF_LIFE_S:
        assert not good


def test_the_link_is_the_same_until_half_its_life_is_over() -> None:
    first = step_of(7200.0, HALF_LIFE_S)
    assert step_of(7200.0 + HALF_LIFE_S - 1, HALF_LIFE_S) == first
    assert step_of(7200.0 + HALF_LIFE_S, HALF_LIFE_S) == first + 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": "cd" * 32 + ".flac"},
        {"expires": "99999999999"},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "é"},
        {"expires": "-1"},
        {"expires": "1e12"},
        {"expires": "9" * 400},
        {"expires": ""},
    ],
)
def test_a_changed_link_opens_nothing(change: dict[str, str]) -> None:
    link = {"name": NAME, **query(signed_path("key", NAME, 0, HALF_LIFE_S))}
    assert is_valid("key", link["name"], link["expires"], link["signature"], 1.0)
    link.update(change)
    assert not is_valid("key", link["name"], link["expires"], link["signature"], 1.0)


def test_another_server_signs_otherwise() -> None:
    link = query(signed_path("key", NAME, 0, HALF_LIFE_S))
    assert not is_valid("other key", NAME, link["expires"], link["signature"], 1.0)
