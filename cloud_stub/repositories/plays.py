"""What rooms played: `songs_playing`, a row at a play's start, closed with its seconds."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_stub.database import Asked, Row, Tx, by_player, marks
from cloud_stub.moments import to_seconds, to_text


def begin(tx: Tx, play_id: str, player_id: str, song_id: str, played_s: float, op_id: str) -> bool:
    """False when the play is known already."""
    added = tx.run(
        "insert into songs_playing (id, player_id, song_id, played_at, op_id) values (?, ?, ?, ?, ?) "
        "on conflict (id) do nothing",
        play_id, player_id, song_id, to_text(played_s), op_id,
    )  # fmt: skip
    return bool(added)


def end(tx: Tx, play_id: str, player_id: str, seconds: float) -> bool:
    """False when this room never began that play."""
    sql = "update songs_playing set seconds = ? where id = ? and player_id = ?"
    return bool(tx.run(sql, seconds, play_id, player_id))


def hours_since(
    tx: Tx, player_ids: Sequence[str], now_s: float, horizon_s: float = 48 * 3600.0
) -> Asked[dict[str, dict[str, float]]]:
    """Of each of these rooms: hours since a song last began to play. Plays older than the horizon no longer matter."""

    def hours(rows: list[Row]) -> dict[str, float]:
        return {row["song_id"]: max(0.0, now_s - to_seconds(row["played_at"])) / 3600 for row in rows}

    return tx.ask(
        lambda rows: {player_id: hours(theirs) for player_id, theirs in by_player(rows).items()},
        "select player_id, song_id, max(played_at) as played_at from songs_playing "  # noqa: S608 - marks
        f"where player_id in ({marks(player_ids)}) and played_at > ? group by player_id, song_id",
        *player_ids, to_text(now_s - horizon_s),
    )  # fmt: skip


def began_between(tx: Tx, player_id: str, song_id: str, after_s: float, until_s: float) -> bool:
    """Whether the song began anew in the room in (after, until]."""
    found = tx.value(
        "select 1 from songs_playing where player_id = ? and song_id = ? and played_at > ? and played_at <= ? limit 1",
        player_id, song_id, to_text(after_s), to_text(until_s),
    )  # fmt: skip
    return found is not None


def listed(tx: Tx, player_id: str, limit: int) -> list[Row]:
    return tx.all(
        "select * from songs_playing where player_id = ? order by played_at desc, id limit ?", player_id, limit
    )
