from __future__ import annotations

import pytest

from cloud_stub.tokens import derived_token, hash_of, matches, new_token, prefix_of


def test_a_token_is_kept_as_prefix_and_hash_only() -> None:
    token = new_token()
    assert token.text == f"csp_{token.prefix}_{token.text[13:]}"
    assert (len(token.prefix), len(token.text)) == (8, 4 + 8 + 1 + 43)
    assert token.hash == hash_of(token.text)
    assert token.text[13:] not in token.hash


def test_only_the_whole_token_matches() -> None:
    token = new_token()
    assert matches(token.text, token.hash)
    assert not matches(token.text[:-1] + ("A" if token.text[-1] != "A" else "B"), token.hash)
    assert not matches(new_token().text, token.hash)


@pytest.mark.parametrize(
    "text", ["", "csp_", "csp_12345678_", "x" * 56, "csp_0499c652_" + "a" * 44, "csp_ABCDEFGH_" + "a" * 43]
)
def test_what_cannot_be_a_token_has_no_prefix(text: str) -> None:
    assert prefix_of(text) is None


def test_a_seeded_room_gets_the_same_token_again_and_other_rooms_and_servers_another() -> None:
    token = derived_token("secret", "Lobby")
    assert derived_token("secret", "Lobby") == token
    assert prefix_of(token.text) == token.prefix
    others = {derived_token("secret", "Bar").text, derived_token("other", "Lobby").text, token.text}
    assert len(others) == 3
