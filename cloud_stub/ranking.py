"""From rooms' open stays to the songs that are best next in each."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_seconds
from cloud_stub.presence import OFFLINE_AFTER_S
from cloud_stub.repositories import crowd, players, plays, profiles, queue, rooms, sessions, songs
from cloud_stub.repositories.rooms import Layers, RoomState
from ml.collective import POLICIES, Policy, Present, presence_weight, room_vector
from ml.recommend import Catalogue, QueueRule, queue_for_room
from ml.tags import DIMENSIONS
from ml.taste import Rule
from ml.unmet import UnmetMemory

BEDS, INSTRUMENTALS = 12, 4
MIN_GROUP = 2
HOUSE = (0.5, 0.6, 0.1, 0.4, 0.4)  # as the boxes: a quiet afternoon by the sea, a fire in the next room


@dataclass(slots=True)
class RoomMemory:
    """What ranking keeps of a room between refreshes: its catalogue, and whose taste was missed lately."""

    library_rev: int = -1
    catalogue: Catalogue | None = None
    unmet: UnmetMemory = field(default_factory=lambda: UnmetMemory(longest_s=OFFLINE_AFTER_S))
    ranked_s: float | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)  # one ranking of a room at a time, else the older may win


@dataclass(frozen=True, slots=True)
class Room:
    """All that the ranking of one room goes by."""

    catalogue: Catalogue
    settings: Mapping[str, Any]
    present: Sequence[Row]
    state: RoomState | None
    rules: Sequence[Row]
    hours: Mapping[str, float]
    queue: Sequence[str]


def look(tx: Tx, memories: Mapping[str, RoomMemory], now_s: float) -> dict[str, Room]:
    """Of those of these rooms that there are, what their ranking goes by; asked for all of them at once."""
    ids = list(memories)
    revs, own = players.library_revs(tx, ids), songs.with_library(tx, ids)
    settings, present = players.settings_in(tx, ids), sessions.present(tx, ids, now_s)
    states, rules = rooms.states(tx, ids), queue.rules(tx, ids, now_s)
    hours, queues = plays.hours_since(tx, ids, now_s), queue.song_ids_in(tx, ids)
    _renew_catalogues(tx, {player_id: memories[player_id] for player_id in revs.get()}, revs.get(), own.get())
    found = {}
    for player_id in revs.get():
        catalogue = memories[player_id].catalogue
        assert catalogue is not None, "it was just renewed"
        found[player_id] = Room(
            catalogue,
            settings.get().get(player_id, {}),
            present.get().get(player_id, []),
            states.get().get(player_id),
            rules.get().get(player_id, []),
            hours.get().get(player_id, {}),
            queues.get().get(player_id, []),
        )
    return found


def ranked(room: Room, memory: RoomMemory, now_s: float) -> list[str]:
    """Song ids, best first, for the people who are in the room now."""
    settings = room.settings
    people = _people(room, memory, now_s)
    rule, policy = rule_of(settings), policy_of(settings)
    direction = room_vector(
        people,
        house_of(settings),
        rule=rule,
        policy=policy,
        min_group=min_group_of(settings),
        prior=crowd.prior_in(settings),
    )
    best = queue_for_room(
        room.catalogue,
        direction,
        beds=_count(settings, "queue.soundscapes", BEDS),
        instrumentals=_count(settings, "queue.instrumentals", INSTRUMENTALS),
        rules=[QueueRule(row["song_id"], row["kind"], row["place"]) for row in room.rules],
        hours_since_play=room.hours,
    )
    return [song.song_id for song in best]


def rule_of(settings: Mapping[str, Any]) -> Rule:
    return "v1" if settings.get("taste.rule") == "v1" else "bayes"


def policy_of(settings: Mapping[str, Any]) -> Policy:
    policy = settings.get("taste.policy")
    return cast(Policy, policy) if policy in POLICIES else "mean"


def min_group_of(settings: Mapping[str, Any]) -> int:
    """Whoever is here pulls at most one part in so many; what people leave belongs to the house."""
    return max(1, _count(settings, "taste.min_group", MIN_GROUP))


def house_of(settings: Mapping[str, Any]) -> Sequence[float]:
    """What the room plays by itself: its own setting, or a little of everything."""
    house = settings.get("house_taste")
    if isinstance(house, list) and len(house) == DIMENSIONS and any(house):
        return [float(x) for x in house]
    return HOUSE


def _renew_catalogues(
    tx: Tx, memories: Mapping[str, RoomMemory], revs: Mapping[str, int], own: Collection[str]
) -> None:
    """Rooms without a library of their own play the same songs: those are read, and kept, once."""
    everything: Catalogue | None = None
    for player_id, memory in memories.items():
        if memory.catalogue is not None and memory.library_rev == revs[player_id]:
            continue
        if player_id in own:
            memory.catalogue = Catalogue.from_rows(songs.for_ranking(tx, player_id))
        else:
            everything = everything or Catalogue.from_rows(songs.for_ranking(tx, player_id))
            memory.catalogue = everything
        memory.library_rev = revs[player_id]


def _people(room: Room, memory: RoomMemory, now_s: float) -> list[Present]:
    people = [_present(row, memory, now_s) for row in room.present]
    memory.ranked_s = now_s
    if room.state is not None and now_s - room.state.heard.at_s <= OFFLINE_AFTER_S:
        memory.unmet.hear(
            people,
            room.catalogue.embeddings,
            _audible(room.catalogue, room.state.heard.layers),
            now_s,
            rule=rule_of(room.settings),
            prior=crowd.prior_in(room.settings),
        )
    return people


def _present(row: Row, memory: RoomMemory, now_s: float) -> Present:
    weight = presence_weight(to_seconds(row["expires_at"]) - now_s)
    return Present(row["id"], profiles.taste_of(row), weight, memory.unmet.of(row["id"]))


def _audible(catalogue: Catalogue, layers: Layers) -> list[float]:
    """The audible share of each song of the catalogue, by row."""
    shares = np.zeros(len(catalogue))
    for song_id, share in layers:
        row = catalogue.positions.get(song_id)
        if row is not None:
            shares[row] = share
    return list(shares)


def _count(settings: Mapping[str, Any], key: str, default: int) -> int:
    value = settings.get(key)
    return value if type(value) is int and 0 <= value <= 100 else default
