"""Two profiles turn out to be one person: what one of them has becomes the other's, in one transaction.

Which of the two stays does not matter to the taste: both begin where the two beliefs lie together, and both fold the
same votes in the same order.
"""

from __future__ import annotations

from itertools import groupby, pairwise

from cloud_stub.database import Row, Tx
from cloud_stub.learning import fold, same_play
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import crowd, profiles, sessions, votes
from ml.taste import Taste, merge


def join(tx: Tx, profile_id: str, into_id: str, now_s: float) -> None:
    """Make `profile_id` a part of `into_id`. Neither is merged away yet, and they are two."""
    began = merge(profiles.taste_base(tx, profile_id), profiles.taste_base(tx, into_id))
    rev = profiles.taste(tx, profile_id)[1]
    profiles.stand_for(tx, profile_id, into_id, now_s)
    sessions.hand_over(tx, profile_id, into_id, now_s)
    if votes.hand_over(tx, profile_id, into_id):
        _let_the_newest_count(tx, into_id, now_s)
    if rev or began != Taste.newcomer():
        _begin_again_at(tx, into_id, began, rev, now_s)


def _begin_again_at(tx: Tx, profile_id: str, began: Taste, rev: int, now_s: float) -> None:
    profiles.set_taste(tx, profile_id, began, now_s, above=rev)
    profiles.set_base(tx, profile_id, began)
    profiles.set_taste(tx, profile_id, fold(tx, profile_id), now_s)


def _let_the_newest_count(tx: Tx, user_id: str, now_s: float) -> None:
    """One vote counts per person, song and play: of two on one play that were two people's, the newer does."""
    for player_id, rows in groupby(votes.by_song(tx, user_id), key=lambda row: str(row["player_id"])):
        replaced = [(older, newer) for older, newer in pairwise(rows) if _on_one_play(tx, older, newer)]
        for older, newer in replaced:
            votes.supersede(tx, older["id"], newer["id"])
        if replaced:
            crowd.take_back(tx, player_id, [older for older, _ in replaced], now_s)


def _on_one_play(tx: Tx, older: Row, newer: Row) -> bool:
    if older["song_id"] != newer["song_id"]:
        return False
    times = to_seconds(older["vote_time"]), to_seconds(newer["vote_time"])
    return same_play(tx, older["player_id"], older["song_id"], *times)
