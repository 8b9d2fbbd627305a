"""Which card is whose. A card has one name at a time, and moves to a new one when the secret behind names changes."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.model import TapRead
from appliance.store.database import Database
from appliance.store.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Card:
    """A card we know. counter: how far one that signs had counted, None for one that does not."""

    key_hash: str
    key_version: int
    profile_id: str
    counter: int | None


class Cards:
    """All but `known` and `is_unproven` write, inside the caller's transaction, each change with its op."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known(self, tap: TapRead) -> Card | None:
        """The card by its name under the secret in use, else under an older one."""
        for key_hash in (tap.key_hash, *(older.key_hash for older in tap.older)):
            card = self._find(key_hash)
            if card is not None:
                return card
        return None

    def is_unproven(self, tap: TapRead, known: Card | None) -> bool:
        """Is it a card that signs, but what it says is old, or was not read? A copy of its number says nothing."""
        if tap.counter is None:
            return any(self._find(name.key_hash) is not None for name in tap.as_signer)
        return known is not None and known.counter is not None and tap.counter <= known.counter

    def enrol(self, tap: TapRead, profile_id: str, display_name: str, outbox: Outbox) -> None:
        """A newcomer's card."""
        self._put(tap, profile_id)
        body = {"profile_id": profile_id, "display_name": display_name, "key_hash": tap.key_hash,
                "key_version": tap.key_version}  # fmt: skip
        outbox.append("enrol", body if tap.counter is None else {**body, "counter": tap.counter})

    def note(self, tap: TapRead, known: Card, outbox: Outbox) -> None:
        """What a known card's tap changes: its name under a newer secret, how far it has counted."""
        begins_to_sign = tap.counter is not None and known.counter is None
        renamed = tap.key_hash != known.key_hash and (begins_to_sign or tap.key_version > known.key_version)
        if not renamed and tap.counter is None:
            return
        key_hash = tap.key_hash if renamed else known.key_hash
        if renamed:
            self._db.conn.execute("delete from tags where key_hash = ?", (known.key_hash,))
            self._put(tap, known.profile_id)
        else:
            self._db.conn.execute("update tags set counter = ? where key_hash = ?", (tap.counter, key_hash))
        body = {"profile_id": known.profile_id, "key_hash": known.key_hash, "counter": tap.counter}
        new = {"new_hash": tap.key_hash, "new_version": tap.key_version} if renamed else {}
        outbox.append("card", body | new)

    def _find(self, key_hash: str | None) -> Card | None:
        row = self._db.row("select key_hash, key_version, profile_id, counter from tags where key_hash = ?", key_hash)
        return None if row is None else Card(*row)

    def _put(self, tap: TapRead, profile_id: str) -> None:
        self._db.conn.execute(
            "insert or replace into tags (key_hash, key_version, profile_id, counter) values (?, ?, ?, ?)",
            (tap.key_hash, tap.key_version, profile_id, tap.counter),
        )
