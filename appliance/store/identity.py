"""Whose history this is: handed over to a web profile, or forgotten."""

from __future__ import annotations

import re

from appliance.clock import Clock
from appliance.errors import InputError, UnknownThing
from appliance.store.database import Database
from appliance.store.outbox import Outbox

CODE = re.compile(r"[0-9]{6}", re.ASCII)


class Identity:
    """Writes what a listener asks for about themselves, each with its op, in one transaction."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox

    def link(self, profile_id: str, code: str) -> str:
        """Ask the cloud to give this listener's history to the web profile that was shown this six-digit code.

        Returns the op's id. Raises InputError for what is no such code, UnknownThing for a stranger.
        """
        if not CODE.fullmatch(code):
            raise InputError("the code is the six digits that the phone's page shows")
        with self._db.write():
            self._must_be_known(profile_id)
            return self._outbox.append("link", {"profile_id": profile_id, "code": code})

    def forget(self, profile_id: str) -> str:
        """Remove every row that tells of this listener, also what was about to be sent; returns the receipt.

        The receipt is the id of the op that asks the cloud to do the same. The card is a stranger's afterwards.
        Raises UnknownThing for a stranger.
        """
        with self._db.write() as conn:
            self._must_be_known(profile_id)
            for table, column in (("votes", "user_id"), ("taps", "profile_id"), ("sessions", "user_id"),
                                  ("tags", "profile_id"), ("profiles", "id")):  # fmt: skip
                conn.execute(f"delete from {table} where {column} = ?", (profile_id,))  # noqa: S608 - names above
            for table in ("outbox", "sent", "dead_letter"):
                conn.execute(
                    f"delete from {table} where json_valid(body) "  # noqa: S608 - names above
                    "and json_extract(body, '$.profile_id') = ?",
                    (profile_id,),
                )
            return self._outbox.append("forget", {"profile_id": profile_id})

    def _must_be_known(self, profile_id: str) -> None:
        if self._db.row("select 1 from profiles where id = ?", profile_id) is None:
            raise UnknownThing(f"no listener {profile_id} here: tap in first")
