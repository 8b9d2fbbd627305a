"""Acting for whoever taps next."""

from __future__ import annotations

import pytest

from appliance.errors import InputError, TransientError
from appliance.store import Store
from checkin import desk, tokens
from tests.factories import Box, tap

PEPPER = bytes(range(32))


def test_it_is_whoever_taps_after_being_asked(store: Store) -> None:
    tap(store, "before")
    asked = desk.next_listener(store, lambda: tap(store, "after") and None)
    known = [listener for card in ("before", "after") if (listener := tap(store, card).listener)]
    assert [asked.id == one.id for one in known] == [False, True]


def test_a_phone_is_nobody_to_act_for(store: Store) -> None:
    with pytest.raises(InputError, match="phone"):
        desk.next_listener(store, lambda: tap(store, None) and None)


def test_nobody_came(store: Store) -> None:
    with pytest.raises(TransientError, match="nobody tapped"):
        desk.next_listener(store, lambda: None, within_s=0.0)


def test_the_link_is_on_the_clouds_address_and_says_who(box: Box, store: Store) -> None:
    listener = desk.next_listener(store, lambda: tap(store, "a") and None)
    config = box.config(DJANGO_API_URL="https://cosound.example/")
    address = desk.link_address(config, PEPPER, box.clock, listener)
    token = address.removeprefix("https://cosound.example/link/")
    read = tokens.read_link_token(tokens.key_for(PEPPER, "link"), token, box.clock.wall_s())
    assert read is not None
    assert read.profile_id == listener.id
    with pytest.raises(InputError, match="no cloud"):
        desk.link_address(box.config(), PEPPER, box.clock, listener)
    box.clock.wall = 86_400.0
    with pytest.raises(InputError, match="clock was never set"):
        desk.link_address(config, PEPPER, box.clock, listener)
