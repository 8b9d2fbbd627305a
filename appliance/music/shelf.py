"""The door on this box: the file is copied among the others, the cache file made, and only then comes the row."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from appliance.config import Config
from appliance.errors import InputError, SetupError, TransientError
from appliance.model import LOCAL, NEUTRAL, Song, Vector
from appliance.music.door import PIECE, Kept, Piece
from appliance.music.naming import shown
from appliance.space import shortage
from appliance.store import Store
from mixer.scene import SongId


@dataclass(frozen=True, slots=True)
class Shelf:
    """Songs that only this box has. A song of the cloud with the same bytes takes their place while it is ready."""

    store: Store
    media_dir: Path
    pcm_dir: Path

    @classmethod
    def of(cls, config: Config, store: Store) -> Shelf:
        """Raises SetupError when the box's folders cannot be written."""
        try:
            for folder in (config.media_dir, config.pcm_dir):
                folder.mkdir(parents=True, exist_ok=True)
                _belongs_with(folder, config.box_data_dir)
        except OSError as error:
            raise SetupError(
                f"{config.box_data_dir} cannot be written: {error.strerror}; choose another box.data_dir"
            ) from error
        return cls(store, config.media_dir, config.pcm_dir)

    @property
    def where(self) -> str:
        return f"to the box in {self.media_dir.parent}"

    def known(self, digest: str) -> Kept | None:
        """None also for one whose file here was found damaged: it is put in its place again."""
        if self.store.library.tries(digest, "damaged"):
            return None
        return self._known(digest)

    def _known(self, digest: str, *, new: bool = False) -> Kept | None:
        song = self.store.library.with_file(digest)
        return None if song is None else Kept(song.id, song.title, song.kind, new=new)

    def cache_file(self, digest: str) -> Path:
        return self.pcm_dir / f"{digest}.pcm"

    def keep(self, piece: Piece) -> Kept:
        media = self.media_dir / f"{piece.sha256}{piece.study.ending}"
        pcm = self.cache_file(piece.sha256)
        _copy(piece, media)
        _belongs_with(pcm, self.pcm_dir)
        song = _song(piece, media, pcm)
        added = self.store.library.add_local(
            song, loudness_lufs=piece.study.loudness_lufs, true_peak_dbtp=piece.study.true_peak_dbtp
        )
        mended = bool(self.store.library.tries(piece.sha256, "damaged"))
        if mended:
            self.store.library.forget_tries(piece.sha256, "damaged")
        if added:
            return Kept(song.id, song.title, song.kind)
        return self._known(piece.sha256, new=mended) or Kept("", piece.title, new=False)


def _song(piece: Piece, media: Path, pcm: Path) -> Song:
    judged = piece.study.vector is not None and piece.kind == "soundscape"  # the tags are about landscapes
    return Song(
        id=SongId(str(uuid4())),
        title=piece.title,
        kind=piece.kind,
        embedding=_vector(piece) if judged else NEUTRAL,
        embedding_source=piece.study.source if judged else "neutral",
        artist=piece.artist or None,
        duration_s=piece.study.duration_s,
        sha256=piece.sha256,
        byte_size=piece.byte_size,
        file_url=LOCAL + shown(piece.path.name),
        media_path=str(media),
        pcm_path=str(pcm),
    )


def _vector(piece: Piece) -> Vector:
    rain, sea, thunder, wind, fire = piece.study.vector or NEUTRAL
    return rain, sea, thunder, wind, fire


def _copy(piece: Piece, target: Path) -> None:
    """Raises InputError when the file changed meanwhile, TransientError when the disk refuses."""
    missing = shortage(target.parent, piece.byte_size)
    if missing:
        raise InputError(f"{missing}; make room and add it again")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if _copied(piece.path, part) != piece.sha256:
            raise InputError("changed while it was read; add it again")
        _belongs_with(part, target.parent)
        part.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full: make room" if full else f"{error.strerror}: look at the disk"
        raise TransientError(f"{target.parent} cannot be written: {what}, and add again what is missing") from error
    finally:
        part.unlink(missing_ok=True)


def _copied(source: Path, part: Path) -> str:
    digest = sha256()
    with source.open("rb") as file, part.open("wb") as copy:
        while piece := file.read(PIECE):
            digest.update(piece)
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def _belongs_with(path: Path, folder: Path) -> None:
    """What root puts on a box belongs to the box's own user, or its processes could not look after it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with suppress(PermissionError):
            shutil.chown(path, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
