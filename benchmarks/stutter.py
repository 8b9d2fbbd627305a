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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from appliance.model import Fader, TapRead
from benchmarks.box import Box, box_with_songs
from benchmarks.processes import running, until
from benchmarks.row import Row
from benchmarks.sound_card import SoundCard
from checkin import rules
from mixer.priority import AUDIO_NICE

SONGS = 100_000
BUSY = 4
OTHERS = ("nfc", "sync", "ui")
KILL_EVERY_S = 2.0


def underrun_rows(seconds: float) -> list[Row]:
    """Underruns of the card in so many seconds, and the control: a player held up for 500 ms must show."""
    with ExitStack() as stack:
        box = stack.enter_context(box_with_songs())
        songs = SONGS if seconds >= 60 else SONGS // 10
        _fill_library(box, songs)
        card = SoundCard(Path(stack.enter_context(TemporaryDirectory(prefix="cosound-card-"))))
        stack.callback(card.close)
        nowhere = {"DJANGO_API_URL": "http://127.0.0.1:9", "PLAYER_TOKEN": "none", "COSOUND_READER": "none"}
        box = replace(box, extra={**box.extra, **card.env, **nowhere})
        player = stack.enter_context(running(box, "-m", "benchmarks.held_player"))
        until(lambda: bool(box.runtime.read("player").get("audible")), within_s=30)
        time.sleep(3)  # its first scene has faded in, its garbage is frozen
        before = box.runtime.read("player")["underruns"]
        card.forgive()
        with _bare_sleeper() as overslept_s, _bad_day(box) as deeds:
            time.sleep(seconds)
        engine = box.runtime.read("player")["engine"]
        underruns, silence_s, card_late_s = card.underruns, card.silence_s, card.late_s
        card.forgive()
        os.kill(player.pid, signal.SIGUSR2)
        time.sleep(1.5)
        control = card.underruns
    note = (
        f"{seconds:.0f} s, {songs} songs, {deeds['taps']} taps, {deeds['scenes']} faders moved, "
        f"{deeds['kills']} kills of others, {BUSY} busy processes; {1000 * silence_s:.0f} ms missing; "
        f"by its own count {engine['underruns'] - before}. Ours, since its start: a slab waited for the "
        f"interpreter for up to {engine['longest_gil_ms']:.0f} ms and took up to "
        f"{engine['callback_ms_max']:.0f} ms. The machine's: a bare process of that priority overslept by up to "
        f"{1000 * overslept_s.value:.0f} ms, the card, in real time, by {1000 * card_late_s:.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return [
        Row("mixer.underruns", "underruns of a card at exactly 48 kHz", float(underruns), "", goal=0.0, note=note),
        Row("mixer.underruns.control", "the player's interpreter held for 500 ms: must be seen", float(control), "",
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
    """Ten a second, each on the disk before the next, whether the reader's process is just being killed or not."""
    store, due_s = box.store("bench-reader"), time.monotonic()
    while not over.wait(max(0.0, due_s - time.monotonic())):
        due_s += 0.1
        number = deeds["taps"]
        read = TapRead(str(uuid4()), f"{number % 40:064x}", 1, round(1000 * store.clock.boot_s()), 0)
        store.people.record_tap(read, rules)
        deeds["taps"] += 1
    store.close()


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
    """Reader, sync and screen, one after the other, as if they had crashed and come back, again and again."""
    cosound = Path(sys.executable).parent / "cosound"
    with ExitStack() as stack:
        others = {name: stack.enter_context(_kept(cosound, name, box)) for name in OTHERS}
        while not over.wait(KILL_EVERY_S):
            others[OTHERS[deeds["kills"] % len(OTHERS)]]()
            deeds["kills"] += 1


@contextmanager
def _kept(cosound: Path, name: str, box: Box) -> Iterator[Callable[[], None]]:
    """A process of the box, and how to kill it and start it again."""
    command = [str(cosound), name]
    running = [subprocess.Popen(command, env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]

    def kill() -> None:
        running[0].kill()
        running[0].wait()

    def again() -> None:
        kill()
        running[0] = subprocess.Popen(command, env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    yield again
    kill()


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
