"""What sounded here, when and why: the scene log and the plays.

Both are noted in the runtime directory as they happen, where every process reads them, and written to the card together
now and then: a page of the card costs 4 KiB however little is on it, and a file system its journal beside it. A crash
loses nothing; a power cut may take what was not written yet, which no person ever gave us.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any
from uuid import UUID, uuid4, uuid5

from appliance.clock import Clock
from appliance.errors import StoreDamaged, TransientError
from appliance.ids import new_id
from appliance.model import SceneRow
from appliance.runtime import Runtime
from appliance.store.database import Database
from appliance.store.library import is_local
from appliance.store.outbox import Outbox, boot_ms, wall_ms

KEEP_SCENES = 20_000
LEAF_SCENES = 32  # so that no reader unfolds much at once
MOST_NOTED = 128  # beyond that they are written at once, or let go where the disk refuses
PATIENCE_S = 600.0  # at most so long a note waits for its page
SOUNDED_WITHIN_MS = 60_000
PLAYED_AFTER_MS = 10_000
LOOK_BACK = 200

# Who dies between writing the notes down and forgetting them writes the same ones again, and none between.
_AMONG_THE_LAST = "select 1 from (select id from songs_playing order by seq desc limit ?) where id = ?"
_HEARD = (
    "insert into heard values (?, ?, ?) on conflict (song_id) do update set "
    "first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)"
)

SCENES, PLAYS = "scenes", "plays"

Note = Mapping[str, Any]


class Scenes:
    """The room's memory of its own sound. Only the player notes and writes down; every process reads."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox, runtime: Runtime) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._runtime = runtime
        self._noted = 0
        self._noted_since_s = 0.0
        self._noted_seq = 0

    def record(self, layers: Sequence[Note], *, taps_seen: int, cause: Note) -> str:
        """Note a scene as it was applied; returns its id."""
        scene_id, seq = str(uuid4()), (self._noted_seq or self.newest_seq()) + 1
        self._note(
            SCENES,
            {"seq": seq, "id": scene_id, "layers": list(layers), "taps_seen": taps_seen,
             "cause": dict(cause)},
        )  # fmt: skip
        self._noted_seq = seq
        if self._db.bell:
            self._db.bell.ring()
        return scene_id

    def note_play(self, song_id: str, audible_s: float) -> str:
        """Note that a layer has been audible for `audible_s` (≥ 10 s): a play, from when it began; returns its id."""
        play_id = new_id(wall_ms(self._clock))
        self._note(PLAYS, {"play_id": play_id, "song_id": song_id}, ago_ms=round(audible_s * 1000))
        return play_id

    def note_play_end(self, play_id: str, seconds: float) -> None:
        """Note how long that play was heard."""
        self._note(PLAYS, {"play_id": play_id, "seconds": seconds})

    @property
    def waiting_s(self) -> float:
        """How long the oldest of our notes has waited to be written down; 0 when there are none."""
        return self._clock.boot_s() - self._noted_since_s if self._noted else 0.0

    def write_down(self) -> None:
        """Put on the card, in one transaction that is there when this returns, what was noted, also by a player that
        died: a kernel that is told to spare the card would keep it for as long again.

        Raises as `Database.write`; then it stays noted. Killed in between, it is not written twice.
        """
        scenes, plays = self._unwritten(), self._runtime.notes(PLAYS)
        if scenes or plays:
            with self._db.write() as conn:
                for leaf in _leaves(scenes):
                    last = leaf[-1]
                    conn.execute(
                        "insert into scene_leaves (seq, scenes, boot_id, boot_ms, wall_ms, body) "
                        "values (?, ?, ?, ?, ?, ?)",
                        (last["seq"], len(leaf), last["boot_id"], last["boot_ms"], last["wall_ms"], _fold(leaf)),
                    )
                conn.execute("delete from scene_leaves where seq <= ?", (self._stored_seq() - KEEP_SCENES,))
                for note in plays:
                    self._write_play(note)
        for subject in (SCENES, PLAYS):
            self._runtime.forget(subject)
        self._noted = self._noted_seq = 0

    def latest(self) -> SceneRow | None:
        return next((_scene(row) for row in self._newest_first()), None)

    def since(self, seq: int) -> list[SceneRow]:
        """The scenes after that one, oldest first."""
        noted = self._unwritten()
        leaves = self._db.rows("select seq, body from scene_leaves where seq > ? order by seq", seq)
        stored = [row for leaf in leaves for row in _unfold(leaf["body"]) if row["seq"] > seq]
        stored_seq = leaves[-1]["seq"] if leaves else seq  # the notes may have been written down meanwhile
        return [_scene(row) for row in [*stored, *(row for row in noted if row["seq"] > stored_seq)]]

    def newest_seq(self) -> int:
        noted = self._unwritten()
        return int(noted[-1]["seq"]) if noted else self._stored_seq()

    def sounded(self, song_id: str, at_wall_ms: int) -> bool:
        """Did that song sound here within the minute before `at_wall_ms`?

        That moment is told as so long ago from now, so that a clock set since does not matter in this boot. Of the
        last minutes before a power cut nothing may be known: then the voter is believed.
        """
        ago_ms, newer_boot = wall_ms(self._clock) - at_wall_ms, self._clock.boot_id
        believed = False
        for row in islice(self._newest_first(), LOOK_BACK):
            after_ms = self._age_ms(row) - ago_ms  # how long before that moment the scene began
            if after_ms >= 0:
                if any(layer["song_id"] == song_id for layer in row["layers"]):
                    return True
                believed |= row["boot_id"] != newer_boot and after_ms <= PATIENCE_S * 1000
                if believed or after_ms > SOUNDED_WITHIN_MS:
                    return believed
            newer_boot = row["boot_id"]
        return False

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

    def begin_play(self, song_id: str, audible_s: float, *, play_id: str | None = None) -> str:
        """Write down a play that began `audible_s` ago, unless it is there already; returns its id.

        The cloud hears of its own songs only: of one that a person put here it would refuse every play.
        """
        play_id = play_id or new_id(wall_ms(self._clock))
        with self._db.write(durable=False) as conn:
            if not self._db.row(_AMONG_THE_LAST, 2 * MOST_NOTED, play_id):
                body = {"play_id": play_id, "song_id": song_id, "audible_s": round(audible_s, 3)}
                op_id = "" if is_local(self._db, song_id) else self._outbox.append("play", body)
                ago_ms = round(audible_s * 1000)
                began_ms = wall_ms(self._clock) - ago_ms
                conn.execute(
                    "insert into songs_playing (id, song_id, boot_id, boot_ms, wall_ms, op_id) "
                    "values (?, ?, ?, ?, ?, ?)",
                    (play_id, song_id, self._clock.boot_id, boot_ms(self._clock) - ago_ms,
                     began_ms, op_id),
                )  # fmt: skip
                conn.execute(_HEARD, (song_id, began_ms, began_ms))
        return play_id

    def end_play(self, play_id: str, seconds: float) -> None:
        """Close a play with how long it was heard; one that is closed stays as it is."""
        with self._db.write(durable=False) as conn:
            play = self._db.row("select op_id from songs_playing where id = ? and seconds is null", play_id)
            if play is None:
                return
            conn.execute("update songs_playing set seconds = ? where id = ?", (round(seconds, 1), play_id))
            if play["op_id"]:
                self._outbox.append("play_end", {"play_id": play_id, "seconds": round(seconds, 1)})

    def close_open_plays(self, alive_s: float | None = None) -> int:
        """After a crash: what was noted is written down, and plays that nobody closed end with the last sign of life
        we know of; how many there were.

        alive_s: boot-clock second of such a sign in this boot. Without one it is the last scene of the play's boot.
        """
        self.write_down()
        open_plays = self._db.rows("select id, boot_id, boot_ms from songs_playing where seconds is null")
        if not open_plays:
            return 0
        ends_ms = dict(map(tuple, self._db.rows("select boot_id, max(boot_ms) from scene_leaves group by boot_id")))
        if alive_s is not None:
            ends_ms[self._clock.boot_id] = round(alive_s * 1000)
        with self._db.write(durable=False):
            for play in open_plays:
                heard_ms = max(ends_ms.get(play["boot_id"], 0) - play["boot_ms"], PLAYED_AFTER_MS)
                self.end_play(play["id"], heard_ms / 1000)
        return len(open_plays)

    def _note(self, subject: str, what: Note, ago_ms: int = 0) -> None:
        if self._noted >= MOST_NOTED:
            self._make_room()
        if not self._noted:
            self._noted_since_s = self._clock.boot_s()
        when = {"boot_id": self._clock.boot_id, "boot_ms": boot_ms(self._clock) - ago_ms,
                "wall_ms": wall_ms(self._clock) - ago_ms}  # fmt: skip
        self._runtime.note(subject, when | dict(what))
        self._noted += 1

    def _make_room(self) -> None:
        try:
            self.write_down()
        except StoreDamaged:
            raise
        except TransientError:
            self._runtime.forget(SCENES)
            self._runtime.forget(PLAYS)
            self._noted = 0

    def _unwritten(self) -> list[dict[str, Any]]:
        """Scenes that are noted only. The notes are read first: whoever writes them down meanwhile hides none."""
        noted = self._runtime.notes(SCENES)
        stored_seq = self._stored_seq() if noted else 0
        return [row for row in noted if row["seq"] > stored_seq]

    def _stored_seq(self) -> int:
        return self._db.count("select coalesce(max(seq), 0) from scene_leaves")

    def _newest_first(self) -> Iterator[dict[str, Any]]:
        noted = self._unwritten()
        yield from reversed(noted)
        before = noted[0]["seq"] if noted else 1 << 62
        while leaf := self._db.row(
            "select seq, scenes, body from scene_leaves where seq < ? order by seq desc limit 1", before
        ):
            yield from reversed(_unfold(leaf["body"]))
            before = leaf["seq"]

    def _age_ms(self, note: Note) -> int:
        if note["boot_id"] == self._clock.boot_id:
            return boot_ms(self._clock) - int(note["boot_ms"])
        return wall_ms(self._clock) - int(note["wall_ms"])

    def _write_play(self, note: Note) -> None:
        if "seconds" in note:
            self.end_play(note["play_id"], note["seconds"])
        else:
            self.begin_play(note["song_id"], max(self._age_ms(note), 0) / 1000, play_id=note["play_id"])


def _leaves(scenes: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """At most so many a leaf, and of one boot each."""
    for _, of_boot in groupby(scenes, key=lambda scene: scene["boot_id"]):
        while leaf := list(islice(of_boot, LEAF_SCENES)):
            yield leaf


def _fold(scenes: Iterable[Note]) -> bytes:
    """One scene is nearly the next: together they shrink to a tenth."""
    return zlib.compress(json.dumps(list(scenes), separators=(",", ":")).encode())


def _unfold(body: bytes) -> list[dict[str, Any]]:
    """A leaf that a damaged card left torn is left out."""
    try:
        scenes = json.loads(zlib.decompress(body))
    except (zlib.error, ValueError, RecursionError):
        return []
    return scenes if isinstance(scenes, list) else []


def _scene(row: Note) -> SceneRow:
    return SceneRow(
        id=row["id"],
        boot_id=row["boot_id"],
        boot_ms=row["boot_ms"],
        wall_ms=row["wall_ms"],
        layers=tuple(row["layers"]),
        taps_seen=row["taps_seen"],
        cause=row["cause"],
    )
