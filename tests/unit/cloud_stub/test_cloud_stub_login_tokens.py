"""Our own login tokens: looked at once, and yet never longer than they are good."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from cloud_stub import login_tokens
from cloud_stub.errors import Refused
from cloud_stub.login_tokens import LoginTokens, issue

NOW_S = 1_800_000_000.0


def verified(tokens: LoginTokens, token: str, now_s: float = NOW_S) -> str:
    return asyncio.run(tokens.verify(token, now_s)).auth_user_id


def test_a_token_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def noted(token: str, *about: Any) -> Any:
        looked.append(token)
        return checked(token, *about)

    checked = login_tokens.checked
    monkeypatch.setattr(login_tokens, "checked", noted)
    tokens, who = LoginTokens("a secret"), str(uuid4())
    token = issue("a secret", who, NOW_S, 3600, anonymous=True)
    assert [verified(tokens, token, NOW_S + s) for s in (0, 1, 3599)] == [who] * 3
    assert looked == [token]


def test_one_that_is_known_ends_when_it_says() -> None:
    tokens = LoginTokens("a secret")
    token = issue("a secret", str(uuid4()), NOW_S, 60, anonymous=True)
    verified(tokens, token)
    with pytest.raises(Refused, match="expired"):
        verified(tokens, token, NOW_S + 60)


def test_one_that_was_refused_is_not_known_afterwards() -> None:
    tokens = LoginTokens("a secret")
    for secret in ("another secret", "another secret"):
        with pytest.raises(Refused, match="not valid"):
            verified(tokens, issue(secret, str(uuid4()), NOW_S, 60, anonymous=True))
    assert tokens._known == {}


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_tokens, "MOST_KNOWN", 3)
    tokens = LoginTokens("a secret")
    for _ in range(10):
        verified(tokens, issue("a secret", str(uuid4()), NOW_S, 60, anonymous=True))
    assert len(tokens._known) <= 3


def test_nothing_secret_is_shown() -> None:
    tokens = LoginTokens("a secret")
    token = issue("a secret", str(uuid4()), NOW_S, 60, anonymous=True)
    verified(tokens, token)
    assert "a secret" not in repr(tokens)
    assert token not in repr(tokens)
