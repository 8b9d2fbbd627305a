"""Reading what is queued and what staff said of songs."""

from __future__ import annotations

from appliance.places import places_of
from appliance.store import Store
from appliance.ui.facts import Songbook, Word


def read_songbook(store: Store) -> Songbook:
    """Songs that are no longer in the library are left out: no word on them is heard."""
    rules, queue = store.room.rules(), store.room.queue()
    order = list(places_of(queue, rules))
    known = store.library.some({*order, *(rule.song_id for rule in rules)})
    ahead_s = store.clock.wall_s() - store.clock.boot_s()
    words = [
        Word(known[rule.song_id], rule.kind, None if rule.until_s is None else rule.until_s - ahead_s)
        for rule in rules
        if rule.song_id in known
    ]
    return Songbook(tuple(known[song] for song in order if song in known), tuple(words))
