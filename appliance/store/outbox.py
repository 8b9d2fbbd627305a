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
MARK_EVERY_S = 3600.0
COUNTED = 1000
_COLUMNS = "seq, op_id, type, body, boot_id, mono_ms, wall_ms"
# A number that was given once is not given again, whatever has left: what is answered is told by its number.
_APPEND = (
    f"insert into ops ({_COLUMNS}) select 1 + max(coalesce((select max(seq) from ops), 0), "  # noqa: S608 - our own
    "coalesce((select max(seq) from sent), 0), ?), ?, ?, ?, ?, ?, ?"
)
# A check-in that was overtaken: the person is in another room by now.
_END_STAY = (
    "update sessions set status = 'inactive' where id = (select json_extract(body, '$.session_id') from ops "
    "where seq = ? and type = 'checkin' and json_valid(body))"
)


class Outbox:
    """The queue of ops, oldest first; the letters that came back; and, for a week, what the cloud has taken.

    An op that is answered stays where it is: up to which number all are, stands beside the cursor of what comes the
    other way (to move it would write its page, another's and two of indexes). `outbox` is the view of those after it;
    what is answered before its turn moves to `sent`.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def append(self, kind: str, body: Mapping[str, Any], *, op_id: str | None = None) -> str:
        """Queue one op inside the caller's transaction; returns its id."""
        op_id = op_id or new_id(wall_ms(self._clock))
        self._db.conn.execute(
            _APPEND,
            (self._answered(), op_id, kind, json.dumps(body), self._clock.boot_id, boot_ms(self._clock),
             wall_ms(self._clock)),
        )  # fmt: skip
        return op_id

    def pending(self) -> int:
        """How many. Of more than a thousand by their numbers, for to count them reads them: some that have left before
        their turn may then be among them."""
        few = self._db.count("select count(*) from (select 1 from outbox limit ?)", COUNTED)
        return few if few < COUNTED else self._db.count("select max(seq) from ops") - self._answered()

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
            given, answered, in_turn = dict(verdicts), self._answered(), True
            for seq, op_id in self._pending_among(given):
                status = given.get(op_id)
                in_turn = in_turn and status is not None
                if status is None:
                    continue
                if status == SUPERSEDED:
                    conn.execute(_END_STAY, (seq,))
                if status.startswith(REJECTED):
                    self._bury(seq, status)
                elif not in_turn:
                    self._move_to_sent(seq, at_s)
                answered = seq if in_turn else answered
            self._remember_answered(answered, at_s)
            self._forget_old(at_s, at_most=2 * len(verdicts))

    def send_again(self, seen: int = 0) -> int:
        """The cloud was restored from a backup: what it took in the last week goes once more, in its old place
        before what has not gone yet. Returns how many; each still counts once there, by its id.

        seen: how many ops of ours it knows now.
        """
        with self._db.write(durable=False) as conn:
            self._hear(seen)
            pending = self.pending()
            conn.execute(f"insert or ignore into ops ({_COLUMNS}) select {_COLUMNS} from sent")  # noqa: S608 - our own
            conn.execute("delete from sent")
            conn.execute("delete from answered")
            self._set_state("answered", 0)
            return self.pending() - pending

    def belong_to(self, cloud: str) -> None:
        """From now on we speak to this cloud; what another one took is not for its ears."""
        if self._db.value("select value from sync_state where key = 'cloud'") == cloud:
            return
        with self._db.write(durable=False) as conn:
            conn.execute("delete from ops where seq <= ?", (self._answered(),))
            conn.execute("delete from sent")
            conn.execute("delete from answered")
            self._set_state("cloud", cloud)
            self._hear(0)

    def _pending_among(self, given: Mapping[str, str]) -> list[tuple[int, str]]:
        """The oldest pending ops, far enough that all of these are among them, if they are pending at all."""
        front = "select seq, op_id from outbox order by seq limit ?"
        rows = self._db.rows(front, len(given))
        if not given.keys() <= {row["op_id"] for row in rows}:
            rows = self._db.rows(front, -1)
        return [(row["seq"], row["op_id"]) for row in rows]

    def _bury(self, seq: int, status: str) -> None:
        self._db.conn.execute(
            "insert or ignore into dead_letter (op_id, type, body, verdict, wall_ms) "
            "select op_id, type, body, ?, wall_ms from ops where seq = ?",
            (status, seq),
        )
        self._db.conn.execute("delete from ops where seq = ?", (seq,))

    def _move_to_sent(self, seq: int, at_s: float) -> None:
        self._db.conn.execute(
            f"insert or replace into sent ({_COLUMNS}, answered_at) select {_COLUMNS}, ? from ops where seq = ?",  # noqa: S608 - ours
            (at_s, seq),
        )
        self._db.conn.execute("delete from ops where seq = ?", (seq,))

    def _remember_answered(self, answered: int, at_s: float) -> None:
        """And about once an hour when, by the cloud's clock: by that the old ones leave."""
        if answered == self._answered():
            return
        self._set_state("answered", answered)
        if not at_s:
            return  # a verdict of our own, which the cloud gave no time
        last = self._db.value("select answered_at from answered order by seq desc limit 1")
        if not isinstance(last, float) or not last <= at_s < last + MARK_EVERY_S:
            self._db.conn.execute("insert or replace into answered values (?, ?)", (answered, at_s))

    def _forget_old(self, at_s: float, at_most: int) -> None:
        conn, before_s = self._db.conn, at_s - KEEP_SENT_S
        conn.execute(
            "delete from sent where seq in (select seq from sent order by seq limit ?) and answered_at < ?",
            (at_most, before_s),
        )
        old = self._db.row("select seq from answered where answered_at < ? order by seq desc limit 1", before_s)
        if old is None:
            return
        conn.execute("delete from ops where seq in (select seq from ops where seq <= ? limit ?)", (old["seq"], at_most))
        if not self._db.row("select 1 from ops where seq <= ? limit 1", old["seq"]):
            conn.execute("delete from answered where seq <= ?", (old["seq"],))

    def _answered(self) -> int:
        """The number up to which all ops are answered."""
        return self._db.count("select cast(value as integer) from sync_state where key = 'answered'")

    def _hear(self, seen: int) -> None:
        self._set_state("heard", seen)

    def _set_state(self, key: str, value: object) -> None:
        self._db.conn.execute("insert or replace into sync_state values (?, ?)", (key, str(value)))

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
