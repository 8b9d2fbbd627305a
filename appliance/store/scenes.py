"""What sounded here, when and why: the scene log and the plays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4, uuid5

from appliance.clock import Clock
from appliance.model import LOCAL, SceneRow
from appliance.store.database import Database
from appliance.store.outbox import Outbox, boot_ms, wall_ms

KEEP_SCENES = 20_000
SOUNDED_WITHIN_MS = 60_000
PLAYED_AFTER_MS = 10_000


class Scenes:
    """The room's memory of its own sound."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox

    def record(self, layers: Sequence[Mapping[str, Any]], *, taps_seen: int, cause: Mapping[str, Any]) -> str:
        """Log a scene as it was applied; returns its id."""
        scene_id = str(uuid4())
        with self._db.write(durable=False) as conn:
            seq = self._db.count("select coalesce(max(seq), 0) + 1 from scenes")
            conn.execute(
                "insert into scenes (id, seq, boot_id, boot_ms, wall_ms, layers, taps_seen, cause) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (scene_id, seq, self._clock.boot_id, boot_ms(self._clock), wall_ms(self._clock),
                 json.dumps(list(layers)), taps_seen, json.dumps(dict(cause))),
            )  # fmt: skip
            conn.execute("delete from scenes where seq <= ?", (seq - KEEP_SCENES,))
        return scene_id

    def latest(self) -> SceneRow | None:
        row = self._db.row("select * from scenes order by seq desc limit 1")
        return None if row is None else _scene(row)

    def since(self, seq: int) -> list[SceneRow]:
        return [_scene(row) for row in self._db.rows("select * from scenes where seq > ? order by seq", seq)]

    def newest_seq(self) -> int:
        return self._db.count("select coalesce(max(seq), 0) from scenes")

    def sounded(self, song_id: str, at_wall_ms: int) -> bool:
        """Did that song sound here within the minute before `at_wall_ms`?

        That moment is told as so long ago from now, so that a clock set since does not matter in this boot.
        """
        ago_ms = wall_ms(self._clock) - at_wall_ms
        rows = self._db.rows("select layers, boot_id, boot_ms, wall_ms from scenes order by seq desc limit 200")
        for row in rows:
            after_ms = self._age_ms(row) - ago_ms  # how long before that moment the scene began
            if after_ms < 0:
                continue
            if any(layer["song_id"] == song_id for layer in json.loads(row["layers"])):
                return True
            if after_ms > SOUNDED_WITHIN_MS:
                return False
        return False

    def _age_ms(self, scene: sqlite3.Row) -> int:
        if scene["boot_id"] == self._clock.boot_id:
            return boot_ms(self._clock) - int(scene["boot_ms"])
        return wall_ms(self._clock) - int(scene["wall_ms"])

    def settle_held_votes(self, cloud_ahead_s: float = 0.0) -> int:
        """Answer the votes that the cloud could not judge: each gets its op and leaves; how many there were.

        cloud_ahead_s: how far the cloud's clock is ahead of ours. The op's id follows from the vote's, so a
        vote that is asked for twice is answered once.
        """
        held = self._db.rows("select vote_id, song_id, vote_time from held_votes")
        for vote in held:
            at_wall_ms = round((vote["vote_time"] - cloud_ahead_s) * 1000)
            body = {"vote_id": vote["vote_id"], "sounded": self.sounded(vote["song_id"], at_wall_ms)}
            op_id = str(uuid5(UUID(vote["vote_id"]), "settle"))
            with self._db.write() as conn:
                if not self._db.row("select 1 from outbox where op_id = ?", op_id):
                    self._outbox.append("settle", body, op_id=op_id)
                conn.execute("delete from held_votes where vote_id = ?", (vote["vote_id"],))
        return len(held)

    def begin_play(self, song_id: str, audible_s: float) -> str:
        """A layer has been audible for `audible_s` (≥ 10 s): a play, from when it began. On disk on return.

        The cloud hears of its own songs only: of one that a person put here it would refuse every play.
        """
        play_id = str(uuid4())
        with self._db.write() as conn:
            body = {"play_id": play_id, "song_id": song_id, "audible_s": round(audible_s, 3)}
            op_id = "" if self._is_local(song_id) else self._outbox.append("play", body)
            ago_ms = round(audible_s * 1000)
            conn.execute(
                "insert into songs_playing (id, song_id, boot_id, boot_ms, wall_ms, op_id) values (?, ?, ?, ?, ?, ?)",
                (play_id, song_id, self._clock.boot_id, boot_ms(self._clock) - ago_ms,
                 wall_ms(self._clock) - ago_ms, op_id),
            )  # fmt: skip
        return play_id

    def end_play(self, play_id: str, seconds: float) -> None:
        """Close a play with how long it was heard."""
        with self._db.write() as conn:
            conn.execute("update songs_playing set seconds = ? where id = ?", (round(seconds, 1), play_id))
            if self._db.value("select op_id from songs_playing where id = ?", play_id):
                self._outbox.append("play_end", {"play_id": play_id, "seconds": round(seconds, 1)})

    def _is_local(self, song_id: str) -> bool:
        return bool(self._db.value(f"select file_url like '{LOCAL}%' from songs where id = ?", song_id))  # noqa: S608

    def close_open_plays(self, alive_s: float | None = None) -> int:
        """After a crash: plays that nobody closed end with the last sign of life we know of; how many there were.

        alive_s: boot-clock second of such a sign in this boot. Without one it is the last scene of the play's boot.
        """
        open_plays = self._db.rows("select id, boot_id, boot_ms from songs_playing where seconds is null")
        if not open_plays:
            return 0
        ends_ms = dict(map(tuple, self._db.rows("select boot_id, max(boot_ms) from scenes group by boot_id")))
        if alive_s is not None:
            ends_ms[self._clock.boot_id] = round(alive_s * 1000)
        with self._db.write():
            for play in open_plays:
                heard_ms = max(ends_ms.get(play["boot_id"], 0) - play["boot_ms"], PLAYED_AFTER_MS)
                self.end_play(play["id"], heard_ms / 1000)
        return len(open_plays)


def _scene(row: sqlite3.Row) -> SceneRow:
    return SceneRow(
        id=row["id"],
        boot_id=row["boot_id"],
        boot_ms=row["boot_ms"],
        wall_ms=row["wall_ms"],
        layers=tuple(json.loads(row["layers"])),
        taps_seen=row["taps_seen"],
        cause=json.loads(row["cause"]),
    )
