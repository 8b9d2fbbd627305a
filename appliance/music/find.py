"""From what a person names to files worth opening; what is none is refused with its reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.music.naming import shown

ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".opus")
SAVE_AS = "save it as WAV, FLAC, OGG, MP3 or Opus"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to look into. `name` is how it is shown; `folders` are those below the folder a person gave."""

    path: Path
    name: str
    folders: tuple[str, ...] = ()
    byte_size: int = 0


@dataclass(frozen=True, slots=True)
class NotFound:
    """Something that is no sound file: what is wrong, and what to do."""

    name: str
    why: str


def find(paths: Iterable[Path]) -> Iterator[Found | NotFound]:
    """Every file that is named or lies in a folder that is, in the order of their names. Hidden ones are left out."""
    for path in paths:
        if path.is_dir():
            yield from _in_folder(path)
        else:
            yield _judged(path, shown(path.name or path))


def _in_folder(folder: Path) -> Iterator[Found | NotFound]:
    seen = False
    problems: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            seen = True
            path = Path(place, name)
            inside = path.relative_to(folder)
            yield _judged(path, shown(inside), inside.parts[:-1])
    for problem in problems:
        yield NotFound(shown(str(problem.filename)), f"cannot be opened ({problem.strerror}); allow it, or copy it")
    if not seen and not problems:
        yield NotFound(shown(folder), "no file in it; name a folder with sound in it")


def _judged(path: Path, name: str, folders: tuple[str, ...] = ()) -> Found | NotFound:
    try:
        state = path.stat()
    except FileNotFoundError:
        what = "leads nowhere; remove it" if path.is_symlink() else "is not there; look at how it is spelt"
        return NotFound(name, what)
    except OSError as error:
        return NotFound(name, f"cannot be opened ({error.strerror}); allow it, or copy it")
    why = _why_not(path, state)
    return NotFound(name, why) if why else Found(path, name, folders, state.st_size)


def _why_not(path: Path, state: os.stat_result) -> str:
    if not stat.S_ISREG(state.st_mode):
        return "is not a file; name a sound file or a folder"
    if path.suffix.lower() not in ENDINGS:
        return f"ends in {shown(path.suffix)}, which is not played here; {SAVE_AS}" if path.suffix else (
            f"has no ending; {SAVE_AS}"
        )  # fmt: skip
    if not state.st_size:
        return "is empty; copy or export it again"
    if not os.access(path, os.R_OK):
        return "cannot be opened (Permission denied); allow it, or copy it"
    return ""
