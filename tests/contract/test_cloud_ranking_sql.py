"""Ranking in the database (for pg_cron) beside ranking in the server: the same numbers, and never both at once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from postgres_server import NAME, PostgresServer

from cloud_stub import refresh
from cloud_stub.database import Database, Tx
from cloud_stub.moments import to_text
from cloud_stub.refresh import Refresher
from cloud_stub.repositories import players, plays, profiles, queue, sessions, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.tokens import new_token
from ml.recommend import Catalogue, recommend_with_penalty
from tests.patience import PATIENCE_S

TEN_YEARS_S = 3.2e8


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    with server.database() as address:
        opened = Database(address)
        opened.open()
        yield opened
        with opened.writing() as tx:
            queue.set_ranked_by(tx, "cloud")
        opened.close()


def song(tx: Tx, number: int, kind: str, embedding: list[float] | None) -> str:
    new = NewSong(
        title=f"Song {number}", type=kind, file_url="/media/x", sha256=f"{number:064x}", byte_size=1, duration=1.0,
        loudness_lufs=None, true_peak_dbtp=None, embedding=embedding, embedding_source="hand",
    )  # fmt: skip
    return songs.add(tx, new, time.time())


def library(tx: Tx, rng: random.Random, count: int) -> list[str]:
    vectors: list[Any] = [None, [0.0] * 5, *([round(rng.random(), 3) for _ in range(5)] for _ in range(count - 2))]
    return [song(tx, n, rng.choice(["soundscape", "instrumental"]), vector) for n, vector in enumerate(vectors)]


def room(tx: Tx) -> str:
    return players.create(tx, "Lobby", new_token(), time.time())


@pytest.mark.parametrize("seed", range(3))
def test_both_give_every_song_the_same_score(database: Database, seed: int) -> None:
    rng = random.Random(seed)
    with database.writing() as tx:
        lobby, bar = room(tx), room(tx)
        ids = library(tx, rng, 60)
        songs.set_library(tx, bar, rng.sample(ids, 20), time.time())
        for player_id in (lobby, bar):
            for song_id in rng.sample(ids, 25):
                began_s = time.time() - rng.choice([-60, 5, 3600 * rng.random() * 40])
                plays.begin(tx, str(uuid4()), player_id, song_id, began_s, str(uuid4()))
    for vector in ([rng.random() for _ in range(5)], [0.0] * 5, [0, 0, 1, 0, 0]):
        for player_id in (lobby, bar, None):
            with database.reading() as tx:
                found = tx.all("select * from recommend_with_penalty(?, ?, ?)", json.dumps(vector), 1000, player_id)
                whole = Catalogue.from_rows(songs.for_ranking(tx, player_id or lobby))
                played = plays.hours_since(tx, [lobby, bar], time.time(), TEN_YEARS_S).get()
            hours = played[player_id] if player_id else {}
            ours = {s.song_id: s for s in recommend_with_penalty(whole, vector, limit=1000, hours_since_play=hours)}
            assert {row["id"] for row in found} == ours.keys()
            for row in found:
                mine = ours[row["id"]]
                assert row["distance"] == pytest.approx(mine.distance, abs=1e-6)
                assert row["penalty"] == pytest.approx(mine.penalty, abs=1e-6)
            assert [row["score"] for row in found] == sorted(row["score"] for row in found)


def test_five_songs_are_usual_and_none_can_be_asked_for(database: Database) -> None:
    with database.writing() as tx:
        library(tx, random.Random(1), 30)
        ask = "select count(*) from recommend_with_penalty('[1,0,0,0,0]'"
        assert [tx.value(f"{ask}{rest})") for rest in ("", ", 0", ", -3", ", 7")] == [5, 0, 0, 7]


def titles(database: Database, player_id: str) -> list[str]:
    with database.reading() as tx:
        return [row["title"] for row in queue.entries(tx, player_id)]


def test_the_database_renews_queues_only_when_it_is_its_business(database: Database) -> None:
    now_s = time.time()
    with database.writing() as tx:
        lobby = room(tx)
        rain = song(tx, 1, "soundscape", [1, 0, 0, 0, 0])
        song(tx, 2, "soundscape", [0, 1, 0, 0, 0])
        piano, banned = song(tx, 3, "instrumental", None), song(tx, 4, "soundscape", [1, 0, 0, 0, 0])
        queue.set_rule(tx, lobby, banned, "ban", None, None, now_s)
        queue.set_rule(tx, lobby, piano, "pin", None, None, now_s)
        person = profiles.create(tx, now_s)
        tx.run("update profiles set preference_vector = '[0, 1, 0, 0, 0]' where id = ?", person)
        sessions.begin(tx, person, lobby, now_s, now_s + 60, now_s)
        assert tx.value("select refresh_queues()") is None
        queue.set_ranked_by(tx, "database")
        assert tx.value("select refresh_queues()") == 1
        assert tx.value("select refresh_queues()") == 0
        rev = tx.value("select queue_rev from players where id = ?", lobby)
    assert titles(database, lobby) == ["Song 3", "Song 2", "Song 1"]
    with database.writing() as tx:
        queue.set_rule(tx, lobby, rain, "place", 2, None, now_s)
        tx.run("update sessions set expires_at = ?", to_text(now_s - 1))
        players.set_setting(tx, lobby, "house_taste", [1, 0, 0, 0, 0], now_s)
        players.set_setting(tx, lobby, "queue.instrumentals", 0, now_s)
        assert tx.value("select refresh_queues()") == 1
        assert tx.value("select queue_rev from players where id = ?", lobby) == rev + 1
    assert titles(database, lobby) == ["Song 3", "Song 1", "Song 2"]


async def _refreshed(database: Database, player_id: str) -> bool:
    return await Refresher(database, time.time).refresh(player_id)


def test_the_server_leaves_ranking_to_a_database_that_does_it(database: Database) -> None:
    with database.writing() as tx:
        lobby = room(tx)
        song(tx, 1, "soundscape", [1, 0, 0, 0, 0])
        queue.set_ranked_by(tx, "database")
    assert asyncio.run(_refreshed(database, lobby)) is False
    assert titles(database, lobby) == []
    with database.writing() as tx:
        queue.set_ranked_by(tx, "cloud")
    assert asyncio.run(_refreshed(database, lobby)) is True
    assert titles(database, lobby) == ["Song 1"]


def test_a_ranking_that_was_begun_is_not_stored_once_the_database_ranks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as tx:
        lobby = room(tx)
        song(tx, 1, "soundscape", [1, 0, 0, 0, 0])

    def ranked_then_taken_over(tx: Tx, *about: Any) -> dict[str, list[str]]:
        ranked = rank(tx, *about)
        with database.writing() as other:
            queue.set_ranked_by(other, "database")
        return ranked

    rank = refresh._news
    monkeypatch.setattr(refresh, "_news", ranked_then_taken_over)
    assert asyncio.run(_refreshed(database, lobby)) is False
    assert titles(database, lobby) == []


def test_while_the_database_ranks_neither_it_nor_the_server_does_so_a_second_time(
    server: PostgresServer, database: Database
) -> None:
    with database.writing() as tx:
        lobby = room(tx)
        song(tx, 1, "soundscape", [1, 0, 0, 0, 0])
        queue.set_ranked_by(tx, "database")

    def rank_ourselves() -> None:
        with database.writing(lobby) as tx:
            assert queue.song_ids(tx, lobby) != [], "what the database ranked is there before us"
            queue.replace(tx, lobby, [], time.time())

    url = server.running.url(NAME)
    with psycopg.connect(url) as cron, psycopg.connect(url) as again, ThreadPoolExecutor(1) as pool:
        assert cron.execute("select refresh_queues()").fetchone() == (1,)
        assert again.execute("select refresh_queues()").fetchone() == (0,), "the first one is not over"
        again.rollback()
        ours = pool.submit(rank_ourselves)
        while again.execute("select 1 from pg_locks where not granted").fetchone() is None:
            assert not ours.done()
        cron.commit()
        ours.result(PATIENCE_S)
    assert titles(database, lobby) == []
