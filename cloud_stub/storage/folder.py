"""Files in one directory of this machine."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cloud_stub.errors import StorageError
from cloud_stub.storage.names import checked


class FolderStorage:
    """Files in one directory of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def label(self) -> str:
        return str(self._folder)

    def put(self, name: str, source: Path) -> None:
        target = self._path(name)
        if target.exists():
            return
        with self._said():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._copy(source, target)

    def open(self, name: str) -> BinaryIO:
        """The bytes, seekable. Raises FileNotFoundError."""
        return self._path(name).open("rb")

    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError."""
        return self._path(name).stat().st_size

    def url(self, name: str) -> str:
        return f"/media/{checked(name)}"

    def link(self, name: str, step: int) -> None:
        return None

    def check(self) -> None:
        with self._said():
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def prove(self) -> None:
        self.check()
        with self._said(), tempfile.NamedTemporaryFile(dir=self._folder, prefix=".proof-") as file:
            file.write(b"proof")

    def _copy(self, source: Path, target: Path) -> None:
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

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What the system says of the folder, with what to do."""
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            raise StorageError(
                f"{self._folder} cannot be written ({why}): give COSOUND_MEDIA_DIR a folder that can"
            ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
