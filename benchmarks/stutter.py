"""The real player against a card that never waits, with everything around it that a bad day could bring."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.errors import CosoundError
from appliance.model import Fader
from appliance.tapline import send_tap
from benchmarks.box import Box, box_with_songs
from benchmarks.processes import running, until
from benchmarks.row import Row
from benchmarks.sound_card import SoundCard
from mixer.priority import AUDIO_NICE

SONGS = 100_000
BUSY = 4
HOLD_S = 0.2


def underrun_rows(seconds: float) -> list[Row]:
    """Underruns of the card in so many seconds, and the control: a player held up for 200 ms must show."""
    with ExitStack() as stack:
        box = stack.enter_context(box_with_songs())
        songs = SONGS if seconds >= 60 else SONGS // 10
        _fill_library(box, songs)
        card = SoundCard(Path(stack.enter_context(TemporaryDirectory(prefix="cosound-card-"))))
        stack.callback(card.close)
        box = replace(box, extra={**box.extra, **card.env, "COSOUND_READER": "none"})
        player = stack.enter_context(running(box, "player"))
        until(lambda: bool(box.runtime.read("player").get("audible")), within_s=30)
        time.sleep(3)  # its first scene has faded in, its garbage is frozen
        card.forgive()
        with _bare_sleeper() as overslept_s, _bad_day(box) as deeds:
            time.sleep(seconds)
        mixed = box.runtime.read("player")
        underruns, silence_s = card.underruns, card.silence_s
        card.forgive()
        os.kill(player.pid, signal.SIGSTOP)
        time.sleep(HOLD_S)
        os.kill(player.pid, signal.SIGCONT)
        time.sleep(0.5)
        control = card.underruns
    note = (
        f"{seconds:.0f} s, {songs} songs, {deeds['taps']} taps, {deeds['scenes']} faders moved, "
        f"{deeds['kills']} kills of others, {BUSY} busy processes; {1000 * silence_s:.0f} ms missing; "
        f"by its own count {mixed.get('underruns')}; a bare process of that priority overslept by up to "
        f"{1000 * overslept_s.value:.0f} ms, so much is the machine's; load {os.getloadavg()[0]:.1f}"
    )
    return [
        Row("mixer.underruns", "underruns of a card at exactly 48 kHz", float(underruns), "", goal=0.0, note=note),
        Row("mixer.underruns.control", "a player held up for 200 ms: must be seen", float(control), "",
            goal=1.0, better="more"),
    ]  # fmt: skip


def _fill_library(box: Box, count: int) -> None:
    """Songs the cloud has and the box has not fetched."""
    store = box.store("bench-library")
    with store.db.write(durable=False) as conn:
        row = dict(conn.execute("select * from songs limit 1").fetchone())
        row |= {"pcm_path": None, "media_path": None}
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        many = ({**row, "id": f"00000000-0000-4000-9000-{n:012d}", "title": f"Far away {n}"} for n in range(count))
        conn.executemany(
            f"insert into songs ({names}) values ({marks})",  # noqa: S608  the names are the table's own
            (tuple(song.values()) for song in many),
        )
    store.close()


@contextmanager
def _bad_day(box: Box) -> Iterator[dict[str, int]]:
    """Taps, scenes, commits to the disk, cold caches, busy cores and killed neighbours, all at once."""
    deeds = {"taps": 0, "scenes": 0, "kills": 0}
    over = threading.Event()
    acts = (_tap, _move_faders, _kill_others, _cool_cache)
    threads = [threading.Thread(target=act, args=(box, over, deeds), daemon=True) for act in acts]
    busy = [multiprocessing.get_context("fork").Process(target=_burn, daemon=True) for _ in range(BUSY)]
    for each in (*busy, *threads):
        each.start()
    try:
        yield deeds
    finally:
        over.set()
        for process in busy:
            process.kill()
        for thread in threads:
            thread.join(10)


@contextmanager
def _bare_sleeper() -> Iterator[Any]:
    """How late the machine itself wakes a process that does nothing, at the audio thread's priority."""
    context = multiprocessing.get_context("fork")
    longest_s = context.Value("d", 0.0)
    process = context.Process(target=_sleep_and_look, args=(longest_s,), daemon=True)
    process.start()
    yield longest_s
    process.kill()


def _sleep_and_look(longest_s: Any) -> None:
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, AUDIO_NICE)
    last_s = time.monotonic()
    while True:
        time.sleep(0.005)
        now_s = time.monotonic()
        longest_s.value = max(longest_s.value, now_s - last_s - 0.005)
        last_s = now_s


def _tap(box: Box, over: threading.Event, deeds: dict[str, int]) -> None:
    """Ten a second, each committed to the disk by the reader's process."""
    number = 0
    while not over.wait(0.1):
        number += 1
        with suppress(CosoundError, OSError):  # the reader's process is being killed meanwhile
            send_tap(box.runtime_dir, b"\x04" + (number % 40).to_bytes(6, "big"))
            deeds["taps"] += 1


def _move_faders(box: Box, over: threading.Event, deeds: dict[str, int]) -> None:
    """A scene a second, by a hand on a fader."""
    store, dice = box.store("bench-hand"), random.Random(4)
    while not over.wait(1.0):
        layers = box.runtime.read("player").get("scene") or []
        if layers:
            store.room.hold_fader(Fader(dice.choice(layers)["song_id"], dice.uniform(-20, 0), False))
            deeds["scenes"] += 1
    store.close()


def _kill_others(box: Box, over: threading.Event, deeds: dict[str, int]) -> None:
    """The reader, again and again, as if it had crashed and come back."""
    cosound = Path(sys.executable).parent / "cosound"
    while not over.is_set():
        other = subprocess.Popen([str(cosound), "nfc"], env=box.env, stdout=subprocess.DEVNULL)
        over.wait(4)
        other.kill()
        other.wait()
        deeds["kills"] += 1


def _cool_cache(box: Box, over: threading.Event, _deeds: dict[str, int]) -> None:
    """Every second the kernel is told that nobody needs the songs' files any more."""
    while not over.wait(1.0):
        for path in (box.data_dir / "pcm").glob("*.pcm"):
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def _burn() -> None:
    while True:
        sum(number * number for number in range(1000))
