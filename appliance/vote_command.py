"""`cosound vote`: the five faces, for a keyboard."""

from __future__ import annotations

from appliance.config import load_config
from appliance.errors import InputError
from appliance.model import Listener
from appliance.runtime import Runtime
from appliance.status import FRESH_S
from appliance.store import Store, open_store
from appliance.voting import vote_on_mix, vote_on_song


def cast_vote(value: int, name: str | None, song: str | None) -> str:
    """Store one vote and say so in a line. Raises InputError with what to do instead."""
    config = load_config()
    store = open_store(config.box_data_dir, config.box_runtime_dir, "vote")
    try:
        voter = _voter(store, name)
        if song is None:
            vote_on_mix(store, voter.id, value, _playing(store, Runtime(config.box_runtime_dir)))
            return f"{voter.display_name} gave the mix a {value}"
        vote_on_song(store, voter.id, value, _song_id(store, song))
        return f"{voter.display_name} gave {song} a {value}"
    finally:
        store.close()


def _playing(store: Store, runtime: Runtime) -> list[tuple[str, float]]:
    """(song_id, share) of what sounds; nothing when the player has not been heard of lately."""
    player = runtime.read("player")
    if store.clock.boot_s() - player.get("boot_s", float("-inf")) >= FRESH_S:
        return []
    return [(layer["song_id"], layer["share"]) for layer in player.get("scene", [])]


def _voter(store: Store, name: str | None) -> Listener:
    if name is None:
        voter = store.people.voter_at_screen()
        if voter is None:
            raise InputError("nobody tapped in here within the last 30 s: tap first, or say --as NAME")
        return voter
    here = [person.listener for person in store.people.present()]
    for listener in here:
        if listener.display_name.casefold() == name.casefold():
            return listener
    names = ", ".join(listener.display_name for listener in here) or "nobody"
    raise InputError(f"{name} is not here; here: {names}")


def _song_id(store: Store, title: str) -> str:
    for song in store.library.songs():
        if title.casefold() in (song.title.casefold(), song.id):
            return song.id
    raise InputError(f"no song {title!r} in the library: `cosound status` lists what plays")
