"""A file on its way in: it grows under another name, is hashed as it grows, and gets its name when it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from sync.errors import MediaError

_READ_BYTES = 1 << 20
_FLUSH_BYTES = 4 << 20


class PartFile:
    """`<target>.part`, kept between attempts, beside `<target>.etag`, which names what it is a part of."""

    def __init__(self, target: Path, size: int | None, sha256: str) -> None:
        """size: bytes of the whole file, None when unknown."""
        self.target = target
        self._part = target.with_name(target.name + ".part")
        self._etag = target.with_name(target.name + ".etag")
        self._size = size
        self._sha256 = sha256

    @property
    def have(self) -> int:
        """Bytes from an earlier attempt."""
        return self._part.stat().st_size if self._part.exists() else 0

    @property
    def etag(self) -> str:
        """A strong ETag of what we have a part of, or ""."""
        return self._etag.read_text() if self._etag.exists() else ""

    def forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def receive(self, start: int, etag: str) -> Receiver:
        """Go on at byte `start` (0 = afresh) of the object called `etag`."""
        self._etag.write_text("" if etag.startswith("W/") else etag)
        digest = hashlib.sha256()
        if start:
            _hash_into(digest, self._part)
        return Receiver(self._part, start, digest, self._size)

    def is_whole(self) -> bool:
        return self._size is not None and self.have == self._size

    def hash_part(self) -> str:
        """The sha256 of what is here; on disk when this returns, for whoever wrote it may have been killed."""
        digest = hashlib.sha256()
        with self._part.open("r+b") as file:
            os.fsync(file.fileno())
        _hash_into(digest, self._part)
        return digest.hexdigest()

    def accept(self, sha256: str) -> Path:
        """Give the file its name if it is what was wanted, on disk before it is seen. Raises MediaError."""
        if sha256 != self._sha256:
            self.forget()
            raise MediaError(f"{self.target.name}: {sha256[:12]} came instead; it is fetched afresh")
        self._part.replace(self.target)
        self._etag.unlink(missing_ok=True)
        sync_folder(self.target.parent)
        return self.target


class Receiver:
    """Writes what comes, hashes it, and stops at the size that was announced."""

    def __init__(self, path: Path, start: int, digest: hashlib._Hash, size: int | None) -> None:
        self._file = path.open("r+b" if start else "wb")
        self._file.seek(start)
        self._file.truncate()
        self._digest = digest
        self._size = size
        self._unflushed = 0
        self.have = start

    def write(self, block: bytes) -> None:
        """Raises MediaError when more comes than was announced."""
        if self._size is not None and self.have + len(block) > self._size:
            raise MediaError(f"more than the announced {self._size} bytes come")
        self._file.write(block)
        self._digest.update(block)
        self.have += len(block)
        self._unflushed += len(block)
        if self._unflushed >= _FLUSH_BYTES:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._unflushed = 0

    def close(self) -> str:
        """What has come is on disk; its sha256 so far."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._digest.hexdigest()


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    _hash_into(digest, path)
    return digest.hexdigest()


def check_file(path: Path, sha256: str) -> Iterator[None]:
    """Read a file that is here, a megabyte with each step. Raises MediaError when it is not what it was."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
            yield
    if digest.hexdigest() != sha256:
        raise MediaError(f"{path.name}: its content is not what was fetched")


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _hash_into(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
