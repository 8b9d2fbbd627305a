"""A vote and what it teaches, in one transaction.

One vote counts per person, song and play: the newest. A vote that replaces an older one takes back what that one
taught, by folding the person's taste again from the votes that count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from checkin.rules import expiry_s
from cloud_stub.database import Asked, Row, Tx
from cloud_stub.errors import not_found
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import crowd, plays, profiles, sessions, songs, voters, votes
from cloud_stub.repositories.voters import Voter
from cloud_stub.repositories.votes import NewVote
from cloud_stub.voting import SAME_PLAY_S, mix_embedding
from ml.taste import Taste, learn


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the person's taste is after a vote; `counts` is False when a newer vote on the play was here first."""

    taste: Taste
    taste_rev: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Past:
    """What a vote is weighed with: what its songs sound like, and who rated the same play."""

    embeddings: Asked[dict[str, list[float] | None]]
    rivals: Asked[list[Row]]


def look_back(tx: Tx, vote: NewVote) -> Past:
    song_ids = dict.fromkeys([vote.song_id, *(song_id for song_id, _ in vote.layers)])
    rivals = votes.rivals(tx, vote.user_id, vote.song_id, vote.at_s, SAME_PLAY_S)
    return Past(songs.embeddings(tx, list(song_ids)), rivals)


def look_back_by_login(tx: Tx, auth_user_id: str, song_id: str, at_s: float) -> Past:
    """The same for a vote on one song, of whose voter the login alone is known."""
    rivals = votes.rivals_by_login(tx, auth_user_id, song_id, at_s, SAME_PLAY_S)
    return Past(songs.embeddings(tx, [song_id]), rivals)


def cast_by(tx: Tx, vote: NewVote, now_s: float) -> Learnt:
    """`cast` for whoever has looked at nothing yet."""
    asked, past = voters.by_id(tx, vote.user_id, vote.player_id, now_s), look_back(tx, vote)
    voter = asked.get()
    assert voter is not None, f"no profile {vote.user_id}"
    return cast(tx, vote, voter, past, now_s)


def cast(tx: Tx, vote: NewVote, voter: Voter, past: Past, now_s: float) -> Learnt:
    """Store the vote, teach the person's taste and the room's crowd, and renew their stay.

    Raises Refused (404) when there is no such song.
    """
    heard = _heard(vote, past.embeddings.get())
    earlier, later = _rivals(tx, vote, past.rivals.get())
    rev = voter.taste_rev + 1
    votes.add(tx, vote, heard, rev, later["id"] if later else None)
    after = voter.taste if later else _taught(tx, vote, voter, heard, earlier)
    profiles.keep_taste(tx, vote.user_id, after, rev, now_s, before=None if voter.taste_known else voter.taste)
    if later is None:
        crowd.add_vote(tx, vote.player_id, voter.crowd, heard, vote.value, rev, earlier, now_s)
    _renew_stay(tx, vote, voter, now_s)
    tx.rooms.add(vote.player_id)
    return Learnt(after, rev, counts=later is None)


def _taught(tx: Tx, vote: NewVote, voter: Voter, heard: list[float], earlier: list[Row]) -> Taste:
    """The taste after a vote that counts; what it replaces no longer does."""
    for rival in earlier:
        votes.supersede(tx, rival["id"], vote.vote_id)
    return fold(tx, vote.user_id) if earlier else learn(voter.taste, heard, vote.value)


def _heard(vote: NewVote, embeddings: Mapping[str, Sequence[float] | None]) -> list[float]:
    if vote.song_id not in embeddings:
        raise not_found("song", vote.song_id)
    return mix_embedding(vote.layers or ((vote.song_id, 1.0),), embeddings)


def _rivals(tx: Tx, vote: NewVote, around: Sequence[Row]) -> tuple[list[Row], Row | None]:
    """Votes on the same play: those it replaces, and one that replaces it."""
    earlier, later = [], None
    for row in around:
        at_s = to_seconds(row["vote_time"])
        if row["player_id"] != vote.player_id or not same_play(tx, vote.player_id, vote.song_id, at_s, vote.at_s):
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


def _renew_stay(tx: Tx, vote: NewVote, voter: Voter, now_s: float) -> None:
    if voter.stay is not None and voter.stay["player_id"] == vote.player_id:
        sessions.extend(tx, voter.stay, expiry_s(vote.at_s), now_s)
