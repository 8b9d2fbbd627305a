"""The SQL that stands in for our server: the same bytes, the same numbers, and nobody let in who should not be."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from cloud_world import FIRE, RAIN, SEA, Copy, World, cloud_world, enrolled, stay, vote
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_server import PostgresServer
from wire_shapes import shapes

from cloud_stub.migrate import as_script
from cloud_stub.repositories import changes, players, queue
from cloud_stub.repositories.bucket import VIEWS, _wire_row
from cloud_stub.tokens import new_token
from ml.prior import Prior, crowd_weight
from ml.taste import Taste, learn
from sync.digest import digest_text, row_digest

PERSON = "00000000-0000-4000-8000-0000000000aa"
MAY_BE_ASKED = {"sync_pull", "sync_push"}
Conn = psycopg.Connection[Any]
numbers = st.floats(-(2.0**53), 2.0**53)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def conn(server: PostgresServer) -> Iterator[Conn]:
    with server.database() as address, psycopg.connect(**address.parameters(), autocommit=True) as opened:
        yield opened


@pytest.fixture
def engine() -> str:
    return "supabase"


def value(conn: Conn, sql: str, *args: Any) -> Any:
    row = conn.execute(sql.encode(), args).fetchone()
    assert row is not None
    return row[0]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(json_values)
def test_any_json_is_written_as_python_writes_it(conn: Conn, given_json: Any) -> None:
    canonical = json.dumps(given_json, sort_keys=True, separators=(",", ":"))
    assert value(conn, "select private.canonical(%s::json)", json.dumps(given_json)) == canonical


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(numbers | st.sampled_from([1e15, 1e16, 1234567890123456.0, 4503599627370497.5, -0.0, 1e-5, 1e22, 5e-324]))
def test_a_number_is_written_as_python_writes_it(conn: Conn, number: float) -> None:
    assert value(conn, "select private.json_number(%s::float8)", number) == repr(number)


def test_a_digest_moves_as_the_boxes_count_it(conn: Conn) -> None:
    rng = random.Random(1)
    total = 0
    for _ in range(50):
        old, new = rng.getrandbits(64), rng.getrandbits(64)
        moved = value(
            conn, "select private.digest_moved(%s, private.hash_number(%s) - private.hash_number(%s))",
            digest_text(total), digest_text(new), digest_text(old),
        )  # fmt: skip
        total += new - old
        assert moved == digest_text(total)
    assert value(conn, "select private.row_hash('tags', 'é', '{}')") == digest_text(row_digest("tags", "é", {}))


def test_anon_may_ask_the_two_functions_and_nothing_else(conn: Conn) -> None:
    may = """select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = %s and has_function_privilege(%s, p.oid, 'execute')
        and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    assert {row[0] for row in conn.execute(may, ["public", "anon"])} == MAY_BE_ASKED
    assert {row[0] for row in conn.execute(may, ["public", "authenticated"])} == set()
    asked_by_policies = {"me", "is_admin", "manages", "log_is_kept"}
    assert {row[0] for row in conn.execute(may, ["private", "anon"])} == asked_by_policies
    definers = """select p.proconfig::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where p.prosecdef and n.nspname in ('public', 'private')"""
    assert {row[0] for row in conn.execute(definers)} == {'{"search_path=\\"\\""}'}


def test_what_comes_in_is_checked_by_the_wires_own_shapes(conn: Conn) -> None:
    stored = dict(conn.execute("select name, shape from private.shapes").fetchall())
    assert stored == shapes(), "write a new numbered migration: python tests/contract/wire_shapes.py FILE"


def test_the_editors_script_makes_both_doors_where_vector_lives_as_on_supabase(server: PostgresServer) -> None:
    server.command("create database like_supabase")
    try:
        path = 'alter database like_supabase set search_path = "$user", public, extensions'
        server.command(f"create schema extensions; create extension vector schema extensions; {path}", "like_supabase")
        with psycopg.connect(server.running.url("like_supabase"), autocommit=True) as conn:
            conn.execute(as_script().encode())
            token = value(conn, "select token from private.new_room('Lobby')")
            conn.execute("insert into songs (title, file_url, type, sha256, byte_size, embedding) values ('Rain', '', "
                         "'soundscape', repeat('a', 64), 3, '[1, 0, 0, 0, 0]')")  # fmt: skip
            conn.execute("update ranking set owner = 'database'")
            assert value(conn, "select refresh_queues()") == 1
            ops = [op_of("enrol", profile_id=PERSON, display_name="Heron", key_hash="c" * 64),
                   op_of("vote", vote_id=str(uuid4()), profile_id=PERSON, vote_value=5,
                         song_id=str(value(conn, "select id from songs")))]  # fmt: skip
            push = {"boot_id": "b", "mono_ms": 1, "wall_ms": 1, "ops": ops}
            assert [result["status"] for result in as_a_box(conn, token, "sync_push", push)["push"]["results"]] == [
                "applied", "applied",
            ]  # fmt: skip
            page = as_a_box(conn, token, "sync_pull", {"epoch": "", "since": 0})["pull"]
            assert {change["tbl"] for change in page["changes"]} == {"songs", "profiles", "tags", "settings"}
    finally:
        server.command("drop database like_supabase with (force)")


def op_of(kind: str, **body: Any) -> dict[str, Any]:
    return {"op_id": str(uuid4()), "seq": 1, "type": kind, "body": body, "boot_id": "b", "mono_ms": 1, "wall_ms": 1}


def as_a_box(conn: Conn, token: str, function: str, argument: Any) -> Any:
    gucs = {"role": "anon", "search_path": "public, extensions", "request.headers": json.dumps({"x-api-key": token})}
    with conn.transaction():
        conn.execute("select set_config(key, value, true) from json_each_text(%s)", [json.dumps(gucs)])
        return value(conn, f"select {function}(%s)", json.dumps(argument))


# Taste


def a_vote(rng: random.Random) -> tuple[list[float], int]:
    heard = [0.0] * 5 if rng.random() < 0.1 else [round(rng.random() * rng.choice([1, 1, 0]), 6) for _ in range(5)]
    return heard, rng.randint(1, 5)


@pytest.mark.parametrize("seed", range(4))
def test_a_taste_is_learnt_to_the_same_numbers(conn: Conn, seed: int) -> None:
    rng = random.Random(seed)
    taste = Taste.from_preference([rng.random() for _ in range(5)]) if seed % 2 else Taste.newcomer()
    start = "private.taste_from_preference(%s)" if seed % 2 else "private.newcomer()"
    args = [list(taste.preference_vector)] if seed % 2 else []
    said = value(conn, f"select private.taste_text({start})", *args)
    for _ in range(40):
        heard, given_vote = a_vote(rng)
        taste = learn(taste, heard, given_vote)
        said = value(conn, "select private.taste_text(private.learn(private.taste_in(%s), %s, %s))", said, heard,
                     given_vote)  # fmt: skip
        close(json.loads(said), taste.to_dict())


def close(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for part, numbers_ in wanted.items():
        assert found[part] == pytest.approx(numbers_, abs=1e-6), part


@pytest.mark.parametrize("seed", range(2))
def test_a_room_s_votes_move_people_and_crowd_as_our_server_would(world: World, seed: int) -> None:
    """Votes, replaced votes and plays between them; then the whole is folded again in Python."""
    rng = random.Random(seed)
    box = world.box()
    song_ids = [world.song(f"Song {n}", tuple(round(rng.random(), 3) for _ in range(5))) for n in range(3)]
    people = [enrolled(box, f"{n:064x}") for n in range(3)]
    for _ in range(25):
        world.time.advance(rng.choice([1, 40, 4000]))
        song, person = rng.choice(song_ids), rng.choice(people)
        scene = [{"song_id": s, "share": rng.random()} for s in song_ids] if rng.random() < 0.5 else []
        ops = [box.op("vote", vote(person, song, rng.randint(1, 5), scene=scene))]
        if rng.random() < 0.3:
            ops.append(box.op("play", {"play_id": str(uuid4()), "song_id": song, "audible_s": 0.5}))
        assert box.push(*ops)[0] == "applied"
    world.read(crowd_is_its_votes, box.player_id)


def crowd_is_its_votes(tx: Any, player_id: str) -> None:
    pool = Prior.default()
    sql = "select heard, vote_value, taste_rev from votes where superseded_by is null order by vote_time"
    for row in tx.all(sql):
        pool = pool.with_vote(json.loads(row["heard"]), row["vote_value"], crowd_weight(row["taste_rev"]))
    close(players.settings(tx, player_id)["taste.prior"], pool.to_dict())


def test_a_torn_crowd_is_folded_anew(world: World) -> None:
    box, rain = world.box(), world.song("Rain", RAIN)
    person = enrolled(box)
    box.push(box.op("vote", vote(person, rain)))
    for torn in ("{}", '{"mean": [1], "precision": [], "votes": 1}', '"x"'):
        world.write(lambda tx, text: tx.run("update settings set value = ?", text), torn)
        world.time.advance(4000)
        assert box.push(box.op("vote", vote(person, rain, 2))) == ["applied"]
        world.read(crowd_is_its_votes, box.player_id)


# The log of changes


def by_hand(world: World, sql: str, *args: Any) -> Any:
    """What a person does in Supabase's editor, or pg_cron: nobody says that the log is kept."""
    clock = json.dumps({"x-test-now": world.time.s})

    def work(tx: Any) -> Any:
        tx.run("set local cosound.keeps_log = ''")
        tx.one("select set_config('request.headers', ?, true)", clock)
        return tx.all(sql, *args)

    return world.write(work)


def assert_both_see_the_same(world: World) -> None:
    """Every row of every bucket: SQL's view, Python's view, and the log."""

    def compare(tx: Any) -> None:
        for player_id in players.ids(tx):
            for tbl, view in VIEWS.items():
                ours = {pk: _wire_row(tbl, row) for pk, row in view.of_room(tx, player_id).get().items()}
                found = tx.all(f"select pk, row_json from private.bucket_{tbl} where player_id = ?", player_id)
                text = {pk: json.dumps(row, sort_keys=True, separators=(",", ":")) for pk, row in ours.items()}
                assert {row["pk"]: row["row_json"] for row in found} == text
                logged = {pk: row for name, pk, row in changes.bucket(tx, player_id) if name == tbl}
                assert logged == ours, tbl

    world.read(compare)


def test_whoever_writes_the_log_follows(world: World) -> None:
    box, other = world.box(), world.box("Bar")
    copy = Copy(box)
    rain, sea = world.song("Räin “1” 🌧", RAIN), world.song("Sea", SEA)
    person = enrolled(box)
    box.push(box.op("checkin", stay(person)), box.op("vote", vote(person, rain, 4)))

    def holds() -> Copy:
        digest = copy.sync()
        assert digest == digest_text(sum(row_digest(tbl, pk, row) for (tbl, pk), row in copy.rows.items()))
        assert_both_see_the_same(world)
        return copy

    holds()
    by_hand(world, "update songs set title = 'Soft \t rain', bpm = 60 where id = ? returning id", rain)
    assert holds().table("songs")[rain]["title"] == "Soft \t rain"
    by_hand(
        world, "insert into settings values (?, 'house_taste', '[0, 0, 1e-7, 0.5, 1]') returning key", box.player_id
    )
    assert holds().table("settings")["house_taste"]["value"] == [0, 0, 1e-7, 0.5, 1]
    by_hand(world, "update settings set value = '[1]' where key = 'house_taste' returning key")
    by_hand(world, "delete from settings where key = 'house_taste' returning key")
    assert "house_taste" not in holds().table("settings")
    by_hand(world, "insert into player_library (player_id, song_id) values (?, ?) returning id", box.player_id, sea)
    assert (list(holds().table("songs")), list(copy.table("player_library"))) == ([sea], [sea])
    by_hand(world, "delete from player_library returning id")
    assert set(holds().table("songs")) == {rain, sea}
    by_hand(world, "insert into queue_rules values (?, ?, 'pin') returning kind", box.player_id, sea)
    by_hand(world, "update queue_rules set player_id = ? returning kind", other.player_id)
    assert holds().table("queue_rules") == {}
    by_hand(world, "update songs set deleted_at = now() where id = ? returning id", sea)
    assert set(holds().table("songs")) == {rain}
    by_hand(world, "delete from tags returning key_hash")
    assert holds().table("tags") == {}
    by_hand(world, "delete from profiles returning id")
    assert holds().table("profiles") == {}
    by_hand(world, "delete from players where id = ? returning id", other.player_id)
    holds()
    assert copy.resets == 1


def test_however_much_one_import_brings_the_log_follows_it_once(conn: Conn) -> None:
    """Also where a part of it was taken back, and once more for what comes after it followed."""
    songs = (
        "insert into public.songs (title, file_url, type, sha256, byte_size) "
        "select 'x', 'x', 'soundscape', md5(random()::text) || md5('x'), 1 from generate_series(1, 50)"
    )
    follows = "select count(*) filter (where is_first) from private.touched"
    with conn.transaction(force_rollback=True):
        with conn.transaction(force_rollback=True):
            conn.execute(songs)
        conn.execute(songs)
        conn.execute(songs)
        assert value(conn, follows) == 1
        assert value(conn, "select count(*) from private.touched") >= 100
        conn.execute("set constraints all immediate")
        assert value(conn, "select count(*) from private.touched") == 0
        conn.execute("set constraints all deferred")
        conn.execute(songs)
        assert value(conn, follows) == 1


def test_a_room_made_in_the_editor_has_a_bucket_and_a_token(world: World) -> None:
    world.song("Rain", RAIN)
    (room,) = by_hand(world, "select * from private.new_room('Attic')")
    headers = {"X-API-Key": room["token"]}
    page = world.door.pull(headers, {}).json()
    assert [change["tbl"] for change in page["changes"]] == ["songs"]
    (again,) = by_hand(world, "select private.new_token(?) as token", room["player_id"])
    assert world.door.pull(headers, {}).status_code == 200, "until the new one is used"
    assert world.door.pull({"X-API-Key": again["token"]}, {}).status_code == 200
    assert world.door.pull(headers, {}).status_code == 401
    assert world.client.get("/api/player/queue", headers={"X-API-Key": again["token"]}).status_code == 200


def test_a_token_is_good_as_long_as_our_server_says(world: World) -> None:
    box, later = world.box(), new_token()
    for token in ("", "csp_x", f"csp_{box.token[4:12]}_{'A' * 43}", f"{box.token}A", "csp_%_é"):
        assert world.door.pull({"X-API-Key": token.encode()}, {}).status_code == 401
    world.write(players.rotate_token, box.player_id, later, world.time.s)
    assert world.door.pull(box.headers, {}).status_code == 200
    world.time.advance(players.OVERLAP_S + 1)
    assert world.door.pull(box.headers, {}).status_code == 401
    world.write(players.revoke_tokens, box.player_id, world.time.s)
    assert world.door.pull({"X-API-Key": later.text}, {}).status_code == 401


def test_the_database_alone_closes_what_is_over(world: World) -> None:
    box, rain = world.box(), world.song("Rain", RAIN)
    world.song("Fire", FIRE, "instrumental")
    person = enrolled(box)
    assert (
        box.push(
            box.op("checkin", stay(person)),
            box.op("rule", {"song_id": rain, "kind": "ban", "until_s": world.time.s + 60}),
        )
        == ["applied"] * 2
    )
    box.hears((rain, 1.0))
    copy = Copy(box)
    copy.sync()
    assert len(copy.table("sessions")) == len(copy.table("queue_rules")) == 1
    world.time.advance(3600)
    try:
        world.write(queue.set_ranked_by, "database")
        by_hand(world, "select refresh_queues()")  # ranks, then closes; by the next one nothing is barred any more
        (done,) = by_hand(world, "select refresh_queues() as changed")
    finally:
        world.write(queue.set_ranked_by, "cloud")
    assert done["changed"] == 1
    assert world.read(players.find, box.player_id)["status"] == "offline"
    copy.sync()
    assert (copy.table("sessions"), copy.table("queue_rules")) == ({}, {})
    assert {song["title"] for song in box.queue().json()["songs"]} == {"Rain", "Fire"}
    assert_both_see_the_same(world)


def test_a_push_ranks_its_room_at_once_where_the_database_ranks(world: World) -> None:
    box, rain = world.box(), world.song("Rain", RAIN)
    try:
        world.write(queue.set_ranked_by, "database")
        assert box.queue().json()["songs"] == []
        box.push(box.op("rule", {"song_id": rain, "kind": "pin"}))
        assert [song["id"] for song in box.queue().json()["songs"]] == [rain]
    finally:
        world.write(queue.set_ranked_by, "cloud")


def test_a_room_that_is_heard_says_so(world: World) -> None:
    box, bed, piano = world.box(), world.song("Rain", RAIN), world.song("Piano", None, "instrumental")
    kept = box.hears((bed, 0.9), (piano, 0.1))["kept"]
    room = world.read(players.find, box.player_id)
    assert (room["status"], room["current_song_id"]) == ("playing", piano)
    bare = {"as_before": kept, "pending": 3}
    assert world.door.call("sync_push", box.headers, bare_beat=bare).json()["beat"]["kept"] == kept
    assert world.door.call("sync_push", box.headers, bare_beat={**bare, "as_before": "x"}).json()["beat"] is None
    box.hears(audible=False, silent_on_purpose=True)
    assert world.read(players.find, box.player_id)["status"] == "idle"


def test_nothing_new_is_next_to_nothing(world: World) -> None:
    box = world.box()
    world.song("Rain", RAIN)
    page = box.pull()
    asked = {"epoch": page["epoch"], "since": page["next"], "digest": page["digest"]}
    etag = box.queue().headers["etag"]
    assert world.door.call("sync_pull", box.headers, pull=asked, queue=etag).text == "{}"


@pytest.fixture
def world(folder: Any, where: Any) -> Iterator[World]:
    with cloud_world(folder, where, alone=True) as made:
        yield made
