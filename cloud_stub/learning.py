"""A vote and what it teaches, in one transaction.

One vote counts per person, song and play: the newest. A vote that replaces an older one takes back what that one
taught, by folding the person's taste again from the votes that count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from checkin.rules import expiry_s
from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import crowd, plays, profiles, sessions, songs, votes
from cloud_stub.repositories.votes import NewVote
from cloud_stub.voting import SAME_PLAY_S, mix_embedding
from ml.taste import Taste, learn


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the person's taste is after a vote; `counts` is False when a newer vote on the play was here first."""

    taste: Taste
    taste_rev: int
    counts: bool


def cast(tx: Tx, vote: NewVote, now_s: float) -> Learnt:
    """Store the vote, teach the person's taste and the room's crowd, and renew their stay."""
    heard = _heard(tx, vote)
    earlier, later = _rivals(tx, vote)
    counts = later is None
    before, rev = profiles.taste(tx, vote.user_id)
    votes.add(tx, vote, heard, rev + 1, later["id"] if later else None)
    for rival in earlier if counts else ():
        votes.supersede(tx, rival["id"], vote.vote_id)
    if not counts:
        after = before
    elif earlier:
        after = fold(tx, vote.user_id)
    else:
        after = learn(before, heard, vote.value)
    taste_rev = profiles.set_taste(tx, vote.user_id, after, now_s)
    if counts:
        crowd.add_vote(tx, vote.player_id, heard, vote.value, taste_rev, earlier, now_s)
    _renew_stay(tx, vote, now_s)
    tx.rooms.add(vote.player_id)
    return Learnt(after, taste_rev, counts)


def _heard(tx: Tx, vote: NewVote) -> list[float]:
    layers = vote.layers or ((vote.song_id, 1.0),)
    return mix_embedding(layers, songs.embeddings(tx, [song_id for song_id, _ in layers]))


def _rivals(tx: Tx, vote: NewVote) -> tuple[list[Row], Row | None]:
    """Votes on the same play: those it replaces, and one that replaces it."""
    earlier, later = [], None
    for row in votes.rivals(tx, vote, SAME_PLAY_S):
        at_s = to_seconds(row["vote_time"])
        if not same_play(tx, vote.player_id, vote.song_id, at_s, vote.at_s):
            continue
        if at_s > vote.at_s:
            later = row
        else:
            earlier.append(row)
    return earlier, later


def same_play(tx: Tx, player_id: str, song_id: str, a_s: float, b_s: float) -> bool:
    """Whether what sounded at these two moments was one play of the song in the room."""
    first, second = sorted((a_s, b_s))
    return second - first < SAME_PLAY_S and not plays.began_between(tx, player_id, song_id, first, second)


def fold(tx: Tx, user_id: str) -> Taste:
    """The taste that a person's votes make of where they began."""
    base = profiles.taste_base(tx, user_id)
    return reduce(lambda taste, vote: learn(taste, *vote), votes.counting(tx, user_id), base)


def _renew_stay(tx: Tx, vote: NewVote, now_s: float) -> None:
    stay = sessions.open_stay(tx, vote.user_id, now_s)
    if stay is not None and stay["player_id"] == vote.player_id:
        sessions.extend(tx, stay["id"], expiry_s(vote.at_s), now_s)
