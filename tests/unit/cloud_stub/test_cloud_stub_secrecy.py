from __future__ import annotations

import json
import logging
import sys

import pytest

from cloud_stub.logs import Lines, is_news
from cloud_stub.secrecy import CUT, Secrecy
from cloud_stub.tokens import derived_token

TOKEN = derived_token("a secret", "a test")  # the same in every process of a run
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"token {TOKEN.text} is wrong", f"token csp_{TOKEN.prefix}_{CUT} is wrong"),
        (f"Bearer {JWT}", f"Bearer {CUT}"),
        ("postgresql://me:pa%40ss@host:5432/db", f"postgresql://me:{CUT}@host:5432/db"),
        ("/media/x.wav?expires=1&signature=abcdef", f"/media/x.wav?expires=1&signature={CUT}"),
        ("GET /r/room?s=abc123&x=1", f"GET /r/room?s={CUT}&x=1"),
        ("?X-Amz-Signature=abc&X-Amz-Date=2", f"?X-Amz-Signature={CUT}&X-Amz-Date={CUT}"),
        ("GET /api/cosound?player=anything", f"GET /api/cosound?player={CUT}"),
        ("connection failed: password=hunter2 host=x", f"connection failed: password={CUT} host=x"),
        ('{"password": "hunter2"}', f'{{"password": "{CUT}"}}'),
        ("sb_secret_abc and sb_publishable_abc", f"sb_secret_{CUT} and sb_publishable_{CUT}"),
        ("told exactly this", f"told {CUT} this"),
        ("room 1 was not ranked: the database is gone", "room 1 was not ranked: the database is gone"),
    ],
)
def test_what_is_secret_is_cut_out_and_the_rest_is_left(said: str, left: str) -> None:
    assert Secrecy(["exactly", "exact", "no", ""]).hide(said) == left


def test_an_answer_that_is_left_is_no_error_of_ours() -> None:
    left = "ASGI callable returned without completing response."
    lines = (("uvicorn.error", left), ("cloud_stub.x", left), ("uvicorn.error", "failed"))
    said = [logging.LogRecord(name, logging.ERROR, "x.py", 1, text, (), None) for name, text in lines]
    assert [is_news(record) for record in said] == [False, True, True]


def test_a_trace_says_where_and_what_and_no_secret() -> None:
    try:
        raise ValueError(f"{TOKEN.text}\nis bad")
    except ValueError:
        record = logging.LogRecord("cloud_stub.x", logging.ERROR, "x.py", 1, "failed\nbadly", (), sys.exc_info())
    line = Lines(Secrecy(), as_json=True).format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told["says"] == "failed badly"
    assert "test_cloud_stub_secrecy.py:" in told["error"]
    assert told["error"].endswith(f"ValueError: csp_{TOKEN.prefix}_{CUT} is bad")
    assert TOKEN.text not in repr(Secrecy([TOKEN.text]))
