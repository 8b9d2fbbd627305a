"""From a room's open stays to the songs that are best next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_seconds
from cloud_stub.presence import OFFLINE_AFTER_S
from cloud_stub.repositories import crowd, players, plays, profiles, queue, rooms, sessions, songs
from cloud_stub.repositories.rooms import Layers
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


def rank_room(tx: Tx, player_id: str, memory: RoomMemory, now_s: float) -> list[str]:
    """Song ids, best first, for the people who are in the room now."""
    catalogue = _catalogue(tx, player_id, memory)
    settings = players.settings(tx, player_id)
    people = _people(tx, player_id, memory, settings, now_s)
    rule, policy = rule_of(settings), policy_of(settings)
    direction = room_vector(
        people,
        house_of(settings),
        rule=rule,
        policy=policy,
        min_group=min_group_of(settings),
        prior=crowd.prior_in(settings),
    )
    ranked = queue_for_room(
        catalogue,
        direction,
        beds=_count(settings, "queue.soundscapes", BEDS),
        instrumentals=_count(settings, "queue.instrumentals", INSTRUMENTALS),
        rules=[QueueRule(row["song_id"], row["kind"], row["place"]) for row in queue.rules(tx, player_id, now_s)],
        hours_since_play=plays.hours_since(tx, player_id, now_s),
    )
    return [song.song_id for song in ranked]


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


def _catalogue(tx: Tx, player_id: str, memory: RoomMemory) -> Catalogue:
    rev = int(tx.value("select library_rev from players where id = ?", player_id) or 0)
    if memory.catalogue is None or memory.library_rev != rev:
        memory.catalogue = Catalogue.from_rows(songs.for_ranking(tx, player_id))
        memory.library_rev = rev
    return memory.catalogue


def _people(tx: Tx, player_id: str, memory: RoomMemory, settings: Mapping[str, Any], now_s: float) -> list[Present]:
    people = [_present(row, memory, now_s) for row in sessions.present(tx, player_id, now_s)]
    memory.ranked_s = now_s
    state = rooms.state(tx, player_id)
    if state is not None and now_s - state.heard.at_s <= OFFLINE_AFTER_S and memory.catalogue is not None:
        memory.unmet.hear(
            people,
            memory.catalogue.embeddings,
            _audible(memory.catalogue, state.heard.layers),
            now_s,
            rule=rule_of(settings),
            prior=crowd.prior_in(settings),
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
