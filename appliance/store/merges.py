"""Which profiles are another's part now. What still speaks of the one is meant for the other."""

from __future__ import annotations

from appliance.store.database import Database

_OWNED = (("votes", "user_id"), ("taps", "profile_id"), ("sessions", "user_id"), ("tags", "profile_id"))


class Merges:
    """Writes are the caller's transaction's. `into_id` is never itself merged away."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def resolve(self, profile_id: str) -> str:
        """Whom this id stands for now."""
        into = self._db.value("select into_id from merges where profile_id = ?", profile_id)
        return profile_id if into is None else str(into)

    def parts_of(self, profile_id: str) -> list[str]:
        """The ids that stand for this one."""
        return [row[0] for row in self._db.rows("select profile_id from merges where into_id = ?", profile_id)]

    def join(self, profile_id: str, into_id: str) -> None:
        """What the one has, and all that stood for it, is the other's; of their open stays the newest goes on."""
        if self.resolve(profile_id) == into_id:
            return
        conn = self._db.conn
        conn.execute("delete from merges where profile_id = ?", (into_id,))  # the cloud found it the other way round
        conn.execute("update merges set into_id = ? where into_id = ?", (into_id, profile_id))
        conn.execute("insert or replace into merges values (?, ?)", (profile_id, into_id))
        for table, column in _OWNED:
            conn.execute(f"update {table} set {column} = ? where {column} = ?", (into_id, profile_id))  # noqa: S608
        conn.execute("delete from profiles where id = ?", (profile_id,))
        conn.execute(
            "update sessions set status = 'inactive' where user_id = ? and status = 'active' "
            "and rowid <> (select max(rowid) from sessions where user_id = ? and status = 'active')",
            (into_id, into_id),
        )

    def part(self, profile_id: str) -> None:
        """The cloud says that it is somebody by itself, or nobody any more."""
        self._db.conn.execute("delete from merges where profile_id = ?", (profile_id,))
