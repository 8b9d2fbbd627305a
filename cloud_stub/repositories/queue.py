"""What is best next in a room, and staff's rules for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import uuid4

from cloud_stub.database import Asked, Row, Tx, by_player, marks
from cloud_stub.moments import to_text
from cloud_stub.repositories import bucket


def entries(tx: Tx, player_id: str) -> list[Row]:
    """{id, title, type, position, file_url, sha256} in order; file_url without a signature."""
    return tx.all(
        "select s.id, s.title, s.type, q.position, s.file_url, s.sha256 from player_queue q "
        "join songs s on s.id = q.song_id where q.player_id = ? and s.deleted_at is null order by q.position",
        player_id,
    )


def song_ids(tx: Tx, player_id: str) -> list[str]:
    return song_ids_in(tx, [player_id]).get().get(player_id, [])


def song_ids_in(tx: Tx, player_ids: Sequence[str]) -> Asked[dict[str, list[str]]]:
    """The queues of those of the rooms that have one."""
    return tx.ask(
        lambda rows: {player_id: [row["song_id"] for row in theirs] for player_id, theirs in by_player(rows).items()},
        f"select player_id, song_id from player_queue where player_id in ({marks(player_ids)}) "  # noqa: S608 - marks
        "order by player_id, position",
        *player_ids,
    )


def ranked_by_database(tx: Tx) -> bool:
    """Whether the database renews queues by itself (pg_cron), so that the server must not."""
    return tx.dialect == "postgres" and tx.value("select owner from ranking") == "database"


def set_ranked_by(tx: Tx, owner: str) -> None:
    """`cloud` or `database`, on PostgreSQL."""
    tx.run("update ranking set owner = ?", owner)


def replace(tx: Tx, player_id: str, songs: Sequence[str], now_s: float) -> bool:
    """Swap the whole queue under a new revision; False when it is the same."""
    return bool(replace_all(tx, {player_id: songs}, now_s))


def replace_all(tx: Tx, queues: Mapping[str, Sequence[str]], now_s: float) -> set[str]:
    """The same in many rooms; those whose queue is another now."""
    stored = song_ids_in(tx, list(queues)).get()
    changed = {player_id: songs for player_id, songs in queues.items() if stored.get(player_id, []) != list(songs)}
    for player_id, songs in changed.items():
        _swap(tx, player_id, songs, to_text(now_s))
    tx.queues |= changed.keys()
    return set(changed)


def _swap(tx: Tx, player_id: str, songs: Sequence[str], now: str) -> None:
    tx.tell("delete from player_queue where player_id = ?", player_id)
    rows = [(str(uuid4()), player_id, song, place, now) for place, song in enumerate(songs, start=1)]
    if rows:
        places = ", ".join(["(?, ?, ?, ?, ?)"] * len(rows))
        sql = f"insert into player_queue (id, player_id, song_id, position, added_at) values {places}"  # noqa: S608 - marks
        tx.tell(sql, *chain(*rows))
    tx.tell("update players set queue_rev = queue_rev + 1 where id = ?", player_id)


def rules(tx: Tx, player_ids: Sequence[str], now_s: float) -> Asked[dict[str, list[Row]]]:
    """{song_id, kind, place} of the rules that hold now, room by room."""
    return tx.ask(
        by_player,
        "select player_id, song_id, kind, place from queue_rules "  # noqa: S608 - marks
        f"where player_id in ({marks(player_ids)}) and (until is null or until > ?) order by song_id, kind",
        *player_ids, to_text(now_s),
    )  # fmt: skip


def set_rule(
    tx: Tx, player_id: str, song_id: str, kind: str, place: int | None, until_s: float | None, now_s: float
) -> None:
    """Set a rule, or lift it with `until_s` in the past."""
    if until_s is not None and until_s <= now_s:
        tx.run("delete from queue_rules where player_id = ? and song_id = ? and kind = ?", player_id, song_id, kind)
    else:
        tx.run(
            "insert into queue_rules (player_id, song_id, kind, place, until) values (?, ?, ?, ?, ?) "
            "on conflict (player_id, song_id, kind) do update set place = excluded.place, until = excluded.until",
            player_id, song_id, kind, place, None if until_s is None else to_text(until_s),
        )  # fmt: skip
    bucket.touch(tx, player_id, "queue_rules", bucket.rule_pk(song_id, kind), now_s)
    tx.rooms.add(player_id)


def drop_passed_rules(tx: Tx, now_s: float) -> int:
    """Forget rules whose time is up; how many there were."""
    passed = tx.all(
        "delete from queue_rules where until is not null and until <= ? returning player_id, song_id, kind",
        to_text(now_s),
    )
    for row in passed:
        bucket.touch(tx, row["player_id"], "queue_rules", bucket.rule_pk(row["song_id"], row["kind"]), now_s)
        tx.rooms.add(row["player_id"])
    return len(passed)
