"""Whose history this is: handed over to a web profile, joined with another of theirs, or forgotten."""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256

from appliance.audience import joined_taste
from appliance.clock import Clock
from appliance.errors import InputError, UnknownThing
from appliance.model import Listener
from appliance.store.database import Database
from appliance.store.merges import Merges
from appliance.store.outbox import Outbox
from appliance.store.people import listener_of

TOKEN_BYTES = 16
CODE = re.compile(r"[0-9]{6}", re.ASCII)


def checked_code(code: str) -> str:
    """The code as it is. Raises InputError for what cannot be one."""
    if not CODE.fullmatch(code):
        raise InputError("the code is the six digits that the phone's page shows")
    return code


class Identity:
    """Writes what a listener asks for about themselves, each with its op, in one transaction."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._merges = Merges(db)

    def offer(self, profile_id: str) -> str:
        """Offer this listener's history to whoever shows the token returned to the cloud, once and within ten minutes.

        Asks nobody: until the cloud hears of it, whoever claims it waits there. Raises UnknownThing for a stranger.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._db.write():
            self._known(profile_id)
            body = {"profile_id": profile_id, "token_hash": sha256(token.encode()).hexdigest()}
            self._outbox.append("link", body)
        return token

    def link(self, profile_id: str, code: str) -> str:
        """Ask the cloud to give this listener's history to the web profile that was shown this six-digit code.

        Returns the op's id. Raises InputError for what is no such code, UnknownThing for a stranger.
        """
        checked_code(code)
        with self._db.write():
            self._known(profile_id)
            return self._outbox.append("link", {"profile_id": profile_id, "code": code})

    def take_answer(self, op_id: str) -> str | None:
        """What the cloud said to a typed code: "" for yes, else why not; None while it has not said anything.

        A refusal is told to the person once and is no fact that staff must see to, so it is not kept.
        """
        if self._db.row("select 1 from outbox where op_id = ?", op_id):
            return None
        verdict = self._db.value("select verdict from dead_letter where op_id = ?", op_id)
        if verdict is None:
            return ""
        with self._db.write(durable=False) as conn:
            conn.execute("delete from dead_letter where op_id = ?", (op_id,))
        return str(verdict).removeprefix("rejected:")

    def merge(self, profile_id: str, into_id: str) -> str:
        """Two profiles are one person: what the first has is the second's from now on, cards, stays, votes and taste.

        Returns the op's id. Raises InputError when they are one already, UnknownThing for a stranger.
        """
        with self._db.write():
            away, stays = self._known(self._merges.resolve(profile_id)), self._known(self._merges.resolve(into_id))
            if away.id == stays.id:
                raise InputError(f"both cards are {stays.display_name}'s already")
            self._set_taste(away, stays)
            self._merges.join(away.id, stays.id)
            return self._outbox.append("merge", {"profile_id": away.id, "into_id": stays.id})

    def forget(self, profile_id: str) -> str:
        """Remove every row that tells of this listener, also what was about to be sent; returns the receipt.

        The receipt is the id of the op that asks the cloud to do the same. The card is a stranger's afterwards.
        Raises UnknownThing for a stranger.
        """
        with self._db.write():
            self._known(profile_id)
            for part in self._merges.parts_of(profile_id):  # the cloud may not have heard that they are one
                self._remove(part)
                self._outbox.append("forget", {"profile_id": part})
            self._remove(profile_id)
            return self._outbox.append("forget", {"profile_id": profile_id})

    def _remove(self, profile_id: str) -> None:
        conn = self._db.conn
        for table, column in (("votes", "user_id"), ("taps", "profile_id"), ("sessions", "user_id"),
                              ("tags", "profile_id"), ("profiles", "id"), ("merges", "profile_id")):  # fmt: skip
            conn.execute(f"delete from {table} where {column} = ?", (profile_id,))  # noqa: S608 - names above
        for table in ("ops", "sent", "dead_letter"):
            conn.execute(
                f"delete from {table} where json_valid(body) "  # noqa: S608 - names above
                "and json_extract(body, '$.profile_id') = ?",
                (profile_id,),
            )

    def _set_taste(self, away: Listener, stays: Listener) -> None:
        taste = joined_taste(away, stays).to_dict()
        self._db.conn.execute(
            "update profiles set preference_vector = ?, taste_state = ?, taste_rev = ? where id = ?",
            (json.dumps(taste["preference_vector"]), json.dumps(taste), max(away.taste_rev, stays.taste_rev), stays.id),
        )

    def _known(self, profile_id: str) -> Listener:
        row = self._db.row("select * from profiles where id = ?", profile_id)
        if row is None:
            raise UnknownThing(f"no listener {profile_id} here: tap in first")
        return listener_of(row)
