"""From a score to a WAV file, through the very bus that plays in the room, exact to the frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mixer.bus import SLAB
from mixer.decode import decode_to_pcm
from mixer.dynamics import LOOKAHEAD
from mixer.engine import EngineStatus
from mixer.offline_engine import OfflineEngine
from mixer.pcm import read_info
from mixer.scene import SAMPLE_RATE, SILENCE_DB, Layer, Scene, SongId
from mixer.timeline import Timeline, Track
from mixer.wav import WavFile


@dataclass(frozen=True, slots=True)
class Change:
    """From `frame` on: a strip's next goal, or None when it is empty."""

    frame: int
    strip: int
    layer: Layer | None


def render_timeline(timeline: Timeline, out: Path) -> EngineStatus:
    """Render to 16 bit WAV; returns what the engine says of itself at the end.

    Raises `PcmError` for a file that cannot be decoded, `OSError` for an output that cannot be written.
    """
    with TemporaryDirectory(prefix="cosound-render-") as folder:
        paths = _prepared({track.file for track in timeline.tracks}, Path(folder))
        changes = [change for track in timeline.tracks for change in _changes(track, paths[track.file])]
        engine = OfflineEngine(timeline.channels, SLAB, timeline.target_lufs, timeline.room)
        return render_changes(engine, timeline.channels, changes, timeline.seconds, out)


def render_changes(
    engine: OfflineEngine, channels: int, changes: Iterable[Change], seconds: float, out: Path
) -> EngineStatus:
    """Play the changes, each at its frame, for so many seconds into `out`."""
    left = round(seconds * SAMPLE_RATE)
    waiting = sorted(changes, key=lambda change: change.frame)
    layers: dict[int, Layer] = {}
    wav, skip = WavFile(out, channels, resume=False), LOOKAHEAD
    try:
        for slab in range(0, left + LOOKAHEAD, SLAB):
            due, waiting = _due(waiting, slab + SLAB)
            if due:
                engine.apply(_scene(layers, due), {each.strip: max(0, each.frame - slab) for each in due})
            block = engine.render(SLAB)[skip : skip + left]
            wav.append(block)
            left, skip = left - len(block), 0
    finally:
        wav.close()
    return engine.status()


def _due(waiting: list[Change], before: int) -> tuple[list[Change], list[Change]]:
    """What comes before that frame, one change for a strip at most, and what is left."""
    due: dict[int, Change] = {}
    left = []
    for change in waiting:
        if change.frame < before and change.strip not in due:
            due[change.strip] = change
        else:
            left.append(change)
    return list(due.values()), left


def _scene(layers: dict[int, Layer], due: Sequence[Change]) -> Scene:
    for change in due:
        if change.layer is None:
            layers.pop(change.strip, None)
        else:
            layers[change.strip] = change.layer
    return Scene(tuple(layers.values()), release_s=0.005)


def _prepared(files: Iterable[Path], folder: Path) -> Mapping[Path, Path]:
    """A cache file for each; one that is a cache file already is taken as it is."""
    paths: dict[Path, Path] = {}
    for index, file in enumerate(sorted(files)):
        if file.suffix == ".pcm":
            read_info(file)
            paths[file] = file
        else:
            paths[file] = folder / f"{index}.pcm"
            decode_to_pcm(file, paths[file])
    return paths


def _changes(track: Track, path: Path) -> list[Change]:
    """In, its moves, and out in time: a fade out begins where it must to end at `end_s`."""
    layer = Layer(
        strip=track.strip,
        song_id=SongId(f"{track.file}@{track.start_s}"),
        path=str(path),
        kind="soundscape" if track.loop else "instrumental",
        gain_db=track.gain_db,
        pan=track.pan,
        start_frame=round(track.from_s * SAMPLE_RATE),
        fade_s=track.fade_in_s,
        law=track.law,
    )
    changes = [Change(_frame(track.start_s), track.strip, layer)]
    for move in track.moves:
        layer = replace(layer, gain_db=move.gain_db, pan=move.pan, fade_s=move.fade_s)
        changes.append(Change(_frame(move.at_s), track.strip, layer))
    out_s = max(track.start_s, track.end_s - track.fade_out_s)
    gone = replace(layer, gain_db=SILENCE_DB, fade_s=min(track.fade_out_s, track.end_s - track.start_s))
    changes = [change for change in changes if change.frame <= _frame(out_s)]
    return [*changes, Change(_frame(out_s), track.strip, gone), Change(_frame(track.end_s) + SLAB, track.strip, None)]


def _frame(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
