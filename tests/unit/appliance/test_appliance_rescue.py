"""A damaged database: what is noticed, what is kept, and who does it."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import StoreDamaged
from appliance.model import Song
from appliance.store import snapshot
from appliance.store.checkup import LaterCheck, find_damage
from appliance.store.database import PAGE_BYTES
from appliance.store.opening import open_database
from appliance.store.rescue import rescue
from appliance.store.salvage import readable_rows
from appliance.store.snapshot import Snapshot
from mixer.scene import SongId
from tests.factories import Box, count, file_before, put, put_songs, settle_all, song_row, tap, uid
from tests.patience import PATIENCE_S

PAGE = PAGE_BYTES
Damage = Callable[[Path], None]


def fill(box: Box, taps: int = 40) -> None:
    """A box with people, facts and ten songs on the disk, ended cleanly."""
    store = box.store()
    put_songs(store, *(song_row(n) for n in range(10)), ready=False)
    for number in range(10):
        pcm = box.folder / f"{number}.pcm"
        pcm.touch()
        store.library.set_ready(uid(number), pcm)
    for number in range(taps):
        tap(store, f"card{number}")
        box.clock.advance(1)
    Snapshot(store.db).keep()
    box.close()


def header(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.write(random.Random(1).randbytes(100))


def first_page(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.write(random.Random(2).randbytes(PAGE))


def cut_in_half(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.truncate(file.stat().st_size // 2)


def html(file: Path) -> None:
    file.write_bytes(b"<html>captive portal</html>" * 1000)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("damage", "least_facts"), [(header, 40), (first_page, 40), (cut_in_half, 0), (html, 0), (emptied, 0), (gone, 0)]
)
def test_what_is_damaged_is_set_aside_and_the_rest_goes_on(box: Box, damage: Damage, least_facts: int) -> None:
    fill(box)
    file = box.folder / "data" / "cosound.db"
    damage(file)
    store = box.store()
    assert (box.folder / "data" / "cosound.db.broken-1").exists()
    assert count(store, "taps") >= least_facts
    assert store.outbox.pending() >= least_facts
    assert len(store.library.ready()) == 10, "what the cache holds can sound"
    assert store.bucket.cursor().epoch == "", "the cloud is asked for everything again"
    tap(store, "after")
    assert find_damage(file, thorough=True) is None


def test_everything_is_kept_when_only_the_header_is_lost(box: Box) -> None:
    fill(box)
    with closing(sqlite3.connect(box.folder / "data" / "cosound.db")) as conn:
        before = {
            name: conn.execute(f"select * from {name}").fetchall() for name in ("outbox", "taps", "sessions", "tags")
        }
    header(box.folder / "data" / "cosound.db")
    store = box.store()
    after = {name: list(map(tuple, store.db.rows(f"select * from {name}"))) for name in before}
    assert after == before


def test_facts_that_are_only_in_the_log_are_kept(box: Box) -> None:
    """As after a power cut: the file is older than its log, and then its first page is lost."""
    fill(box, taps=3)
    store = box.store()
    tap(store, "late")
    copy = Box(box.folder / "copy", box.clock)
    (copy.folder / "data").mkdir(parents=True)
    for name in ("cosound.db", "cosound.db-wal"):
        (copy.folder / "data" / name).write_bytes((box.folder / "data" / name).read_bytes())
    emptied(copy.folder / "data" / "cosound.db")
    try:
        assert count(copy.store(), "taps") == 4
    finally:
        copy.close()


def test_a_crash_alone_is_no_damage(box: Box) -> None:
    fill(box)
    (box.folder / "data" / "cosound.db-wal").write_bytes(b"half a frame")
    assert count(box.store(), "taps") == 40
    assert not list((box.folder / "data").glob("*.broken*"))


def test_numbers_are_not_given_twice(box: Box) -> None:
    fill(box)
    store = box.store()
    store.outbox.settle([(op.op_id, "applied") for op in store.outbox.batch(1000)])
    newest = store.db.count("select seq from sqlite_sequence where name = 'outbox'")
    box.close()
    header(box.folder / "data" / "cosound.db")
    store = box.store()
    tap(store, "after")
    assert store.outbox.batch(1)[0].seq > newest


def test_songs_that_the_cloud_took_back_meanwhile_go_with_the_new_pull(box: Box) -> None:
    fill(box)
    html(box.folder / "data" / "cosound.db")
    store = box.store()
    store.bucket.replace([put("songs", uid(1), song_row(1), 5)], epoch="e2", rev=9)
    assert [song.id for song in store.library.ready()] == [uid(1)], "and the file it has is still its file"
    assert store.bucket.cursor().digest == 5


@pytest.mark.parametrize("damage", [header, html], ids=["rows kept", "list of songs"])
def test_a_persons_own_songs_outlive_the_new_pull(box: Box, damage: Damage) -> None:
    """No cloud knows them, so none may take them away."""
    store = box.store()
    pcm = box.folder / "own.pcm"
    pcm.touch()
    own = Song(SongId(uid(77)), "Own", "soundscape", file_url="local:own.wav", sha256="77", pcm_path=str(pcm))
    store.library.add_local(own, loudness_lufs=-20, true_peak_dbtp=-1)
    Snapshot(store.db).keep()
    box.close()
    damage(box.folder / "data" / "cosound.db")
    store = box.store()
    store.bucket.replace([put("songs", uid(1), song_row(1), 5)], epoch="e2", rev=9)
    assert [song.id for song in store.library.ready()] == [uid(77)]


def test_every_table_is_kept_or_comes_again(box: Box) -> None:
    """A fact that was sent may have to be sent again to a cloud restored from a backup."""
    fill(box, taps=2)
    store = box.store()
    settle_all(store)
    sent = count(store, "ops")
    box.close()
    header(box.folder / "data" / "cosound.db")
    rescued = box.store()
    assert sent > 0
    assert (count(rescued, "ops"), rescued.outbox.pending()) == (sent, 0)


def test_what_waited_in_a_file_of_an_older_version_is_kept(box: Box) -> None:
    """Its queue had another name."""
    file = file_before("0009_answered_in_place", box.folder / "data" / "cosound.db")
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("insert into outbox values (9, 'waiting', 'vote', '{}', 'b', 1, 1)")
        conn.execute("insert into songs_playing values ('p', 'song', 12.0, 'b', 1, 4000, '')")
    header(file)
    store = box.store()
    assert [op.op_id for op in store.outbox.batch(9)] == ["waiting"]
    assert list(store.library.hours_since_play(4.0)) == ["song"]


def test_pages_that_follow_one_another_in_a_circle_end(tmp_path: Path) -> None:
    """Two pages have changed places and the third is torn: from there the reading would begin again at the first."""
    file = tmp_path / "cosound.db"
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute(f"pragma page_size={PAGE}")
        conn.execute("create table facts (number integer primary key, what text)")
        conn.executemany("insert into facts (what) values (?)", [("x" * 100,)] * 60)
    raw = bytearray(file.read_bytes())
    root = memoryview(raw)[PAGE : 2 * PAGE]
    first, second, third = (int.from_bytes(root[at : at + 2], "big") for at in (12, 14, 16))
    root[first : first + 4], root[second : second + 4] = (
        bytes(root[second : second + 4]),
        bytes(root[first : first + 4]),
    )
    raw[(int.from_bytes(root[third : third + 4], "big") - 1) * PAGE] = 0
    root.release()
    file.write_bytes(raw)
    with closing(sqlite3.connect(file)) as conn:
        conn.row_factory = sqlite3.Row
        numbers = [row["number"] for row in islice(readable_rows(conn, "facts"), 100)]
    assert len(numbers) < 60
    assert numbers == sorted(set(numbers))


def test_a_connection_that_meets_damage_makes_everybody_leave(box: Box) -> None:
    fill(box)
    first, second = box.store("player"), box.store("nfc")
    first.db.tidy()
    first.db.conn.execute("pragma shrink_memory")  # so that it must read from the disk
    html(box.folder / "data" / "cosound.db")
    with pytest.raises(StoreDamaged):
        first.db.rows("select * from taps")
    with pytest.raises(StoreDamaged):
        second.wait(0)


def test_a_file_that_was_moved_away_takes_no_fact(box: Box) -> None:
    store = box.store("nfc")
    file = box.folder / "data" / "cosound.db"
    file.rename(file.with_name("elsewhere.db"))
    with pytest.raises(StoreDamaged, match="replaced"):
        tap(store)
    with pytest.raises(StoreDamaged, match="replaced"):
        store.wait(0)


def test_the_log_of_a_new_file_outlives_the_close_of_the_old_one(box: Box) -> None:
    """SQLite removes the log by its name."""
    old = box.store("old")
    tap(old)
    data = box.folder / "data"
    for end in ("", "-wal", "-shm"):
        (data / f"cosound.db{end}").rename(data / f"elsewhere.db{end}")
    new = open_database(data / "cosound.db")
    with new.write() as conn:
        conn.execute("insert into settings values ('kept', '1')")
    old.close()
    assert (data / "cosound.db-wal").exists()
    assert new.value("select value from settings where key = 'kept'") == "1"
    new.close()


def test_a_rescue_cut_short_is_finished_by_the_next_start(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(box)
    file = box.folder / "data" / "cosound.db"
    header(file)
    with monkeypatch.context() as patch:
        patch.setattr("appliance.store.rescue.finish", lambda path: None)
        rescue(file, "a test")
    assert not file.exists()
    assert count(box.store(), "taps") == 40


def test_only_the_newest_broken_files_are_kept(box: Box) -> None:
    fill(box, taps=3)
    for _ in range(5):
        header(box.folder / "data" / "cosound.db")
        box.store()
        box.close()
    broken = sorted(path.name for path in (box.folder / "data").glob("*.broken-*") if path.name[-1].isdigit())
    assert broken == [f"cosound.db.broken-{number}" for number in (3, 4, 5)]


def test_a_wrong_bit_in_an_index_is_found_later_and_rescued(box: Box) -> None:
    fill(box)
    file = box.folder / "data" / "cosound.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as conn:
        root = conn.execute("select rootpage from sqlite_master where name = 'sqlite_autoindex_taps_1'").fetchone()[0]
    with file.open("r+b") as raw:
        raw.seek(root * PAGE - 20)
        byte = raw.read(1)[0]
        raw.seek(root * PAGE - 20)
        raw.write(bytes([byte ^ 1]))
    store = box.store()
    LaterCheck(file).check()
    with pytest.raises(StoreDamaged, match="found damaged"):
        store.wait(0)
    box.close()
    assert count(box.store(), "taps") == 40
    assert (box.folder / "data" / "cosound.db.broken-1").exists()


def test_all_who_met_the_damage_go_on_after_the_one_who_rescued(box: Box) -> None:
    """Six threads find the same broken file: one of them rescues it, and none waits for the others to leave."""
    fill(box)
    file = box.folder / "data" / "cosound.db"
    header(file)
    together = threading.Barrier(6, timeout=PATIENCE_S)

    def open_it(_: int) -> int:
        together.wait()
        db = open_database(file)
        together.wait()  # nobody closes before all have opened
        taps = db.count("select count(*) from taps")
        db.close()
        return taps

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(open_it, range(6))) == [40] * 6
    assert len(list(file.parent.glob("cosound.db.broken-*"))) == 1


def test_a_doubt_without_damage_is_settled(box: Box) -> None:
    store = box.store()
    assert store.db._tenancy is not None
    store.db._tenancy.doubt()
    box.close()
    again = box.store()
    assert again.wait(0) is False
    assert not list((box.folder / "data").glob("*.broken*"))


def test_the_list_of_songs_outlives_an_empty_library(box: Box) -> None:
    fill(box)
    store = box.store()
    keeper = Snapshot(store.db)
    keeper.keep()
    with store.db.write() as conn:
        conn.execute("update songs set pcm_path = null")
    keeper.keep()
    assert len(snapshot.read(box.folder / "data" / snapshot.NAME)) == 10


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": 1}', '[{"id": "x"}]'])
def test_a_torn_list_brings_back_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / snapshot.NAME).write_text(text)
    assert snapshot.read(tmp_path / snapshot.NAME) == []


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_no_wrong_bits_keep_a_box_from_starting(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Sixteen flipped bits anywhere: the store opens, and takes a tap."""
    box = Box(tmp_path_factory.mktemp("flips"))
    fill(box, taps=20)
    file = box.folder / "data" / "cosound.db"
    raw, dice = bytearray(file.read_bytes()), random.Random(seed)
    for _ in range(16):
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    file.write_bytes(raw)
    try:
        if find_damage(file, thorough=True):
            (file.parent / "cosound.db.doubtful").touch()
        store = box.store()
        tap(store, "after")
        assert find_damage(file, thorough=True) is None
    finally:
        box.close()
