"""Acting for whoever taps next."""

from __future__ import annotations

import pytest

from appliance.errors import InputError, TransientError
from appliance.store import Store
from checkin import desk
from tests.factories import tap


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
