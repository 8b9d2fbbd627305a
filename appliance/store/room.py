"""What is wanted in this room: the queue, staff's rules, and the hands on the faders."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from appliance.clock import Clock
from appliance.errors import InputError
from appliance.model import Control, Fader, Queue, QueueEntry, Rule, Solo
from appliance.store.confirmation import Confirmations
from appliance.store.database import Database
from appliance.store.library import is_local
from appliance.store.outbox import Outbox, boot_ms
from appliance.store.rules import Rules
from mixer.scene import SongId

LOUDEST_DB = 24.0  # as the mixer has it


class Room:
    """Desired state. Nobody edits the queue by hand: rules are set, and the queue follows."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox, confirmations: Confirmations) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._confirmations = confirmations
        self._rules = Rules(db, clock)

    def queue(self) -> Queue:
        rows = self._db.rows("select song_id, position from player_queue order by position")
        mark = self._state("queue")
        if mark is None:
            return Queue()
        entries = tuple(QueueEntry(SongId(row["song_id"]), row["position"]) for row in rows)
        said = self._confirmations.latest(mark)
        if said is not None:
            return Queue(entries, mark["source"], said.rev, self._clock.boot_s() - said.boot_s)
        fresh = mark["boot_id"] == self._clock.boot_id
        age_s = self._clock.boot_s() - mark["boot_s"] if fresh else float("inf")
        return Queue(entries, mark["source"], mark["rev"], age_s)

    def replace_queue(self, song_ids: Sequence[str], *, rev: str, source: Literal["cloud", "local"] = "cloud") -> bool:
        """Swap the whole queue; False when it is the same list from the same hand. Lists are never merged."""
        current = self.queue()
        if [entry.song_id for entry in current.entries] == list(song_ids) and current.source == source:
            self.confirm_queue(rev)
            return False
        with self._db.write(durable=False) as conn:
            conn.execute("delete from player_queue")
            conn.executemany(
                "insert into player_queue (position, song_id) values (?, ?)",
                list(enumerate(song_ids, start=1)),
            )
            self._set_state("queue", self._queue_mark(source, rev))
        return True

    def confirm_queue(self, rev: str | None = None) -> None:
        """The cloud says the stored queue still holds (under a new name, maybe): it is young again."""
        mark = self._state("queue")
        if mark is not None and mark["source"] == "cloud":
            self._confirmations.note(mark, self.queue().rev if rev is None else rev)

    def rules(self) -> list[Rule]:
        """Staff's rules that hold now."""
        return [rule for rule in map(self._rules.read, self._db.rows("select * from queue_rules")) if self._holds(rule)]

    def set_rule(self, rule: Rule) -> None:
        """Set, or (with `until_s` in the past) lift, a rule; on disk when this returns. Of a file that is only here the
        cloud is not told: it would refuse the rule."""
        with self._db.write():
            self._rules.put(rule)
            if not is_local(self._db, rule.song_id):
                self._outbox.append("rule", asdict(rule))

    def say(self, song_id: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Make these all the rules there are on one song: what else holds is lifted. Returns what held before, with
        which the same call takes it back. Whoever sends a song away no longer listens to it alone."""
        with self._db.write():
            before = tuple(rule for rule in self.rules() if rule.song_id == song_id)
            wanted = {rule.kind: rule for rule in rules}
            lifted = [replace(rule, until_s=self._clock.wall_s() - 1) for rule in before if rule.kind not in wanted]
            for rule in (*lifted, *wanted.values()):
                if rule not in before:
                    self.set_rule(rule)
            solo = self.control().solo
            if solo is not None and solo.song_id == song_id and wanted.keys() & {"skip", "ban"}:
                self.end_solo()
        return before

    def end_calls(self, song_ids: Collection[str]) -> None:
        """These songs have played: who called for them once has been answered."""
        answered = [rule for rule in self.rules() if rule.calls and rule.song_id in song_ids]
        if answered:
            with self._db.write():
                for rule in answered:
                    self.set_rule(replace(rule, until_s=self._clock.wall_s() - 1))

    def _holds(self, rule: Rule) -> bool:
        return rule.until_s is None or rule.until_s > self._clock.wall_s()

    def control(self) -> Control:
        row = self._db.row("select value from control where key = 'room'")
        if row is None:
            return Control()
        stored: dict[str, Any] = json.loads(row["value"])
        stored["faders"] = tuple(Fader(**fader) for fader in stored["faders"])
        stored["solo"] = self._still_alone(stored.get("solo"))
        return Control(**stored)

    def set_control(self, control: Control) -> None:
        """Write the whole desired state; on disk when this returns. Raises InputError for a level that is none."""
        _check_levels(control)
        with self._db.write() as conn:
            conn.execute("insert or replace into control values ('room', ?)", (json.dumps(asdict(control)),))

    def set_master(self, *, gain_db: float | None = None, mute: bool | None = None, hush: bool | None = None) -> None:
        """Move one hand of the master; the others stay where they are."""
        with self._db.write():
            now = self.control()
            self.set_control(
                replace(
                    now,
                    master_db=now.master_db if gain_db is None else gain_db,
                    mute=now.mute if mute is None else mute,
                    hush=now.hush if hush is None else hush,
                )
            )

    def hold_fader(self, fader: Fader) -> None:
        """Put a hand on one layer: compose leaves it alone until it is let go or the song leaves."""
        with self._db.write():
            now = self.control()
            others = tuple(held for held in now.faders if held.song_id != fader.song_id)
            self.set_control(replace(now, faders=(*others, fader)))

    def release_faders(self, song_ids: Sequence[str]) -> None:
        with self._db.write():
            now = self.control()
            kept = tuple(held for held in now.faders if held.song_id not in song_ids)
            if kept != now.faders:
                self.set_control(replace(now, faders=kept))

    def solo(self, song_id: str, for_s: float) -> None:
        """Let one layer be heard alone for so long, in place of whichever was; its own mute would be silence, and
        ends."""
        alone = Solo(SongId(song_id), boot_ms(self._clock) + round(for_s * 1000), self._clock.boot_id)
        with self._db.write():
            now = self.control()
            heard = [replace(held, muted=False) if held.song_id == song_id else held for held in now.faders]
            faders = tuple(held for held in heard if held.muted or held.gain_db is not None)
            self.set_control(replace(now, faders=faders, solo=alone))

    def end_solo(self) -> None:
        with self._db.write():
            now = self.control()
            if now.solo is not None:
                self.set_control(replace(now, solo=None))

    def setting(self, key: str) -> Any:
        """A setting of the room as the cloud last said it, or None."""
        value = self._db.value("select value from settings where key = ?", key)
        return None if value is None else json.loads(str(value))

    def _still_alone(self, stored: dict[str, Any] | None) -> Solo | None:
        """A solo ends by itself, with its time or with the boot it was begun in."""
        solo = None if stored is None else Solo(**stored)
        if solo is None or solo.boot_id != self._clock.boot_id or solo.until_ms <= boot_ms(self._clock):
            return None
        return solo

    def _queue_mark(self, source: str, rev: str) -> dict[str, Any]:
        return {"source": source, "rev": rev, "boot_id": self._clock.boot_id, "boot_s": self._clock.boot_s()}

    def _state(self, key: str) -> dict[str, Any] | None:
        value = self._db.value("select value from sync_state where key = ?", key)
        return None if value is None else dict(json.loads(str(value)))

    def _set_state(self, key: str, value: dict[str, Any]) -> None:
        self._db.conn.execute("insert or replace into sync_state values (?, ?)", (key, json.dumps(value)))


def _check_levels(control: Control) -> None:
    """What no engine takes must not be wanted, or the player would stumble over it at every look."""
    levels = {"the master": control.master_db} | {f"the fader of song {f.song_id}": f.gain_db for f in control.faders}
    for whose, gain_db in levels.items():
        if gain_db is not None and not (math.isfinite(gain_db) and gain_db <= LOUDEST_DB):
            raise InputError(f"{whose} at {gain_db} dB: give a level up to {LOUDEST_DB:g} dB")
