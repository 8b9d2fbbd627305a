"""A person's own files: how they are found, named, judged and kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.child import Progress
from appliance.errors import InputError, TransientError
from appliance.model import NEUTRAL
from appliance.music.adding import Adding, Result, summary
from appliance.music.door import Kept, Piece, hash_file
from appliance.music.find import Found, NotFound, find
from appliance.music.kind import kind_of
from appliance.music.naming import LONGEST_TITLE, shown, title_of
from appliance.music.shelf import Shelf
from appliance.music.study import Study, clock
from appliance.store import Store
from mixer.scene import Kind
from sync.cache import Limits, make_room
from sync.prepare import give_up_original
from tests.factories import Box, put, put_songs, song_row, uid

RAIN_VECTOR = (0.9, 0.0, 0.05, 0.05, 0.0)


# Names


@pytest.mark.parametrize(
    ("name", "tag", "title"),
    [
        ("03 - rain_on_roof.wav", "", "Rain on roof"),
        ("03 - rain_on_roof.wav", "La pluie", "La pluie"),
        ("01-02 Dawn.flac", "", "Dawn"),
        ("07. dawn-chorus.ogg", "  ", "Dawn chorus"),
        ("05 Harbour.mp3", "", "Harbour"),
        ("10 Downing Street.wav", "", "10 Downing Street"),
        ("1999.wav", "", "1999"),
        ("Ann - Wood.mp3", "", "Ann - Wood"),
        ("été_à_la_mer.opus", "", "Été à la mer"),
        ("a.wav", "two\nlines\x00", "two lines"),
        ("a.wav", "H\ufffdlle", "A"),
        ("_.wav", "", "_"),
    ],
)
def test_a_title_comes_from_the_tags_or_the_name(name: str, tag: str, title: str) -> None:
    assert title_of(name, tag) == title


@given(st.binary(min_size=1, max_size=40), st.text(max_size=300))
def test_any_name_and_any_tag_give_a_title_of_one_line(name: bytes, tag: str) -> None:
    title = title_of(os.fsdecode(name), tag)
    assert 1 <= len(title) <= LONGEST_TITLE
    assert title.isprintable()
    assert shown(os.fsdecode(name)).encode()


@pytest.mark.parametrize(
    ("name", "folders", "genre", "kind"),
    [
        ("rain.wav", (), "", "soundscape"),
        ("Slow Piano.wav", (), "", "instrumental"),
        ("pianos_are_far.wav", (), "", "soundscape"),
        ("take 3.wav", ("Cello",), "", "instrumental"),
        ("take 3.wav", (), "Jazz", "instrumental"),
        ("take 3.wav", (), "Ambient", "soundscape"),
        ("take 3.wav", (), "Field Recording", "soundscape"),
        ("take 3.wav", (), "  ", "soundscape"),
    ],
)
def test_what_a_file_counts_as(name: str, folders: tuple[str, ...], genre: str, kind: Kind) -> None:
    assert kind_of(name, folders, genre) == kind


def test_lengths_are_written_as_people_do() -> None:
    assert [clock(seconds) for seconds in (0.4, 192, 3599.7, 36_000)] == ["0:00", "3:12", "1:00:00", "10:00:00"]


# Finding


def touch(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def refused(paths: list[Path]) -> dict[str, str]:
    return {thing.name: thing.why for thing in find(paths) if isinstance(thing, NotFound)}


def test_a_folder_is_searched_to_its_depth_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "sub/deep/c.opus", ".hidden.wav", ".git/d.wav"):
        touch(tmp_path / name)
    found = [thing for thing in find([tmp_path]) if isinstance(thing, Found)]
    assert [(thing.name, thing.folders) for thing in found] == [
        ("a.FLAC", ()), ("b.wav", ()), ("sub/deep/c.opus", ("sub", "deep")),
    ]  # fmt: skip


def test_what_is_no_sound_file_has_its_reason(tmp_path: Path) -> None:
    touch(tmp_path / "cover.jpg")
    touch(tmp_path / "noending")
    touch(tmp_path / "empty.wav", b"")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "lost.wav").symlink_to(tmp_path / "gone")
    reasons = refused([tmp_path, tmp_path / "nowhere"])
    assert reasons["cover.jpg"].startswith("ends in .jpg, which is not played here; save it as")
    assert reasons["noending"].startswith("has no ending; save it as")
    assert reasons["empty.wav"] == "is empty; copy or export it again"
    assert reasons["pipe.wav"].startswith("is not a file")
    assert reasons["lost.wav"] == "leads nowhere; remove it"
    assert reasons["nowhere"] == "is not there; look at how it is spelt"


def test_a_folder_with_nothing_in_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert refused([tmp_path]) == {str(tmp_path): "no file in it; name a folder with sound in it"}


# Adding


@dataclass
class Pile:
    """A door that keeps everything, but what it was told to refuse."""

    folder: Path
    kept: dict[str, Piece] = field(default_factory=dict)
    fails_with: Exception | None = None
    where: str = "to a pile"

    def known(self, digest: str) -> Kept | None:
        piece = self.kept.get(digest)
        return Kept(digest, piece.title, piece.kind, new=False) if piece else None

    def cache_file(self, digest: str) -> Path:
        return self.folder / f"{digest}.pcm"

    def keep(self, piece: Piece) -> Kept:
        if self.fails_with:
            raise self.fails_with
        self.kept[piece.sha256] = piece
        return Kept(piece.sha256, piece.title, piece.kind)


def listened(**about: object) -> Callable[[Path, Path | None, Progress], Study]:
    """A study that hears three minutes of what it is told, and makes the cache file."""

    def study(source: Path, target: Path | None, progress: Progress) -> Study:
        if b"bad" in source.read_bytes():
            raise InputError("is silent; choose a file with sound in it")
        if target:
            target.write_bytes(b"pcm of " + source.read_bytes())
        progress(1.0)
        return Study(**{"ending": ".wav", "duration_s": 192.0, "channels": 2, "rate_hz": 44_100} | about)  # type: ignore[arg-type]

    return study


def lines(results: list[Result]) -> list[str]:
    return [result.line() for result in results]


def test_each_file_has_its_line_and_what_is_bad_holds_up_no_other(tmp_path: Path) -> None:
    music, pile = tmp_path / "music", Pile(tmp_path)
    touch(music / "01 - rain_on_roof.wav", b"one")
    touch(music / "again.wav", b"one")
    touch(music / "bad.wav", b"bad")
    touch(music / "piano.wav", b"two")
    touch(music / "notes.txt")
    results = list(Adding(pile, study=listened()).add([music]))
    assert lines(results) == [
        "added: Rain on roof (soundscape, 3:12)",
        "already there: Rain on roof (again.wav)",
        "refused: bad.wav: is silent; choose a file with sound in it",
        "refused: notes.txt: ends in .txt, which is not played here; save it as WAV, FLAC, OGG, MP3 or Opus",
        "added: Piano (instrumental, 3:12)",
    ]
    assert summary(results) == "2 added, 1 already there, 2 refused"
    assert {path.read_bytes() for path in tmp_path.glob("*.pcm")} == {b"pcm of one", b"pcm of two"}


def test_a_kind_that_is_told_wins_and_tags_name_the_song(tmp_path: Path) -> None:
    touch(tmp_path / "piano.wav")
    pile = Pile(tmp_path)
    list(Adding(pile, "soundscape", study=listened(title="Étude", artist="Ida", genre="Classical")).add([tmp_path]))
    (piece,) = pile.kept.values()
    assert (piece.title, piece.artist, piece.kind) == ("Étude", "Ida", "soundscape")


def test_small_files_can_come_first(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav", b"large" * 9)
    touch(tmp_path / "b.wav", b"small")
    pile = Pile(tmp_path)
    assert [result.title for result in Adding(pile, study=listened()).add([tmp_path], small_first=True)] == ["B", "A"]


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    shares: list[float] = []
    list(Adding(Pile(tmp_path), study=listened(), on_share=lambda _, share: shares.append(share)).add([tmp_path]))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_long_work_says_how_long_it_took() -> None:
    result = Result("x.flac", "added", "Opera", "instrumental", 36_000.0, took_s=603.0)
    assert result.line() == "added: Opera (instrumental, 10:00:00, in 10:03)"


def test_what_is_no_files_fault_ends_the_run_and_leaves_no_cache_file(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    pile = Pile(tmp_path, fails_with=TransientError("the disk is full"))
    with pytest.raises(TransientError):
        list(Adding(pile, study=listened()).add([tmp_path]))
    assert not list(tmp_path.glob("*.pcm"))


# The shelf


@pytest.fixture
def shelf(box: Box, store: Store) -> Shelf:
    return Shelf.of(box.config(), store)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return touch(tmp_path / "music" / "03 - rain.wav", b"rain").parent


def test_a_song_put_on_the_box_is_ready_and_its_files_are_there(shelf: Shelf, store: Store, music: Path) -> None:
    heard = listened(vector=RAIN_VECTOR, source="model", artist="Ida", ending=".flac")
    (result,) = Adding(shelf, study=heard).add([music])
    (song,) = store.library.ready()
    assert (song.id, song.title, song.artist, song.duration_s) == (result.song_id, "Rain", "Ida", 192.0)
    assert (song.embedding, song.embedding_source, song.local) == (RAIN_VECTOR, "model", True)
    assert song.file_url == "local:03 - rain.wav"
    assert song.sha256 == hash_file(music / "03 - rain.wav")
    media = Path(str(song.media_path))
    assert (media.name, media.read_bytes()) == (f"{song.sha256}.flac", b"rain")
    assert Path(str(song.pcm_path)).read_bytes() == b"pcm of rain"
    assert [path.name for path in shelf.media_dir.iterdir()] == [media.name], "no half file stays"


def test_an_instrumental_is_neutral_whatever_the_model_hears(shelf: Shelf, store: Store, music: Path) -> None:
    list(Adding(shelf, "instrumental", study=listened(vector=RAIN_VECTOR, source="model")).add([music]))
    (song,) = store.library.ready()
    assert (song.embedding, song.embedding_source) == (NEUTRAL, "neutral")


def test_the_same_file_again_changes_nothing(shelf: Shelf, store: Store, music: Path) -> None:
    adding = Adding(shelf, study=listened())
    list(adding.add([music]))
    assert lines(list(adding.add([music]))) == ["already there: Rain (03 - rain.wav)"]
    assert store.library.count() == 1


def test_a_file_that_changes_meanwhile_is_refused_and_leaves_nothing(shelf: Shelf, store: Store, music: Path) -> None:
    def changing(source: Path, target: Path | None, progress: Progress) -> Study:
        found = listened()(source, target, progress)
        source.write_bytes(b"other")
        return found

    (result,) = Adding(shelf, study=changing).add([music])
    assert result.why == "changed while it was read; add it again"
    assert not list(shelf.media_dir.iterdir()) and not list(shelf.pcm_dir.iterdir())
    assert store.library.count() == 0


def test_a_lost_file_can_be_added_again(shelf: Shelf, store: Store, music: Path) -> None:
    adding = Adding(shelf, study=listened())
    list(adding.add([music]))
    (song,) = store.library.ready()
    store.library.set_media(song.id, None)
    store.library.set_ready(song.id, None)
    assert store.library.unprepared(9, fetched=False) == [], "no cloud can send it"
    assert lines(list(adding.add([music]))) == ["added: Rain (soundscape, 3:12)"]
    assert store.library.count() == 1


def test_a_file_that_was_found_damaged_can_be_added_again(shelf: Shelf, store: Store, music: Path) -> None:
    adding = Adding(shelf, study=listened())
    list(adding.add([music]))
    (song,) = store.library.ready()
    media = Path(str(song.media_path))
    media.write_bytes(b"rein")
    assert not give_up_original(store, song)
    assert lines(list(adding.add([music]))) == ["added: Rain (soundscape, 3:12)"]
    assert media.read_bytes() == b"rain"
    assert store.library.ready() == [song]
    assert lines(list(adding.add([music]))) == ["already there: Rain (03 - rain.wav)"]


def test_a_reset_of_the_clouds_bucket_leaves_ones_own_alone(shelf: Shelf, store: Store, music: Path) -> None:
    put_songs(store, song_row(1), song_row(2))
    list(Adding(shelf, study=listened()).add([music]))
    store.bucket.replace([put("songs", uid(2), song_row(2))], epoch="new", rev=1)
    assert {song.title for song in store.library.ready()} == {"Song 2", "Rain"}


def test_a_room_with_a_library_of_its_own_plays_ones_own_too(shelf: Shelf, store: Store, music: Path) -> None:
    put_songs(store, song_row(1), song_row(2))
    store.bucket.apply([put("player_library", uid(2), {"song_id": uid(2)})], epoch="e", rev=9)
    list(Adding(shelf, study=listened()).add([music]))
    assert {song.title for song in store.library.ready()} == {"Song 2", "Rain"}
    assert {song.title for song in store.library.songs()} == {"Song 2", "Rain"}


def test_the_clouds_song_with_the_same_bytes_plays_in_its_place(shelf: Shelf, store: Store, music: Path) -> None:
    list(Adding(shelf, study=listened()).add([music]))
    (mine,) = store.library.ready()
    put_songs(store, song_row(1, title="Theirs", sha256=mine.sha256))
    assert [song.title for song in store.library.ready()] == ["Theirs"]


def test_the_cache_never_gives_up_the_only_copy(shelf: Shelf, store: Store, music: Path) -> None:
    list(Adding(shelf, study=listened()).add([music]))
    make_room(store, Limits(files=0, prepared=0, prepared_bytes=0), sounding=())
    (song,) = store.library.with_files()
    assert song.pcm_path is None, "what can be made again may go"
    assert Path(str(song.media_path)).exists()
    assert [song.title for song in store.library.unprepared(9, fetched=True)] == ["Rain"]


def test_only_a_song_marked_as_put_here_is_stored_as_such(store: Store) -> None:
    put_songs(store, song_row(1))
    (song,) = store.library.ready()
    with pytest.raises(ValueError, match="local:"):
        store.library.add_local(song, loudness_lufs=None, true_peak_dbtp=None)
