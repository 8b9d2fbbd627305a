"""Who is here, and what they said: taps, stays, votes. Facts append; presence is folded from them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from uuid import uuid4

from appliance.clock import Clock
from appliance.errors import InputError, UnknownThing
from appliance.ids import new_id
from appliance.model import (
    NEUTRAL,
    Listener,
    PendingVote,
    Presence,
    ProfileId,
    TapDecision,
    TapOutcome,
    TapRead,
    TapResult,
    TapRules,
    Vector,
    VoteSource,
)
from appliance.store.cards import Card, Cards
from appliance.store.database import Database
from appliance.store.merges import Merges
from appliance.store.outbox import Outbox, boot_ms, wall_ms

LAST_TAP_VOTES_S = 30.0
STAY_S = 3600.0  # a vote renews a stay for as long as a tap does


class People:
    """Write functions for taps and votes, and the views over them."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._merges = Merges(db)
        self._cards = Cards(db)

    def record_tap(self, tap: TapRead, rules: TapRules, *, closing_s: float | None = None) -> TapResult:
        """Decide in, out or stay and store it with its op, in one transaction that is on disk when we return.

        closing_s: boot-clock second at which the room closes, or None. A tap id seen before changes nothing.
        """
        with self._db.write():
            if self._db.row("select 1 from taps where id = ?", tap.tap_id):
                return self._result(tap.tap_id)
            if tap.key_hash is None:
                self._insert_tap(tap, outcome="phone")
                return self._result(tap.tap_id)
            known = self._cards.known(tap)
            if self._cards.is_unproven(tap, known):
                self._insert_tap(tap, outcome="again")
                return self._result(tap.tap_id)
            profile_id, is_new = self._whose(tap, known, rules)
            stay = self._open_stay(profile_id)
            decision = rules.decide(
                stay.checked_in_s if stay else None,
                self._clock.boot_s() + stay.remaining_s if stay else None,
                now_s=tap.boot_ms / 1000,
                closing_s=closing_s,
                may_leave=not tap.lay_there,
            )
            session_id = self._apply(decision, tap, profile_id, stay)
            op_id = self._tap_op(decision, tap, profile_id, session_id)
            self._insert_tap(tap, decision.outcome, profile_id, session_id, is_new, op_id)
            return self._result(tap.tap_id)

    def tap_result(self, tap_id: str) -> TapResult | None:
        """What an earlier tap did, or None if it never arrived."""
        return self._result(tap_id) if self._db.row("select 1 from taps where id = ?", tap_id) else None

    def last_tap(self) -> tuple[TapResult, float] | None:
        """The newest tap of this boot, and how many seconds ago it was."""
        row = self._db.row(
            "select id, boot_ms from taps where boot_id = ? order by seq desc limit 1", self._clock.boot_id
        )
        if row is None:
            return None
        return self._result(row["id"]), self._clock.boot_s() - row["boot_ms"] / 1000

    def voter_at_screen(self) -> Listener | None:
        """Whoever tapped in here last, at most 30 s ago: the one the faces on the screen belong to."""
        last = self.last_tap()
        if last is None or last[1] > LAST_TAP_VOTES_S or last[0].outcome not in ("in", "stay"):
            return None
        return last[0].listener

    def record_vote(
        self,
        profile_id: str,
        song_id: str,
        vote_value: int,
        learnt_from: Vector,
        *,
        scene_id: str | None = None,
        shares: Sequence[tuple[str, float]] = (),
        source: VoteSource = "screen",
        closing_s: float | None = None,
    ) -> str:
        """Store one rating with its op; returns the vote's id. On disk when this returns.

        learnt_from: the embedding the taste moves by (the song's, or the mix's share-weighted mean).
        shares: (song_id, share 0 … 1) of the mix that sounded, empty when one song was rated.
        Also renews the voter's stay, up to `closing_s` (boot clock) if the room closes. Raises InputError for
        a value that is not 1 … 5, UnknownThing for a stranger.
        """
        if type(vote_value) is not int or not 1 <= vote_value <= 5:
            raise InputError(f"vote of {vote_value!r}: rate from 1 (no) to 5 (yes), whole numbers")
        with self._db.write() as conn:
            listener = self.listener(profile_id)
            if listener is None:
                raise UnknownThing(f"no listener {profile_id} here: tap in first")
            vote_id = new_id(wall_ms(self._clock))
            body = {
                "vote_id": vote_id,
                "profile_id": listener.id,
                "song_id": song_id,
                "vote_value": vote_value,
                "scene_id": scene_id,
                "scene": [{"song_id": song, "share": round(share, 4)} for song, share in shares],
                "source": source,
            }
            op_id = self._outbox.append("vote", body)
            conn.execute(
                "insert into votes (id, user_id, song_id, vote_value, scene_id, source, learnt_from, base_rev, "
                "boot_id, boot_ms, wall_ms, op_id, op_seq) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (select max(seq) from ops))",
                (vote_id, listener.id, song_id, vote_value, scene_id, source, json.dumps(learnt_from),
                 listener.taste_rev, self._clock.boot_id, boot_ms(self._clock), wall_ms(self._clock), op_id),
            )  # fmt: skip
            self._renew_stay(listener.id, closing_s)
            return vote_id

    def present(self) -> list[Presence]:
        """Everybody with an open stay in this room, once, longest here first, their newest votes beside them."""
        rows = self._db.rows(
            "select p.*, s.id as session_id, s.boot_id, s.checked_in_ms, s.expires_ms, s.checked_in_at, s.expires_at "
            "from sessions s join profiles p on p.id = s.user_id where s.status = 'active' order by s.rowid"
        )
        people: dict[str, Presence] = {}
        for row in rows:
            checked_in_s, remaining_s = self._times(row)
            known = people.get(row["id"])
            if remaining_s > (known.remaining_s if known else 0):
                people[row["id"]] = Presence(
                    listener=listener_of(row),
                    session_id=row["session_id"],
                    checked_in_s=checked_in_s,
                    remaining_s=remaining_s,
                    pending=self._pending_votes(row["id"], row["taste_rev"]),
                )
        return list(people.values())

    def here(self) -> int:
        return len({person.listener.id for person in self.present()})

    def newest_tap_seq(self) -> int:
        return self._db.count("select coalesce(max(seq), 0) from taps")

    def listener(self, profile_id: str) -> Listener | None:
        """Whoever that id stands for now, if we know them."""
        row = self._db.row("select * from profiles where id = ?", self._merges.resolve(profile_id))
        return None if row is None else listener_of(row)

    def close_passed_stays(self) -> int:
        """Mark stays whose time is up; every reader tests both, so this is only tidying."""
        now_ms, now_wall, boot = boot_ms(self._clock), self._clock.wall_s(), self._clock.boot_id
        passed = "status = 'active' and ((boot_id = ? and expires_ms <= ?) or (boot_id <> ? and expires_at <= ?))"
        args = (boot, now_ms, boot, now_wall)
        if not self._db.row(f"select 1 from sessions where {passed}", *args):  # noqa: S608 - our own constant
            return 0
        with self._db.write(durable=False) as conn:
            sql = f"update sessions set status = 'inactive' where {passed}"  # noqa: S608 - our own constant
            return conn.execute(sql, args).rowcount

    def _whose(self, tap: TapRead, known: Card | None, rules: TapRules) -> tuple[str, bool]:
        """The listener whose card this is, born now if there is none; and whether they are new."""
        if known is not None and self.listener(known.profile_id) is not None:
            self._cards.note(tap, known, self._outbox)
            return known.profile_id, False
        return self._enrol(tap, rules, known.profile_id if known else str(uuid4())), True

    def _enrol(self, tap: TapRead, rules: TapRules, profile_id: str) -> str:
        taken = frozenset(str(row[0]) for row in self._db.rows("select display_name from profiles"))
        name = rules.friendly_name(profile_id, taken)
        self._db.conn.execute(
            "insert into profiles (id, display_name, preference_vector) values (?, ?, ?)",
            (profile_id, name, json.dumps(NEUTRAL)),
        )
        self._cards.enrol(tap, profile_id, name, self._outbox)
        return profile_id

    def _times(self, stay: sqlite3.Row) -> tuple[float, float]:
        """When it began, in seconds of this boot's clock, and how many seconds are left. What was written in an
        earlier boot can only be told by the wall clock."""
        if stay["boot_id"] == self._clock.boot_id:
            return stay["checked_in_ms"] / 1000, stay["expires_ms"] / 1000 - self._clock.boot_s()
        ago_s = self._clock.wall_s() - stay["checked_in_at"]
        return self._clock.boot_s() - ago_s, stay["expires_at"] - self._clock.wall_s()

    def _open_stay(self, profile_id: str) -> Presence | None:
        return next((person for person in self.present() if person.listener.id == profile_id), None)

    def _apply(self, decision: TapDecision, tap: TapRead, profile_id: str, stay: Presence | None) -> str:
        expires_at = tap.wall_ms / 1000 + decision.expires_s - tap.boot_ms / 1000
        if stay is None:
            return self._begin_stay(tap, profile_id, decision.expires_s, expires_at)
        if decision.outcome == "out":
            self._db.conn.execute(
                "update sessions set status = 'inactive' where user_id = ? and status = 'active'", (profile_id,)
            )
        else:
            self._extend_stay(stay, decision.expires_s, expires_at)
        return stay.session_id

    def _begin_stay(self, tap: TapRead, profile_id: str, expires_s: float, expires_at: float) -> str:
        session_id = new_id(tap.wall_ms)
        self._db.conn.execute(
            "insert into sessions (id, user_id, boot_id, checked_in_ms, expires_ms, checked_in_at, expires_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            (session_id, profile_id, self._clock.boot_id, tap.boot_ms, round(expires_s * 1000),
             tap.wall_ms / 1000, expires_at),
        )  # fmt: skip
        return session_id

    def _extend_stay(self, stay: Presence, expires_s: float, expires_at: float) -> None:
        """Both of its boot times move to this boot together: one alone would mean nothing."""
        self._db.conn.execute(
            "update sessions set boot_id = ?, checked_in_ms = ?, expires_ms = ?, expires_at = ? where id = ?",
            (self._clock.boot_id, round(stay.checked_in_s * 1000), round(expires_s * 1000), expires_at,
             stay.session_id),
        )  # fmt: skip

    def _renew_stay(self, profile_id: str, closing_s: float | None) -> None:
        stay, now_s = self._open_stay(profile_id), self._clock.boot_s()
        if stay is not None:
            until_s = now_s + STAY_S if closing_s is None else min(now_s + STAY_S, max(closing_s, now_s))
            self._extend_stay(stay, until_s, self._clock.wall_s() + until_s - now_s)

    def _tap_op(self, decision: TapDecision, tap: TapRead, profile_id: str, session_id: str) -> str:
        body: dict[str, object] = {"tap_id": tap.tap_id, "session_id": session_id, "profile_id": profile_id}
        if decision.outcome == "out":
            return self._outbox.append("checkout", body)
        body["expires_in_s"] = round(decision.expires_s - tap.boot_ms / 1000, 3)
        return self._outbox.append("checkin", body)

    def _insert_tap(
        self,
        tap: TapRead,
        outcome: TapOutcome,
        profile_id: str | None = None,
        session_id: str | None = None,
        is_new: bool = False,
        op_id: str | None = None,
    ) -> None:
        self._db.conn.execute(
            "insert into taps (id, outcome, profile_id, session_id, new_listener, boot_id, boot_ms, wall_ms, op_id) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (tap.tap_id, outcome, profile_id, session_id, int(is_new), self._clock.boot_id, tap.boot_ms,
             tap.wall_ms, op_id),
        )  # fmt: skip

    def _result(self, tap_id: str) -> TapResult:
        row = self._db.row("select * from taps where id = ?", tap_id)
        assert row is not None
        return TapResult(
            tap_id=tap_id,
            outcome=row["outcome"],
            listener=self.listener(row["profile_id"]) if row["profile_id"] else None,
            new_listener=bool(row["new_listener"]),
            here=self.here(),
        )

    def _pending_votes(self, profile_id: str, taste_rev: int) -> tuple[PendingVote, ...]:
        """Votes made here that the pulled taste cannot hold yet: not pushed, or pushed since that pull."""
        rows = self._db.rows(
            "select v.learnt_from, v.vote_value from votes v left join outbox o on o.seq = v.op_seq "
            "left join dead_letter d on d.op_id = v.op_id "
            "where v.user_id = ? and d.op_id is null and (o.seq is not null or v.base_rev >= ?) order by v.seq",
            profile_id,
            taste_rev,
        )
        return tuple(PendingVote(tuple(json.loads(row[0])), row[1]) for row in rows)


def listener_of(row: sqlite3.Row) -> Listener:
    """A row of `profiles` as a value."""
    return Listener(
        id=ProfileId(row["id"]),
        display_name=row["display_name"],
        preference_vector=tuple(json.loads(row["preference_vector"])),
        taste_state=json.loads(row["taste_state"]) if row["taste_state"] else None,
        taste_rev=row["taste_rev"],
    )
