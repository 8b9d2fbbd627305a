"""Where a person's file can go: on this box, or into the cloud for all rooms. Both take the same and say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from appliance.music.study import Study
from mixer.scene import Kind

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that was looked into, with what it will be called and count as."""

    path: Path
    sha256: str
    byte_size: int
    title: str
    artist: str
    kind: Kind
    study: Study


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the file is now known as a song; `new` is False when it was so before."""

    song_id: str
    title: str
    kind: Kind | None = None
    new: bool = True


class Door(Protocol):
    """Raises InputError for one file that cannot go through, another CosoundError when none can now."""

    @property
    def where(self) -> str: ...
    def known(self, digest: str) -> Kept | None: ...
    def cache_file(self, digest: str) -> Path | None: ...
    def keep(self, piece: Piece) -> Kept: ...


def hash_file(path: Path, progress: Callable[[int], None] = lambda done: None) -> str:
    """The sha256 of a file, hex; `progress` is called with the bytes read. Raises OSError."""
    digest, done = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            done += len(piece)
            progress(done)
    return digest.hexdigest()
