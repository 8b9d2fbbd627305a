"""`library.json`: the songs that were ready to sound, beside the cache, for the day the database is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from appliance.model import Song
from appliance.store.database import Database
from appliance.store.library import Library

NAME = "library.json"
_FIELDS = (
    "id", "title", "type", "embedding", "embedding_source", "duration", "sha256", "byte_size", "file_url", "media_path",
    "pcm_path",
)  # fmt: skip


class Snapshot:
    """Writes the file anew whenever other songs have become ready. Its reader is a rescue."""

    def __init__(self, db: Database) -> None:
        self._library = Library(db)
        self._path = db.path.with_name(NAME)
        self._written: list[Song] | None = None

    def keep(self) -> None:
        """Call now and then. No songs leave the file as it is: it is what brings them back."""
        ready = self._library.ready()
        if ready and ready != self._written:
            write(self._path, ready)
            self._written = ready


def write(path: Path, songs: Iterable[Song]) -> None:
    """Replace the file, whole. Raises OSError when the disk refuses."""
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    with temp.open("w") as file:
        json.dump([_row(song) for song in songs], file)
        file.flush()
        os.fsync(file.fileno())
    temp.replace(path)


def read(path: Path) -> list[dict[str, Any]]:
    """Rows for the songs table whose cache file is there; [] when nobody has written any."""
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return []
    return [row for row in rows if _is_playable(row)] if isinstance(rows, list) else []


def _row(song: Song) -> dict[str, Any]:
    values = (
        song.id, song.title, song.kind, json.dumps(song.embedding), song.embedding_source, song.duration_s,
        song.sha256, song.byte_size, song.file_url, song.media_path, song.pcm_path,
    )  # fmt: skip
    return dict(zip(_FIELDS, values, strict=True))


def _is_playable(row: object) -> bool:
    return isinstance(row, dict) and set(row) == set(_FIELDS) and Path(str(row["pcm_path"])).exists()
