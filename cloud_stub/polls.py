"""The player API's memory: tokens and ready answers of every box that speaks to us, and when it last did.

An entry is dropped when its player changes, here or in another copy of the server, and read again when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Scope

from cloud_stub.database import Database, Row, Tx
from cloud_stub.links import signed_path, step_of
from cloud_stub.moments import seconds_or_none
from cloud_stub.repositories import players, queue
from cloud_stub.request_log import keep_quiet
from cloud_stub.storage import Storage
from cloud_stub.strangers import Strangers
from cloud_stub.tokens import matches, prefix_of


@dataclass(slots=True)
class Answer:
    """What `/api/player/queue` answers for one player; bodies by the address they were asked at."""

    epoch: str
    rev: int
    queue_rev: int
    songs: list[Row]
    step: int = -1
    etag: bytes = b""
    bodies: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Token:
    player_id: str
    token_rev: int
    hash: str
    expires_s: float | None
    supersedes: bool  # not used yet: the room's older tokens still work


class Polls:
    """`media_name` of a row is the file that its link names."""

    def __init__(self, database: Database, storage: Storage, secret_key: str, half_life_s: float) -> None:
        self._database = database
        self._storage = storage
        self._secret_key = secret_key
        self._half_life_s = half_life_s
        self._tokens: dict[str, _Token] = {}
        self._answers: dict[str, Answer] = {}
        self._versions: Mapping[str, tuple[int, int, int]] = {}
        self.unchanged = 0  # answers "nothing new" since somebody last took the count
        self.last_poll: dict[str, float] = {}
        self._unflushed: set[str] = set()
        self._strangers = Strangers()
        self._drops = 0  # what was read before a drop is not kept after it: it may be what was dropped

    async def authenticate(self, token: str, now_s: float, place: str) -> str | None:
        """The player whose token this is, and note that it spoke; None for anybody else.

        place: the address it came from. Raises Refused (429) when too many came from there that open nothing.
        """
        prefix = prefix_of(token)
        if prefix is None:
            return None
        known = self._tokens.get(prefix)
        if known is None:
            self._strangers.check(place, now_s)
            known = await self._load_token(prefix)
        if known is None or not matches(token, known.hash):
            self._strangers.note(place, now_s)
            return None
        if known.expires_s is not None and known.expires_s <= now_s:
            return None
        if known.supersedes:
            await self._database.write(players.first_use, prefix, known.player_id, now_s)
        self.last_poll[known.player_id] = now_s
        self._unflushed.add(known.player_id)
        return known.player_id

    async def answer(self, player_id: str, now_s: float) -> Answer:
        """The current answer, with links that are good for at least a half-life."""
        answer = self._answers.get(player_id)
        if answer is None:
            answer = await self._load_answer(player_id)
        step = step_of(now_s, self._half_life_s)
        if answer.step != step:
            answer.step = step
            answer.etag = f'"q-{answer.epoch}-{answer.queue_rev}-{step}"'.encode()
            answer.bodies.clear()
        return answer

    def body(self, answer: Answer, base_url: str) -> bytes:
        """The seeds' JSON with links that start with `base_url`."""
        body = answer.bodies.get(base_url)
        if body is None:
            if len(answer.bodies) > 8:  # many names for one server: keep few
                answer.bodies.clear()
            songs = [self._song(row, answer.step, base_url) for row in answer.songs]
            body = answer.bodies[base_url] = json.dumps({"success": True, "songs": songs}).encode()
        return body

    def drop(self, player_id: str) -> None:
        self._drops += 1
        self._answers.pop(player_id, None)

    def drop_tokens(self, player_id: str) -> None:
        self._drops += 1
        self._tokens = {prefix: token for prefix, token in self._tokens.items() if token.player_id != player_id}

    def take_moved(self, versions: Mapping[str, tuple[int, int, int]]) -> set[str]:
        """Compare with the versions known, drop what moved since it was read, and return whose they are.

        What we changed ourselves has moved, too, and may have been read anew already: that is kept.
        """
        moved = {player_id for player_id, version in versions.items() if self._versions.get(player_id) != version}
        for player_id in moved | (self._versions.keys() - versions.keys()):
            self._drops += 1
            self._drop_older(player_id, versions.get(player_id))
        self._versions = versions
        return moved

    def note_unchanged(self, scope: Scope) -> None:
        """This answer says nothing new: it is counted, and gets no line and no id."""
        self.unchanged += 1
        keep_quiet(scope)

    def take_unchanged(self) -> int:
        taken, self.unchanged = self.unchanged, 0
        return taken

    def heard_since(self, after_s: float) -> int:
        """How many boxes spoke since."""
        return sum(at_s > after_s for at_s in self.last_poll.values())

    def take_unflushed(self) -> dict[str, float]:
        """Last polls that the database does not know yet."""
        taken, self._unflushed = self._unflushed, set()
        return {player_id: self.last_poll[player_id] for player_id in taken}

    def _drop_older(self, player_id: str, version: tuple[int, int, int] | None) -> None:
        rev, queue_rev, token_rev = version or (None, None, None)
        answer = self._answers.get(player_id)
        if answer is not None and (answer.rev, answer.queue_rev) != (rev, queue_rev):
            self.drop(player_id)
        if any(token.token_rev != token_rev for token in self._tokens.values() if token.player_id == player_id):
            self.drop_tokens(player_id)

    async def _load_token(self, prefix: str) -> _Token | None:
        drops = self._drops
        row = await self._database.read(players.find_token, prefix)
        if row is None:
            return None
        token = _Token(
            row["player_id"],
            row["token_rev"],
            row["hash"],
            seconds_or_none(row["expires_at"]),
            bool(row["supersedes"]),
        )
        if drops == self._drops:
            self._tokens[prefix] = token
        return token

    async def _load_answer(self, player_id: str) -> Answer:
        drops = self._drops
        answer = await self._database.read(_read_answer, player_id)
        if drops == self._drops:
            self._answers[player_id] = answer
        return answer

    def link(self, file_url: str, step: int, base_url: str) -> str:
        """Where a plain GET has the file of a song for a while."""
        name = file_url.rsplit("/", 1)[-1]
        found = self._storage.link(name, step)
        return found or base_url + signed_path(self._secret_key, name, step, self._half_life_s)

    def _song(self, row: Row, step: int, base_url: str) -> dict[str, object]:
        return {
            "id": row["id"],
            "title": row["title"],
            "file_url": self.link(row["file_url"], step, base_url),
            "type": row["type"],
            "position": row["position"],
        }


def _read_answer(tx: Tx, player_id: str) -> Answer:
    player = players.find(tx, player_id)
    if player is None:
        return Answer("", 0, 0, [])
    return Answer(player["epoch"], player["rev"], player["queue_rev"], queue.entries(tx, player_id))
