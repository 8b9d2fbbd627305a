"""Facts on their way to the cloud. A fact and its op are written in one transaction, or not at all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from appliance.clock import Clock
from appliance.ids import new_id
from appliance.model import OutboxOp
from appliance.store.database import Database

REJECTED, SUPERSEDED = "rejected", "superseded"
KEEP_SENT_S = 7 * 86_400.0
# A check-in that was overtaken: the person is in another room by now.
_END_STAY = (
    "update sessions set status = 'inactive' where id = (select json_extract(body, '$.session_id') from outbox "
    "where op_id = ? and type = 'checkin' and json_valid(body))"
)
_COPY = "seq, op_id, type, body, boot_id, mono_ms, wall_ms"


class Outbox:
    """The queue of ops, oldest first; the letters that came back; and, for a week, what the cloud has taken."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def append(self, kind: str, body: Mapping[str, Any], *, op_id: str | None = None) -> str:
        """Queue one op inside the caller's transaction; returns its id."""
        op_id = op_id or new_id(wall_ms(self._clock))
        self._db.conn.execute(
            "insert into outbox (op_id, type, body, boot_id, mono_ms, wall_ms) values (?, ?, ?, ?, ?, ?)",
            (op_id, kind, json.dumps(body), self._clock.boot_id, boot_ms(self._clock), wall_ms(self._clock)),
        )
        return op_id

    def pending(self) -> int:
        return self._db.count("select count(*) from outbox")

    def pending_since_ms(self) -> int | None:
        """Wall milliseconds of the oldest op still here."""
        value = self._db.value("select wall_ms from outbox order by seq limit 1")
        return value if isinstance(value, int) else None

    def batch(self, limit: int) -> list[OutboxOp]:
        """The oldest ops, in the order they happened."""
        rows = self._db.rows("select * from outbox order by seq limit ?", limit)
        return [_op(row) for row in rows]

    def heard(self) -> int:
        """How many ops of ours the cloud had answered, by its own count, when we last heard it: should it ever know
        of fewer, it was restored from a backup."""
        value = self._db.value("select value from sync_state where key = 'heard'")
        return 0 if value is None else int(str(value))

    def settle(self, verdicts: Collection[tuple[str, str]], *, at_s: float = 0.0, seen: int | None = None) -> None:
        """Take what the cloud answered: answered ops leave, rejected ones become dead letters staff can see, and a stay
        whose check-in was overtaken ends.

        at_s: the cloud's clock. seen: how many ops of ours it has answered.
        Should a power cut take this back, the same op gets the same answer again.
        """
        with self._db.write(durable=False) as conn:
            self._hear(max(seen or 0, self.heard()))
            for op_id, status in verdicts:
                if status.startswith(REJECTED):
                    conn.execute(
                        "insert or ignore into dead_letter (op_id, type, body, verdict, wall_ms) "
                        "select op_id, type, body, ?, wall_ms from outbox where op_id = ?",
                        (status, op_id),
                    )
                else:
                    conn.execute(
                        f"insert or replace into sent ({_COPY}, answered_at) "  # noqa: S608 - our own constant
                        f"select {_COPY}, ? from outbox where op_id = ?",
                        (at_s, op_id),
                    )
                if status == SUPERSEDED:
                    conn.execute(_END_STAY, (op_id,))
                conn.execute("delete from outbox where op_id = ?", (op_id,))
            conn.execute(
                "delete from sent where seq in (select seq from sent order by seq limit ?) and answered_at < ?",
                (2 * len(verdicts), at_s - KEEP_SENT_S),
            )

    def send_again(self, seen: int = 0) -> int:
        """The cloud was restored from a backup: what it took in the last week goes once more, in its old place
        before what has not gone yet. Returns how many; each still counts once there, by its id.

        seen: how many ops of ours it knows now.
        """
        with self._db.write(durable=False) as conn:
            self._hear(seen)
            again = conn.execute(f"insert or ignore into outbox ({_COPY}) select {_COPY} from sent").rowcount  # noqa: S608
            conn.execute("delete from sent")
        return again

    def belong_to(self, cloud: str) -> None:
        """From now on we speak to this cloud; what another one took is not for its ears."""
        if self._db.value("select value from sync_state where key = 'cloud'") == cloud:
            return
        with self._db.write(durable=False) as conn:
            conn.execute("delete from sent")
            conn.execute("insert or replace into sync_state values ('cloud', ?)", (cloud,))
            self._hear(0)

    def _hear(self, seen: int) -> None:
        self._db.conn.execute("insert or replace into sync_state values ('heard', ?)", (str(seen),))

    def dead_letters(self) -> list[sqlite3.Row]:
        return self._db.rows("select * from dead_letter order by wall_ms")


def boot_ms(clock: Clock) -> int:
    return round(clock.boot_s() * 1000)


def wall_ms(clock: Clock) -> int:
    return round(clock.wall_s() * 1000)


def _op(row: sqlite3.Row) -> OutboxOp:
    return OutboxOp(
        seq=row["seq"],
        op_id=row["op_id"],
        type=row["type"],
        body=_body(row["body"]),
        boot_id=row["boot_id"],
        mono_ms=row["mono_ms"],
        wall_ms=row["wall_ms"],
    )


def _body(text: str) -> dict[str, Any]:
    """A body that a damaged card left unreadable travels as it is: the cloud refuses it, and it alone."""
    try:
        body = json.loads(text)
    except ValueError:
        return {"unreadable": text}
    return body if isinstance(body, dict) else {"unreadable": text}
