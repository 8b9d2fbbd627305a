from __future__ import annotations

import pytest

from cloud_stub.fastpath import wait_of
from sync.wire import LONG_POLL_S


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        *(("0", 0.0), ("2.5", 2.5), ("25", 25.0), ("25.0", 25.0), ("9999", LONG_POLL_S)),
        *((text, 0.0) for text in ("-1", "x", "", "nan", "inf", "1e9", ".", "1.2.3")),
    ],
)
def test_a_poll_waits_as_long_as_it_says_and_never_too_long(text: str, wait_s: float) -> None:
    assert wait_of({"wait": text}) == wait_s


def test_a_plain_poll_does_not_wait() -> None:
    assert wait_of({}) == 0.0
