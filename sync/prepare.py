"""From a downloaded file to a playable one, decoded by a child process: `python -m sync.prepare SOURCE TARGET`.

The child is nice, keeps to one core, dies with us, and takes a file that kills decoders down alone.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from appliance.model import Song
from appliance.process import die_with_parent
from appliance.store import Store
from sync.media import check_space

log = logging.getLogger(__name__)

MAX_TRIES = 3
NICENESS = 10
GIVE_UP_S = 900.0
PCM_BYTES_PER_S = 48_000 * 2 * 2
LONGEST_REASON = 200
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a decoding ended: `done`, `refused` (the file's fault), `failed` (not known whose), `stopped` (ours)."""

    word: Literal["done", "refused", "failed", "stopped"]
    why: str = ""


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


def decode_in_child(source: Path, target: Path, stopping: Callable[[], bool] = lambda: False) -> Outcome:
    """Run one decoding to its end, or until `stopping` says so."""
    command = [sys.executable, "-P", "-m", "sync.prepare", str(source.absolute()), str(target.absolute())]
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **_ONE_THREAD}, cwd="/"
        )
        ended = _wait(child, stopping)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if ended != "ended":
        return Outcome("stopped" if ended == "stopped" else "failed", f"no end after {GIVE_UP_S:.0f} s")
    return _outcome(child.returncode, lines[-1] if lines else "")


def _wait(child: subprocess.Popen[bytes], stopping: Callable[[], bool]) -> Literal["ended", "stopped", "late"]:
    give_up_at = monotonic() + GIVE_UP_S
    while True:
        try:
            child.wait(timeout=0.2)
            return "ended"
        except subprocess.TimeoutExpired:
            late = monotonic() > give_up_at
            if late or stopping():
                child.kill()
                child.wait()
                return "late" if late else "stopped"


def _outcome(code: int, last_line: str) -> Outcome:
    try:
        said = json.loads(last_line)
        return Outcome(said["outcome"], str(said.get("why", ""))[:LONGEST_REASON])
    except (ValueError, KeyError, TypeError):
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return Outcome("failed", f"the decoder ended by {how}: {last_line}"[:LONGEST_REASON])


def main(source: str, target: str) -> int:
    """The child: decode, and say how it went as one line of JSON."""
    parent = os.getppid()
    die_with_parent()
    if os.getppid() != parent:
        return 1  # it ended before we asked
    os.nice(NICENESS)
    from mixer.decode import decode_to_pcm
    from mixer.pcm import PcmError

    try:
        decode_to_pcm(Path(source), Path(target))
    except PcmError as error:
        ours = isinstance(error.__cause__, OSError)  # the disk, not the file
        said = {"outcome": "failed" if ours else "refused", "why": str(error).replace(f"{source}: ", "")}
    else:
        said = {"outcome": "done"}
    print(json.dumps(said), flush=True)  # noqa: T201 - the parent reads it
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
