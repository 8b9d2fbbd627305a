"""The screen's thread with the store: it reads what the others wrote and stores what people pressed."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from appliance.clock import Clock
from appliance.config import Config
from appliance.errors import CosoundError, SetupError
from appliance.linkwords import sync_now
from appliance.process import Stop, run
from appliance.readers import readers_now
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.ui.facts import Facts, SeenTap, Songbook, Sound, StripState, links_from, sound_from, turned_away_from
from appliance.ui.songbook import read_songbook

log = logging.getLogger(__name__)

TICK_S = 0.1
LOOK_AGAIN_S = 1.0

Answer = TypeVar("Answer")
Job = Callable[[Store], Any]


class Feed:
    """Steps ten times a second, and at once when the bell rings or something was pressed.

    show: called after every step with what was read, in the feed's thread.
    SQLite connections belong to their thread, and a commit waits for the disk: neither may hold up the screen.
    """

    def __init__(self, config: Config, clock: Clock, show: Callable[[Facts], None]) -> None:
        self._config = config
        self._clock = clock
        self._show = show
        self._runtime = Runtime(config.box_runtime_dir)
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any]]] = queue.SimpleQueue()
        self._moves: dict[str, Job] = {}
        self._moves_lock = threading.Lock()
        self._titles: dict[str, str] = {}
        self._facts = Facts()
        self._songs: Songbook | None = None
        self._looked_s = float("-inf")
        self._store: Store | None = None
        self._thread: threading.Thread | None = None

    def start(self, stop: Stop) -> None:
        """Open the store and step in a thread of its own until `stop`. Raises SetupError if it cannot be opened."""
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(stop, opened), name="store", daemon=True)
        self._thread.start()
        opened.result()

    def join(self, timeout_s: float) -> None:
        if self._thread:
            self._thread.join(timeout_s)

    def do(self, job: Callable[[Store], Answer], *, ends: str | None = None) -> Future[Answer]:
        """Run `job` on the store soon; its answer or error comes in the future.

        ends: the key of a drag this is the end of, whose last move must not come after it.
        """
        answer: Future[Answer] = Future()
        if ends is not None:
            with self._moves_lock:
                self._moves.pop(ends, None)
        self._jobs.put((job, answer))
        self._nudge()
        return answer

    def move(self, key: str, job: Job) -> None:
        """Like `do` for something that is dragged: at most once a tick, and only the newest of each key."""
        with self._moves_lock:
            self._moves[key] = job

    def open(self) -> None:
        self._store = open_store(self._config.box_data_dir, self._config.box_runtime_dir, "ui", self._clock)

    def close(self) -> None:
        if self._store:
            self._store.close()

    def step(self, wait_s: float = TICK_S) -> None:
        """Wait for news, store what was pressed, read, show."""
        store = self._opened()
        changed = store.wait(wait_s)
        changed = self._work(store) or changed
        now_s = self._clock.boot_s()
        if changed or self._songs is None or now_s >= self._songs.holds_until_s:
            self._songs = read_songbook(store)
        self._look(store, people=changed or now_s - self._looked_s >= LOOK_AGAIN_S)
        self._show(self._facts)

    def _run(self, stop: Stop, opened: Future[None]) -> None:
        try:
            self.open()
        except BaseException as error:  # noqa: BLE001 - handed to whoever called start()
            opened.set_exception(error)
            return
        opened.set_result(None)
        try:
            run("ui", self.step, stop)
        except SetupError as error:
            log.error("the screen ends: %s", error)
        finally:
            stop.request()  # a screen without its feed would show old news for ever: end, and be started again
            self.close()

    def _opened(self) -> Store:
        assert self._store is not None, "open() comes first"
        return self._store

    def _nudge(self) -> None:
        """Ring our own bell: a press is stored now, not at the next tick."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hand:
            hand.setblocking(False)
            hand.sendto(b"!", str(self._config.box_runtime_dir / "bell" / "ui"))

    def _work(self, store: Store) -> bool:
        moves = self._taken_moves()
        for move in moves:
            _answer(move, store, Future())
        worked = bool(moves)
        while not self._jobs.empty():
            job, answer = self._jobs.get()
            _answer(job, store, answer)
            worked = True
        return worked

    def _taken_moves(self) -> list[Job]:
        with self._moves_lock:
            jobs = list(self._moves.values())
            self._moves.clear()
        return jobs

    def _look(self, store: Store, *, people: bool) -> None:
        sound = self._with_titles(store, sound_from(self._runtime.read("player")))
        if not people:
            known = self._facts
            self._facts = replace(known, sound=sound)
            return
        self._looked_s = self._clock.boot_s()
        reader = self._runtime.read("reader")
        self._facts = Facts(
            sound,
            links_from(
                sync_now(self._runtime.read("sync"), self._looked_s),
                readers_now(reader, self._looked_s),
                read_only=store.db.read_only,
            ),
            store.room.control(),
            _seen_tap(store),
            _names(store),
            turned_away_from(reader),
            self._songs or Songbook(),
        )

    def _with_titles(self, store: Store, sound: Sound) -> Sound:
        """A layer that fades out is in no scene any more, so the player has lost its title."""
        if all(strip is None or strip.title for strip in sound.strips):
            return sound
        return replace(sound, strips=tuple(strip and self._with_title(store, strip) for strip in sound.strips))

    def _with_title(self, store: Store, strip: StripState) -> StripState:
        if strip.title:
            return strip
        if strip.song_id not in self._titles:
            song = store.library.song(strip.song_id)
            self._titles[strip.song_id] = song.title if song else ""
        return replace(strip, title=self._titles[strip.song_id])


def _answer(job: Job, store: Store, answer: Future[Any]) -> None:
    """Run one job; whatever it raises goes to who asked, and is logged if it is a bug of ours."""
    try:
        answer.set_result(job(store))
    except CosoundError as error:
        answer.set_exception(error)
    except Exception as error:
        log.exception("the screen could not store what was pressed")
        answer.set_exception(error)


def _seen_tap(store: Store) -> SeenTap | None:
    last = store.people.last_tap()
    if last is None:
        return None
    result, ago_s = last
    listener = result.listener
    return SeenTap(
        tap_id=result.tap_id,
        outcome=result.outcome,
        at_s=round(store.clock.boot_s() - ago_s, 3),
        name=listener.display_name if listener else "",
        profile_id=listener.id if listener else None,
        is_new=result.new_listener,
    )


def _names(store: Store) -> tuple[str, ...]:
    """Who is here, longest first, each once."""
    return tuple({person.listener.id: person.listener.display_name for person in store.people.present()}.values())
