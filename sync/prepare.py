"""From a downloaded file to a playable one: which is next, how often it is tried, and what its row then says.

A child process decodes, so that a file that kills decoders takes down nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from appliance.decoding import Outcome
from appliance.model import Song
from appliance.space import shortage
from appliance.store import Store
from sync.media import check_space
from sync.partfile import sha256_of

log = logging.getLogger(__name__)

MAX_TRIES = 3
MAX_BEGUN = 10
SETTLED_S = 20.0
MOST_RESTING = 50
PCM_BYTES_PER_S = 48_000 * 2 * 2

Decode = Callable[[Path, Path], Outcome]


def prepare_once(
    store: Store, pcm_dir: Path, decode: Decode, *, called_for: bool = False, lived_s: float = SETTLED_S
) -> Song | None:
    """Prepare the song that is needed next; None when there is nothing to prepare. Raises NoSpace.

    called_for: only one that is queued, pinned or placed. lived_s: for how long this process has.
    A file that ends its decoder is tried `MAX_TRIES` times, over restarts too, then refused. That this process ended
    is held against no file; but after as many ends in a row others go first, and it is begun only by a process that has
    lived for a while: so whoever kills us over and over leaves the count as it is, and a file that does is refused when
    it has done so `MAX_BEGUN` times.
    """
    song = _next(store, called_for, lived_s)
    if song is None or song.media_path is None:
        return None
    source, target = Path(song.media_path), pcm_dir / f"{song.sha256}.pcm"
    if not source.exists():
        store.library.set_media(song.id, None)
        return song
    pcm_dir.mkdir(parents=True, exist_ok=True)
    check_space(pcm_dir, int((song.duration_s or 0) * PCM_BYTES_PER_S))
    if _is_damaged(source, song) and give_up_original(store, song):
        return song
    begun = store.library.count_try(song.sha256, "begun")
    ends_us = Outcome("refused", f"this process ended {MAX_BEGUN} times while it was decoded")
    outcome = decode(source, target) if begun <= MAX_BEGUN else ends_us
    if outcome.word == "refused" and not source.exists():
        outcome = Outcome("stopped")  # given up while it was decoded: that says nothing of it
    _note(store, song, target, outcome)
    return song


def _next(store: Store, called_for: bool, lived_s: float) -> Song | None:
    for song in store.library.unprepared(MOST_RESTING, fetched=True, called_for=called_for):
        if lived_s >= SETTLED_S or store.library.tries(song.sha256, "begun") < MAX_TRIES:
            return song
    return None


def prepare_again(store: Store, song: Song, decode: Decode) -> bool:
    """Make the cache file anew in the place of the one that is there: its row stays, and who has it open plays on.

    False when that cannot be: the original is not here, or is damaged itself, or there is no room.
    """
    if song.media_path is None or song.pcm_path is None or not Path(song.media_path).exists():
        return False
    source, target = Path(song.media_path), Path(song.pcm_path)
    if shortage(target.parent, int((song.duration_s or 0) * PCM_BYTES_PER_S)):
        return False
    if _is_damaged(source, song) and give_up_original(store, song):
        return False
    return decode(source, target).word in ("done", "stopped")


def give_up_original(store: Store, song: Song) -> bool:
    """The file is damaged: say so, and let it be fetched again when it is needed. False for one that was put here by
    hand and cannot come again: a click in it is better than nothing of it, and it is said once."""
    if song.local and store.library.count_try(song.sha256, "damaged") > 1:
        return False
    store.library.count_damaged()
    log.warning(
        "%s: its file is damaged%s", song.title, " and was put here by hand: add it again" if song.local else ""
    )
    if song.local or song.media_path is None:
        return False
    store.library.give_up_file(Path(song.media_path))
    Path(song.media_path).unlink(missing_ok=True)
    return True


def _is_damaged(source: Path, song: Song) -> bool:
    return sha256_of(source) != song.sha256


def reconcile(store: Store) -> int:
    """Take back what rows say of files that are gone; how many. A row with a path is playable, always."""
    lost = 0
    for song in store.library.with_files():
        if song.media_path and not Path(song.media_path).exists():
            store.library.set_media(song.id, None)
            lost += 1
        if song.pcm_path and not Path(song.pcm_path).exists():
            store.library.set_ready(song.id, None)
            lost += 1
    return lost


def sweep(*folders: Path) -> int:
    """Remove what was half written here when its writer was killed (`.<name>.<pid>.part`); how many went.

    Only our own: of others the sandbox does not show whether they live.
    """
    halves = [part for folder in folders for part in folder.glob(".*.part") if _is_left(part)]
    for part in halves:
        part.unlink(missing_ok=True)
    return len(halves)


def _is_left(part: Path) -> bool:
    pid = part.name.split(".")[-2]
    try:
        return pid.isdigit() and part.stat().st_uid == os.geteuid() and not Path(f"/proc/{pid}").exists()
    except OSError:
        return False


def _note(store: Store, song: Song, target: Path, outcome: Outcome) -> None:
    store.library.forget_tries(song.sha256, "begun")
    if outcome.word == "stopped":
        return
    if outcome.word == "done" and not target.exists():
        outcome = Outcome("failed", "what was made of it is gone")
    if outcome.word == "failed" and store.library.count_try(song.sha256, "failed") < MAX_TRIES:
        log.warning("%s: decoding failed (%s); it is tried again", song.title, outcome.why)
        return
    store.library.forget_tries(song.sha256, "failed")
    if outcome.word == "done":
        store.library.set_ready(song.id, target)
        return
    store.library.set_refused(song.id, outcome.why)
    log.warning("%s cannot be played: %s", song.title, outcome.why)
