"""The real cloud's own facts, bucket and pages behind a transport, without a server: two rooms, one clock by hand."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from appliance.clock import ManualClock
from cloud_stub.database import Database, Tx
from cloud_stub.facts import apply_push
from cloud_stub.migrate import migrate
from cloud_stub.moments import to_text
from cloud_stub.paging import as_json, read_page
from cloud_stub.repositories import changes, players, queue, sessions, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.repositories.stamps import Stamp
from cloud_stub.ruling import say
from cloud_stub.tokens import new_token
from sync.client import Cloud
from sync.digest import bucket_etag
from sync.facts import RuleBody
from sync.wire import PULL_MAX_ROWS, PushRequest

BEGAN_S = 1_800_000_000.0
ROOMS = ("Lobby", "Bar")
Line = Callable[[httpx.Request], httpx.Response | None]


def make_template(path: Path) -> None:
    """A database with two rooms, made once: migrating one takes longer than a history."""
    database = Database(path)
    database.open()
    migrate(database, to_text(BEGAN_S))
    with database.writing() as tx:
        for number, name in enumerate(ROOMS):
            players.create(tx, name, new_token(), BEGAN_S, player_id=player_id(number))
    database.close()


def player_id(number: int) -> str:
    return str(UUID(int=number + 1))


class TrueCloud:
    """`page` rows at once. `clock` is its wall clock, and true."""

    def __init__(self, folder: Path, template: Path, clock: ManualClock, page: int) -> None:
        self._file, self._kept = folder / "cloud.db", folder / "backup.db"
        shutil.copy(template, self._file)
        shutil.copy(template, self._kept)
        self._clock = clock
        self._page = page
        self._open()

    def client(self, room: int, line: Line | None = None) -> Cloud:
        """A client of it in that room. `line` may answer, or raise, in its place."""

        def handle(request: httpx.Request) -> httpx.Response:
            return (line(request) if line else None) or self.answer(room, request)

        return Cloud(httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud"), "")

    def answer(self, room: int, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/push"):
            return self._push(room, request.content)
        return self._pull(room, request)

    def add_song(self, number: int) -> str:
        new = NewSong(
            title=f"song {number}", type="soundscape", file_url="", sha256=f"{uuid4().hex}{uuid4().hex}", byte_size=1,
            duration=1.0, loudness_lufs=-20.0, true_peak_dbtp=-1.0, embedding=(1.0, 0, 0, 0, 0),
            embedding_source="hand",
        )  # fmt: skip
        return self.write(songs.add, new, self.now_s)

    def set_rule(self, room: int, rule: RuleBody) -> None:
        stamp = Stamp(round(self.now_s * 1000), str(uuid4()))
        self.write(say, player_id(room), rule, stamp, self.now_s, by_box=False)

    def back_up(self) -> None:
        with closing(sqlite3.connect(self._file)) as source, closing(sqlite3.connect(self._kept)) as target:
            source.backup(target)

    def restore(self) -> None:
        """All is as it was then, and nobody says so."""
        self.close()
        for end in ("-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)
        shutil.copy(self._kept, self._file)
        self._open()

    def refresh(self) -> None:
        """What the server does every half minute with what has passed."""
        self.write(queue.drop_passed_rules, self.now_s)
        self.write(sessions.close_passed, self.now_s)

    def prune(self) -> None:
        self.write(changes.prune, self.now_s + 1)

    @property
    def now_s(self) -> float:
        return self._clock.wall

    def write(self, work: Callable[..., object], *args: object, **options: object) -> str:
        with self.database.writing() as tx:
            return str(work(tx, *args, **options))

    def read(self, sql: str, *args: object) -> list[tuple[object, ...]]:
        with self.database.reading() as tx:
            return [tuple(row.values()) for row in tx.all(sql, *args)]

    def bucket(self, room: int) -> dict[tuple[str, str], dict[str, object]]:
        with self.database.reading() as tx:
            return {(tbl, pk): row for tbl, pk, row in changes.bucket(tx, player_id(room))}

    def digest(self, room: int) -> str:
        with self.database.reading() as tx:
            return changes.mark(tx, player_id(room)).get().digest

    def close(self) -> None:
        self.database.close()

    def _open(self) -> None:
        self.database = Database(self._file)
        self.database.open()

    def _push(self, room: int, content: bytes) -> httpx.Response:
        request = PushRequest.model_validate_json(content)
        with self.database.writing() as tx:
            reply = apply_push(tx, player_id(room), request, self.now_s)
        return httpx.Response(200, content=reply.model_dump_json(), headers={"Content-Type": "application/json"})

    def _pull(self, room: int, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        limit = min(int(asked.get("limit", PULL_MAX_ROWS)), self._page)

        def look(tx: Tx) -> httpx.Response:
            page = read_page(
                tx, player_id(room), asked["epoch"], int(asked["since"]), int(asked.get("heard", 0)), limit,
                asked.get("cursor"),
            )  # fmt: skip
            etag = bucket_etag(page.mark.epoch, page.mark.rev, page.mark.digest)
            if request.headers.get("if-none-match") == etag and not page.is_news:
                return httpx.Response(304)
            body = as_json(page, self.now_s)
            return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})

        with self.database.reading() as tx:
            return look(tx)
