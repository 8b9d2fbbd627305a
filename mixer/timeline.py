"""A piece written down as JSON: which files sound when, how loud and where. Read, checked, laid on strips."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from mixer.scene import STRIPS, Law
from mixer.space import OUTPUT_COUNTS, Room

LONGEST_S = 24 * 3600.0


class TimelineError(Exception):
    """A timeline that cannot be rendered: says where in the file, what is wrong, and what may stand there."""


@dataclass(frozen=True, slots=True)
class Move:
    """From `at_s` on a layer goes to another gain and place, in `fade_s` seconds."""

    at_s: float
    gain_db: float
    pan: float
    fade_s: float


@dataclass(frozen=True, slots=True)
class Track:
    """One file on one strip from `start_s` to `end_s` of the piece; its fade out ends at `end_s`."""

    strip: int
    file: Path
    start_s: float
    end_s: float
    gain_db: float
    pan: float
    fade_in_s: float
    fade_out_s: float
    law: Law
    loop: bool
    from_s: float
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole piece. `target_lufs` is what every file is brought to before its gain."""

    seconds: float
    channels: int
    target_lufs: float
    room: Room
    tracks: tuple[Track, ...]


def read_timeline(path: Path) -> Timeline:
    """Read and check. Files are looked for beside the timeline. Raises `TimelineError`."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TimelineError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise TimelineError(f"{path}: not valid JSON: {error}") from error
    fields = _Fields(path, "", tree)
    seconds = fields.number("seconds", None, 0.01, LONGEST_S)
    channels = fields.choice("channels", 2, OUTPUT_COUNTS)
    target = fields.number("target_lufs", -20.0, -60, 0)
    room = Room(reverb=fields.number("reverb", 0.0, 0, 1), reverb_size=fields.number("reverb_size", 0.5, 0, 1))
    tracks = [_track(each, path.parent, seconds) for each in fields.children("layers")]
    fields.done()
    return Timeline(seconds, channels, target, room, _seated(str(path), tracks))


def _track(fields: _Fields, folder: Path, seconds: float) -> Track:
    start_s = fields.number("start_s", 0.0, 0, seconds)
    gain_db, pan = fields.number("gain_db", 0.0, -120, 24), fields.number("pan", 0.0, -1, 1)
    end_s = fields.number("end_s", seconds, start_s, LONGEST_S)
    file = folder / fields.text("file")
    if not file.is_file():
        raise TimelineError(f"{fields.where}.file: there is no {file}")
    track = Track(
        strip=-1,
        file=file,
        start_s=start_s,
        end_s=end_s,
        gain_db=gain_db,
        pan=pan,
        fade_in_s=fields.number("fade_in_s", 0.005, 0, 600),
        fade_out_s=fields.number("fade_out_s", 0.005, 0, 600),
        law=fields.choice("law", "equal_power", get_args(Law)),
        loop=fields.choice("loop", True, (True, False)),
        from_s=fields.number("from_s", 0.0, 0, LONGEST_S),
        moves=_moves(fields, gain_db, pan, start_s, end_s),
    )
    fields.done()
    return track


def _moves(fields: _Fields, gain_db: float, pan: float, start_s: float, end_s: float) -> tuple[Move, ...]:
    moves: list[Move] = []
    for each in fields.children("moves", optional=True):
        at_s = each.number("at_s", None, moves[-1].at_s if moves else start_s, end_s)
        gain_db, pan = each.number("gain_db", gain_db, -120, 24), each.number("pan", pan, -1, 1)
        moves.append(Move(at_s, gain_db, pan, each.number("fade_s", 0.02, 0, 600)))
        each.done()
    return tuple(moves)


def _seated(where: str, tracks: list[Track]) -> tuple[Track, ...]:
    """Each on a strip that nothing else is on meanwhile."""
    free_at_s = [0.0] * STRIPS
    seated = []
    for track in sorted(tracks, key=lambda track: track.start_s):
        strip = next((k for k, free_s in enumerate(free_at_s) if free_s <= track.start_s), None)
        if strip is None:
            raise TimelineError(f"{where}: more than {STRIPS} layers sound together at {track.start_s:g} s")
        free_at_s[strip] = track.end_s + 0.2  # two slabs, so that what ends has left
        seated.append(replace(track, strip=strip))
    return tuple(seated)


class _Fields:
    """One JSON object being read: every field is checked, and none may be left over."""

    def __init__(self, file: Path, place: str, tree: Any) -> None:
        self._file = file
        self._within = f"{place}." if place else ""
        self.where = f"{file}: {place}" if place else str(file)
        if not isinstance(tree, Mapping):
            raise TimelineError(f"{self.where}: must be an object in braces")
        self._left = dict(tree)
        self._names: list[str] = []

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        value = self._take(name, default)
        ok = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not ok or not low <= value <= high:
            raise TimelineError(f"{self._at(name)} is {value!r}; give a number from {low:g} to {high:g}")
        return float(value)

    def text(self, name: str) -> str:
        value = self._take(name, None)
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise TimelineError(f"{self._at(name)} is {value!r}; give a text")
        return value

    def choice(self, name: str, default: Any, choices: tuple[Any, ...]) -> Any:
        value = self._take(name, default)
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            raise TimelineError(f"{self._at(name)} is {value!r}; choose one of {', '.join(map(str, choices))}")
        return value

    def children(self, name: str, *, optional: bool = False) -> list[_Fields]:
        value = self._take(name, [] if optional else None)
        if not isinstance(value, list):
            raise TimelineError(f"{self._at(name)} is {value!r}; give a list")
        return [_Fields(self._file, f"{self._within}{name}[{index}]", each) for index, each in enumerate(value)]

    def done(self) -> None:
        """Nothing may stand there that nobody reads."""
        for name in self._left:
            raise TimelineError(f"{self.where}: {name!r} means nothing here; there is {', '.join(self._names)}")

    def _at(self, name: str) -> str:
        return f"{self._file}: {self._within}{name}"

    def _take(self, name: str, default: Any) -> Any:
        self._names.append(name)
        if name not in self._left and default is None:
            raise TimelineError(f"{self.where}: {name!r} is missing")
        return self._left.pop(name, default)
