from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import threading
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sync_fake_cloud import FakeCloud, song_id

from appliance.decoding import Outcome, decode_in_child
from appliance.store import Store
from mixer.pcm import read_info
from sync.errors import NoSpace
from sync.prepare import MAX_BEGUN, MAX_TRIES, SETTLED_S, prepare_once, reconcile, sweep
from sync.pull import pull_once


def tone(path: Path, seconds: float = 0.3) -> Path:
    """A short sawtooth, as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", (n * 300) % 20_000 - 10_000) for n in range(int(48_000 * seconds))))
    return path


@pytest.fixture
def fetched(store: Store, fake: FakeCloud, tmp_path: Path) -> Callable[[str], Path]:
    """A song whose file is here."""

    def fetch(name: str) -> Path:
        fake.put_song(name)
        pull_once(store, fake.cloud())
        path = tmp_path / f"{name}.wav"
        path.write_bytes(name.encode())
        store.library.set_media(song_id(name), path)
        return path

    return fetch


def copying(source: Path, target: Path) -> Outcome:
    target.write_bytes(source.read_bytes())
    return Outcome("done")


def failing(source: Path, target: Path) -> Outcome:
    return Outcome("failed", "the decoder ended by signal 11")


def test_a_prepared_song_is_ready_and_its_file_was_there_first(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain")
    song = prepare_once(store, tmp_path / "pcm", copying)
    assert song is not None
    (ready,) = store.library.ready()
    assert Path(str(ready.pcm_path)).read_bytes() == b"rain"
    assert Path(str(ready.pcm_path)) == tmp_path / "pcm" / f"{song.sha256}.pcm"
    assert prepare_once(store, tmp_path / "pcm", copying) is None


def test_what_is_next_in_the_queue_is_prepared_first(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("rain", "wind", "fire"):
        fetched(name)
    store.room.replace_queue([song_id("fire"), song_id("rain")], rev="1")
    order = [prepare_once(store, tmp_path / "pcm", copying) for _ in range(3)]
    assert [song.title for song in order if song] == ["fire", "rain", "wind"]


def test_a_refused_file_is_refused_once_with_its_reason_and_the_next_goes_on(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("noise")
    prepare_once(store, tmp_path, lambda *_: Outcome("refused", "not a sound file we can read"))
    song = store.library.song(song_id("noise"))
    assert song is not None and song.prepare_error == "not a sound file we can read"
    fetched("rain")
    done = prepare_once(store, tmp_path, copying)
    assert done is not None and done.title == "rain"


def test_a_file_that_kills_its_decoder_is_tried_three_times_then_refused(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("poison")
    tries = 0
    while prepare_once(store, tmp_path, failing):
        tries += 1
    song = store.library.song(song_id("poison"))
    assert song is not None and (tries, song.prepare_error) == (MAX_TRIES, "the decoder ended by signal 11")


def killing(source: Path, target: Path) -> Outcome:
    raise SystemExit  # as an end of ours in the middle


def end_in_the_middle(store: Store, folder: Path, times: int, lived_s: float = SETTLED_S) -> None:
    for _ in range(times):
        with pytest.raises(SystemExit):
            prepare_once(store, folder, killing, lived_s=lived_s)


def test_kills_of_ours_are_not_held_against_the_file_that_was_being_decoded(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain")
    end_in_the_middle(store, tmp_path, MAX_TRIES, lived_s=1.0)
    for _ in range(100):  # killed every second: it is not even begun, so nothing is counted
        assert prepare_once(store, tmp_path, killing, lived_s=1.0) is None
    prepare_once(store, tmp_path, copying)
    assert store.library.ready_count() == 1


def test_what_was_begun_over_and_over_lets_others_go_first(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("poison", "rain"):
        fetched(name)
    store.room.replace_queue([song_id("poison"), song_id("rain")], rev="1")
    end_in_the_middle(store, tmp_path, MAX_TRIES, lived_s=1.0)
    prepare_once(store, tmp_path, copying, lived_s=1.0)
    assert [song.title for song in store.library.ready()] == ["rain"]


def test_a_file_that_ends_the_whole_process_again_and_again_is_refused_in_the_end(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    """Where memory ends the kernel takes the child; this is for whatever takes us with it."""
    fetched("poison")
    end_in_the_middle(store, tmp_path, MAX_BEGUN)
    prepare_once(store, tmp_path, killing)
    song = store.library.song(song_id("poison"))
    assert song is not None and song.prepare_error == f"this process ended {MAX_BEGUN} times while it was decoded"


def test_ends_of_ours_between_do_not_save_a_file_that_kills_its_decoder(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("poison")
    for _ in range(MAX_TRIES):
        end_in_the_middle(store, tmp_path, 2)
        prepare_once(store, tmp_path, lambda *_: Outcome("stopped"))
        prepare_once(store, tmp_path, failing)
    song = store.library.song(song_id("poison"))
    assert song is not None and song.prepare_error == "the decoder ended by signal 11"


def test_an_end_of_ours_is_not_held_against_the_file(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain")
    for _ in range(5):
        prepare_once(store, tmp_path, lambda *_: Outcome("stopped"))
    prepare_once(store, tmp_path, copying)
    assert store.library.ready_count() == 1


def test_a_file_that_went_missing_is_fetched_again(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain").unlink()
    prepare_once(store, tmp_path, copying)
    assert [song.title for song in store.library.unprepared(9, fetched=False)] == ["rain"]


def test_a_file_that_is_not_what_was_fetched_is_fetched_again_and_not_decoded(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    path = fetched("rain")
    path.write_bytes(b"rayn")
    assert prepare_once(store, tmp_path, killing) is not None
    assert [song.title for song in store.library.unprepared(9, fetched=False)] == ["rain"]
    assert not path.exists()
    assert store.library.damaged_count() == 1


def test_a_file_that_is_taken_away_while_it_is_decoded_is_fetched_again_and_not_refused(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    def losing(source: Path, target: Path) -> Outcome:
        source.unlink()
        return Outcome("refused", "not a sound file we can read")

    fetched("rain")
    prepare_once(store, tmp_path, losing)
    prepare_once(store, tmp_path, copying)
    assert [song.title for song in store.library.unprepared(9, fetched=False)] == ["rain"]


def test_a_cache_file_that_is_taken_away_at_once_is_made_again(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain")
    prepare_once(store, tmp_path, lambda *_: Outcome("done"))
    song = store.library.song(song_id("rain"))
    assert song is not None and song.prepare_error is None
    prepare_once(store, tmp_path, copying)
    assert store.library.ready_count() == 1


def test_new_content_gives_a_refused_song_another_chance(
    store: Store, fake: FakeCloud, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fetched("rain")
    prepare_once(store, tmp_path, lambda *_: Outcome("refused", "silent"))
    fake.put_song("rain", sha256="b" * 64)
    pull_once(store, fake.cloud())
    assert [song.title for song in store.library.unprepared(9, fetched=False)] == ["rain"]


def test_rows_of_files_that_are_gone_are_taken_back_at_the_start(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    kept, lost = fetched("kept"), fetched("lost")
    for _ in range(2):
        prepare_once(store, tmp_path / "pcm", copying)
    lost.unlink()
    song = store.library.song(song_id("lost"))
    assert song is not None
    Path(str(song.pcm_path)).unlink()
    assert reconcile(store) == 2
    assert reconcile(store) == 0
    assert [song.media_path for song in store.library.ready()] == [str(kept)]


def test_what_a_killed_writer_left_is_swept_away_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".ab.pcm.{gone.pid}.part"
    others = [tmp_path / name for name in (f".cd.pcm.{os.getpid()}.part", "ef.flac.part", ".notes.part", "gh.pcm")]
    for file in (left, *others):
        file.touch()
    assert sweep(tmp_path, tmp_path / "nowhere") == 1
    assert not left.exists() and all(file.exists() for file in others)


def test_no_room_on_the_disk_is_said_before_a_try_is_counted(
    store: Store, fake: FakeCloud, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    fake.put_song("opera", duration=1e9)
    fetched("wind")
    store.library.set_media(song_id("opera"), tmp_path / "wind.wav")
    store.room.replace_queue([song_id("opera")], rev="1")
    with pytest.raises(NoSpace, match="MB must stay"):
        prepare_once(store, tmp_path, copying)


@pytest.mark.processes
def test_a_child_decodes_a_real_file(tmp_path: Path) -> None:
    outcome = decode_in_child(tone(tmp_path / "tone.wav"), tmp_path / "tone.pcm")
    assert outcome == Outcome("done")
    assert read_info(tmp_path / "tone.pcm").frames == 14_400


@pytest.mark.processes
def test_a_child_says_why_a_file_is_refused_without_naming_our_folders(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    outcome = decode_in_child(tmp_path / "text.wav", tmp_path / "text.pcm")
    assert outcome.word == "refused" and outcome.why.startswith("not a sound file")
    assert not (tmp_path / "text.pcm").exists()


@pytest.mark.processes
def test_a_target_that_cannot_be_written_is_not_the_files_fault(tmp_path: Path) -> None:
    outcome = decode_in_child(tone(tmp_path / "tone.wav"), tmp_path / "nowhere" / "tone.pcm")
    assert outcome.word == "failed"


@pytest.mark.processes
def test_a_child_is_ended_when_the_agent_stops(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless")  # its decoder waits for a writer
    stopping = threading.Event()
    threading.Timer(0.3, stopping.set).start()
    assert decode_in_child(tmp_path / "endless", tmp_path / "x.pcm", stopping.is_set).word == "stopped"


def test_failures_are_told_in_the_log_by_title(
    store: Store, fetched: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fetched("rain")
    with caplog.at_level(logging.WARNING):
        prepare_once(store, tmp_path, failing)
    assert "rain: decoding failed (the decoder ended by signal 11)" in caplog.text


MEASURED = (
    "import resource, sys; from pathlib import Path; from appliance.decoding import decode_in_child as decode; "
    "print(decode(Path(sys.argv[1]), Path(sys.argv[2])).word, "
    "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
)


@pytest.mark.processes
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("ending", "format_", "subtype", "seconds"),
    [
        (".wav", "WAV", "PCM_16", 900), (".flac", "FLAC", "PCM_16", 20), (".ogg", "OGG", "VORBIS", 20),
        (".mp3", "MP3", "MPEG_LAYER_III", 20), (".opus", "OGG", "OPUS", 20),
    ],
)  # fmt: skip
def test_a_child_stays_small_whatever_the_kind_and_however_long(
    tmp_path: Path, ending: str, format_: str, subtype: str, seconds: int
) -> None:
    source = tmp_path / f"song{ending}"
    with soundfile.SoundFile(source, "w", 48_000, 1, subtype, format=format_) as file:
        second = np.random.default_rng(1).uniform(-0.2, 0.2, 48_000).astype(np.float32)
        for _ in range(seconds):
            file.write(second)
    command = [sys.executable, "-c", MEASURED, str(source), str(tmp_path / "song.pcm")]
    word, mib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert (word, int(mib) <= 150) == ("done", True), f"{word}, {mib} MiB"
    assert read_info(tmp_path / "song.pcm").frames == pytest.approx(48_000 * seconds, abs=3_000)
