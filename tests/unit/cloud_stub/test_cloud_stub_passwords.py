from __future__ import annotations

from cloud_stub.passwords import check_password, hash_password


def test_only_the_right_password_opens_and_nothing_shows_it() -> None:
    stored = hash_password("a long enough one")
    assert "enough" not in stored
    assert check_password("a long enough one", stored)
    assert not check_password("a long enough onE", stored)
    assert stored != hash_password("a long enough one")


def test_an_unknown_login_never_opens() -> None:
    assert not check_password("", None)
