"""Where the audio files are. A name is `<sha256>.<ending>`: content never changes under it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO, Protocol

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{2,5}")


class Storage(Protocol):
    """Files by name, over any kind of store."""

    def put(self, name: str, source: Path) -> None:
        """Keep the file at `source` under the name; the same name again changes nothing."""

    def open(self, name: str) -> BinaryIO:
        """The bytes, seekable. Raises FileNotFoundError."""

    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError."""

    def url(self, name: str) -> str:
        """What `songs.file_url` says: a place, not a permission."""

    def check(self) -> None:
        """Raises OSError when files cannot be kept."""


class FolderStorage:
    """Files in one directory of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, source: Path) -> None:
        target = self._path(name)
        if target.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f"{target.suffix}.{os.getpid()}.part")
        try:
            with source.open("rb") as reader, part.open("wb") as writer:
                while chunk := reader.read(1 << 20):
                    writer.write(chunk)
                writer.flush()
                os.fsync(writer.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(self._folder)

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def url(self, name: str) -> str:
        return f"/media/{self._path(name).name}"

    def check(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK):
            raise PermissionError(f"{self._folder} cannot be written")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        return self._folder / name


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
