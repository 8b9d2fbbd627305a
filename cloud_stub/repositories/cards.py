"""Cards: the keyed hash of a number, whose card it is, and how far one that signs has counted."""

from __future__ import annotations

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text
from cloud_stub.repositories import bucket


def add(tx: Tx, key_hash: str, key_version: int, profile_id: str, now_s: float, *, counter: int | None = None) -> bool:
    """Give a card to a listener; False when it is somebody's already."""
    added = tx.run(
        "insert into tags (key_hash, key_version, profile_id, counter, created_at) values (?, ?, ?, ?, ?) "
        "on conflict (key_hash) do nothing",
        key_hash, key_version, profile_id, counter, to_text(now_s),
    )  # fmt: skip
    if added:
        bucket.touch_everywhere(tx, "tags", key_hash, now_s)
        bucket.touch_everywhere(tx, "profiles", profile_id, now_s)
    return bool(added)


def find(tx: Tx, key_hash: str) -> Row | None:
    return tx.one("select * from tags where key_hash = ?", key_hash)


def owner(tx: Tx, key_hash: str) -> str | None:
    found: str | None = tx.value("select profile_id from tags where key_hash = ?", key_hash)
    return found


def count(tx: Tx, key_hash: str, counter: int | None, now_s: float) -> bool:
    """Note how far a card has counted. False when it had counted as far before: what it said then is used up."""
    if counter is None:
        return False
    rose = tx.run(
        "update tags set counter = ? where key_hash = ? and (counter is null or counter < ?)",
        counter, key_hash, counter,
    )  # fmt: skip
    if rose:
        bucket.touch_everywhere(tx, "tags", key_hash, now_s)
    return bool(rose)


def rename(tx: Tx, key_hash: str, new_hash: str, new_version: int, now_s: float) -> bool:
    """The card's name under a new secret takes the place of the old one. False when there is no such card, or the
    new name is a card's already."""
    if find(tx, new_hash) is not None:
        return False
    sql = "update tags set key_hash = ?, key_version = ? where key_hash = ?"
    if not tx.run(sql, new_hash, new_version, key_hash):
        return False
    bucket.touch_everywhere(tx, "tags", key_hash, now_s)
    bucket.touch_everywhere(tx, "tags", new_hash, now_s)
    return True
