"""From a downloaded file to a playable one: which is next, how often it is tried, and what its row then says.

A child process decodes, so that a file that kills decoders takes down nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from appliance.decoding import Outcome
from appliance.model import Song
from appliance.store import Store
from sync.media import check_space

log = logging.getLogger(__name__)

MAX_TRIES = 3
PCM_BYTES_PER_S = 48_000 * 2 * 2

Decode = Callable[[Path, Path], Outcome]


def prepare_once(store: Store, pcm_dir: Path, decode: Decode, *, called_for: bool = False) -> Song | None:
    """Prepare the song that is needed next; None when there is nothing to prepare. Raises NoSpace.

    called_for: only one that is queued, pinned or placed.
    A file whose decoding ends without a word is tried `MAX_TRIES` times, over restarts too, then refused.
    """
    song = next(iter(store.library.unprepared(1, fetched=True, called_for=called_for)), None)
    if song is None or song.media_path is None:
        return None
    source, target = Path(song.media_path), pcm_dir / f"{song.sha256}.pcm"
    if not source.exists():
        store.library.set_media(song.id, None)
        return song
    pcm_dir.mkdir(parents=True, exist_ok=True)
    check_space(pcm_dir, int((song.duration_s or 0) * PCM_BYTES_PER_S))
    tries = store.library.count_try(song.sha256)
    outcome = decode(source, target) if tries <= MAX_TRIES else Outcome("failed", "decoding it ends the process")
    _note(store, song, target, outcome, tries)
    return song


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


def _note(store: Store, song: Song, target: Path, outcome: Outcome, tries: int) -> None:
    last = tries >= MAX_TRIES
    if outcome.word == "done" and target.exists():
        store.library.set_ready(song.id, target)
    elif outcome.word == "refused" or (outcome.word != "stopped" and last):
        store.library.set_refused(song.id, outcome.why)
        log.warning("%s cannot be played: %s", song.title, outcome.why)
    elif outcome.word != "stopped":
        log.warning("%s: decoding failed (%s); it is tried again", song.title, outcome.why)
        return
    store.library.forget_tries(song.sha256)
