"""Players: the rooms' boxes, their tokens and settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from cloud_stub.database import Asked, Row, Tx, by_player, first, marks
from cloud_stub.moments import to_text
from cloud_stub.repositories import bucket
from cloud_stub.tokens import PlayerToken

OVERLAP_S = 7 * 86_400.0


def create(tx: Tx, name: str, token: PlayerToken, now_s: float, *, manager_id: str | None = None,
           player_id: str | None = None) -> str:  # fmt: skip
    """A new room with its token and its bucket; returns the id."""
    player_id = player_id or str(uuid4())
    tx.run(
        "insert into players (id, name, manager_id, created_at, epoch) values (?, ?, ?, ?, ?)",
        player_id, name, manager_id, to_text(now_s), uuid4().hex[:12],
    )  # fmt: skip
    add_token(tx, player_id, token, now_s)
    bucket.rebuild(tx, player_id, now_s)
    library_changed(tx, player_id)
    return player_id


def add_token(tx: Tx, player_id: str, token: PlayerToken, now_s: float, *, supersedes: bool = False) -> None:
    """One more token. With `supersedes` its first use makes the older ones worthless."""
    tx.run(
        "insert into player_tokens (prefix, player_id, hash, created_at, supersedes) values (?, ?, ?, ?, ?)",
        token.prefix, player_id, token.hash, to_text(now_s), int(supersedes),
    )  # fmt: skip
    _tokens_changed(tx, player_id)


def rotate_token(tx: Tx, player_id: str, token: PlayerToken, now_s: float) -> None:
    """Give the room a new token; the old ones live on until it is used, at most for `OVERLAP_S`."""
    ends = to_text(now_s + OVERLAP_S)
    tx.run(
        "update player_tokens set expires_at = ? where player_id = ? and revoked_at is null "
        "and (expires_at is null or expires_at > ?)",
        ends, player_id, ends,
    )  # fmt: skip
    add_token(tx, player_id, token, now_s, supersedes=True)


def first_use(tx: Tx, prefix: str, player_id: str, now_s: float) -> None:
    """The box has its new token: the others end."""
    if tx.run("update player_tokens set supersedes = 0 where prefix = ? and supersedes = 1", prefix):
        revoke_tokens(tx, player_id, now_s, keep_prefix=prefix)


def revoke_tokens(tx: Tx, player_id: str, now_s: float, *, keep_prefix: str | None = None) -> int:
    """Make every other token of the player worthless; how many were."""
    revoked = tx.run(
        "update player_tokens set revoked_at = ? where player_id = ? and revoked_at is null and prefix <> ?",
        to_text(now_s), player_id, keep_prefix or "",
    )  # fmt: skip
    _tokens_changed(tx, player_id)
    return revoked


def find_token(tx: Tx, prefix: str) -> Row | None:
    """{player_id, token_rev, hash, expires_at, supersedes} of a token that is not revoked."""
    return tx.one(
        "select t.player_id, p.token_rev, t.hash, t.expires_at, t.supersedes from player_tokens t "
        "join players p on p.id = t.player_id where t.prefix = ? and t.revoked_at is null",
        prefix,
    )


def find(tx: Tx, player_id: str) -> Row | None:
    return asked(tx, player_id).get()


def asked(tx: Tx, player_id: str) -> Asked[Row | None]:
    """The same, looked at later."""
    return tx.ask(first, "select * from players where id = ?", player_id)


def listed(tx: Tx, manager_id: str | None = None) -> list[Row]:
    """All players, or one manager's."""
    if manager_id is None:
        return tx.all("select * from players order by name, id")
    return tx.all("select * from players where manager_id = ? order by name, id", manager_id)


def ids(tx: Tx) -> list[str]:
    return [row["id"] for row in tx.all("select id from players")]


def versions(tx: Tx) -> dict[str, tuple[int, int, int]]:
    """id → (rev, queue_rev, token_rev): what another copy of the server may have moved."""
    rows = tx.all("select id, rev, queue_rev, token_rev from players")
    return {row["id"]: (row["rev"], row["queue_rev"], row["token_rev"]) for row in rows}


def renew_address(tx: Tx, player_id: str) -> None:
    """The next version of the room's address; the older ones hold until they are retired."""
    tx.run("update players set address_version = address_version + 1 where id = ?", player_id)


def retire_addresses(tx: Tx, player_id: str) -> None:
    """No version of the room's address holds but the newest."""
    tx.run("update players set address_oldest = address_version where id = ?", player_id)


def library_revs(tx: Tx, player_ids: Sequence[str]) -> Asked[dict[str, int]]:
    """Of those of the players that there are: how often what they may play has changed."""
    return tx.ask(
        lambda rows: {row["id"]: row["library_rev"] for row in rows},
        f"select id, library_rev from players where id in ({marks(player_ids)})",  # noqa: S608 - marks
        *player_ids,
    )


def library_changed(tx: Tx, player_id: str) -> None:
    tx.run("update players set library_rev = library_rev + 1 where id = ?", player_id)
    tx.rooms.add(player_id)


def awake(tx: Tx) -> set[str]:
    """Players that were not offline when we last looked."""
    return {row["id"] for row in tx.all("select id from players where status <> 'offline'")}


def note_polls(tx: Tx, polls: Iterable[tuple[str, float | None, str]]) -> None:
    """Store (player, last poll or None for the one stored, status) of many players at once."""
    tx.many(
        "update players set last_poll = coalesce(?, last_poll), status = ? where id = ?",
        [(None if at_s is None else to_text(at_s), status, player_id) for player_id, at_s, status in polls],
    )


def set_current_song(tx: Tx, player_id: str, song_id: str | None) -> None:
    tx.tell(
        "update players set current_song_id = ? where id = ? and coalesce(cast(current_song_id as text), '') <> ?",
        song_id, player_id, song_id or "",
    )  # fmt: skip


def settings(tx: Tx, player_id: str) -> dict[str, Any]:
    return settings_in(tx, [player_id]).get().get(player_id, {})


def settings_in(tx: Tx, player_ids: Sequence[str]) -> Asked[dict[str, dict[str, Any]]]:
    """The settings of those of the players that have any."""
    return tx.ask(
        lambda rows: {
            player_id: {row["key"]: json.loads(row["value"]) for row in theirs}
            for player_id, theirs in by_player(rows).items()
        },
        f"select player_id, key, value from settings where player_id in ({marks(player_ids)})",  # noqa: S608 - marks
        *player_ids,
    )


def setting_of_all(tx: Tx, key: str) -> dict[str, Any]:
    """player → its value, of the players that have this setting."""
    rows = tx.all("select player_id, value from settings where key = ?", key)
    return {row["player_id"]: json.loads(row["value"]) for row in rows}


def set_setting(tx: Tx, player_id: str, key: str, value: Any, now_s: float) -> None:
    text = json.dumps(value, allow_nan=False)
    tx.tell(
        "insert into settings (player_id, key, value) values (?, ?, ?) "
        "on conflict (player_id, key) do update set value = excluded.value",
        player_id, key, text,
    )  # fmt: skip
    bucket.touch(tx, player_id, "settings", key, now_s, {"key": key, "value": text})
    tx.rooms.add(player_id)


def _tokens_changed(tx: Tx, player_id: str) -> None:
    tx.run("update players set token_rev = token_rev + 1 where id = ?", player_id)
    tx.tokens.add(player_id)
