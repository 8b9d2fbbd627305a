"""Ratings: facts that append, votes that wait for a box's word, and which of them count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_stub.database import Asked, Row, Tx
from cloud_stub.moments import to_seconds, to_text
from cloud_stub.repositories import bucket
from cloud_stub.repositories.voters import PERSON_OF_LOGIN

_RIVALS = (
    "select id, player_id, vote_time, heard, vote_value, taste_rev from votes where user_id = {user} and song_id = ? "
    "and superseded_by is null and vote_time > ? and vote_time < ? order by vote_time"
)
_RIVALS_BY_ID, _RIVALS_BY_LOGIN = _RIVALS.format(user="?"), _RIVALS.format(user=PERSON_OF_LOGIN)


@dataclass(frozen=True, slots=True)
class NewVote:
    """One rating. `layers` is the mix taste learns from as (song, share); empty: the song alone."""

    vote_id: str
    user_id: str
    player_id: str
    song_id: str
    value: int
    at_s: float
    source: str
    scene_id: str | None = None
    op_id: str | None = None
    layers: tuple[tuple[str, float], ...] = ()


def add(
    tx: Tx, vote: NewVote, heard: Sequence[float], taste_rev: int, superseded_by: str | None = None
) -> None:  # fmt: skip
    tx.tell(
        "insert into votes (id, user_id, song_id, vote_value, vote_time, player_id, scene_id, source, op_id, heard, "
        "taste_rev, superseded_by) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vote.vote_id, vote.user_id, vote.song_id, vote.value, to_text(vote.at_s), vote.player_id, vote.scene_id,
        vote.source, vote.op_id, json.dumps([float(x) for x in heard]), taste_rev, superseded_by,
    )  # fmt: skip


def known(tx: Tx, vote_id: str) -> bool:
    return (
        tx.value("select 1 from votes where id = ?", vote_id) is not None
        or tx.value("select 1 from held_votes where vote_id = ?", vote_id) is not None
    )


def rivals(tx: Tx, user_id: str, song_id: str, at_s: float, within_s: float) -> Asked[list[Row]]:
    """{id, player_id, vote_time, heard, vote_value, taste_rev} of votes that count, by this person on this song around
    this time, in any room."""
    return tx.ask(list, _RIVALS_BY_ID, user_id, song_id, to_text(at_s - within_s), to_text(at_s + within_s))


def rivals_by_login(tx: Tx, auth_user_id: str, song_id: str, at_s: float, within_s: float) -> Asked[list[Row]]:
    """The same for whoever knows the login alone."""
    return tx.ask(list, _RIVALS_BY_LOGIN, auth_user_id, song_id, to_text(at_s - within_s), to_text(at_s + within_s))


def supersede(tx: Tx, vote_id: str, by_id: str) -> None:
    tx.tell("update votes set superseded_by = ? where id = ?", by_id, vote_id)


def counting(tx: Tx, user_id: str) -> list[tuple[list[float], int]]:
    """(what was heard, value) of every vote that counts, in the order taste learnt them."""
    rows = tx.all(
        "select heard, vote_value from votes where user_id = ? and superseded_by is null "
        "order by taste_rev, vote_time, id",
        user_id,
    )
    return [(json.loads(row["heard"]), row["vote_value"]) for row in rows]


def hand_over(tx: Tx, user_id: str, to_id: str) -> int:
    """Make one listener's votes, and those that wait for a box's word, another's; how many count."""
    tx.run("update held_votes set user_id = ? where user_id = ?", to_id, user_id)
    rows = tx.all("update votes set user_id = ? where user_id = ? returning superseded_by", to_id, user_id)
    return sum(row["superseded_by"] is None for row in rows)


def by_song(tx: Tx, user_id: str) -> list[Row]:
    """{id, player_id, song_id, vote_time, heard, vote_value, taste_rev} of a listener's votes in rooms that count,
    those on one song in one room side by side, oldest first."""
    return tx.all(
        "select id, player_id, song_id, vote_time, heard, vote_value, taste_rev from votes "
        "where user_id = ? and superseded_by is null and player_id is not null "
        "order by player_id, song_id, vote_time, id",
        user_id,
    )


def counting_in(tx: Tx, player_id: str) -> list[tuple[list[float], int, int]]:
    """(what was heard, value, which revision of the voter's taste it led to) of every vote in a room that counts."""
    rows = tx.all(
        "select heard, vote_value, taste_rev from votes where player_id = ? and superseded_by is null "
        "order by vote_time, id",
        player_id,
    )
    return [(json.loads(row["heard"]), row["vote_value"], row["taste_rev"]) for row in rows]


def hold(tx: Tx, vote: NewVote, now_s: float) -> None:
    """Keep it until the room's box says whether the song sounded."""
    tx.run(
        "insert into held_votes (vote_id, user_id, player_id, song_id, vote_value, vote_time, scene_id, layers) "
        "values (?, ?, ?, ?, ?, ?, ?, ?)",
        vote.vote_id, vote.user_id, vote.player_id, vote.song_id, vote.value, to_text(vote.at_s), vote.scene_id,
        json.dumps(vote.layers),
    )  # fmt: skip
    bucket.touch(tx, vote.player_id, "held_votes", vote.vote_id, now_s)


def take_held(tx: Tx, vote_id: str, player_id: str, now_s: float) -> NewVote | None:
    """Take a held vote of this room out of waiting, or None."""
    row = tx.one("delete from held_votes where vote_id = ? and player_id = ? returning *", vote_id, player_id)
    if row is None:
        return None
    bucket.touch(tx, player_id, "held_votes", vote_id, now_s)
    return NewVote(
        vote_id=vote_id,
        user_id=row["user_id"],
        player_id=player_id,
        song_id=row["song_id"],
        value=row["vote_value"],
        at_s=to_seconds(row["vote_time"]),
        source="phone",
        scene_id=row["scene_id"],
        layers=tuple((song, share) for song, share in json.loads(row["layers"])),
    )


def listed(tx: Tx, player_id: str, limit: int) -> list[Row]:
    return tx.all("select * from votes where player_id = ? order by vote_time desc, id limit ?", player_id, limit)
