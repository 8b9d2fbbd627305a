"""Where the audio files are: a folder of this machine, or a bucket of S3. A name is `<sha256>.<ending>`: content never
changes under it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cloud_stub.errors import SetupError
from cloud_stub.storage.folder import FolderStorage

if TYPE_CHECKING:
    from cloud_stub.settings import CloudSettings

__all__ = ["FolderStorage", "Storage", "open_storage"]


class Storage(Protocol):
    """Files by name, over any kind of store. What fails raises StorageError."""

    @property
    def label(self) -> str:
        """Where the files are, for people and logs."""

    def put(self, name: str, source: Path) -> None:
        """Keep the file at `source` under the name; the same name again changes nothing."""

    def url(self, name: str) -> str:
        """What `songs.file_url` says: a place, not a permission."""

    def link(self, name: str, step: int) -> str | None:
        """An address where a plain GET has the bytes for one to two half-lives, the same for the same step; None where
        they come through this server."""

    def check(self) -> None:
        """Raises unless files can be kept and found."""

    def prove(self) -> None:
        """Raises unless a small file can be kept, fetched as a box would and removed again."""


def open_storage(settings: CloudSettings) -> Storage:
    """The bucket where there is one, else the folder. Raises SetupError for a bucket that cannot be used."""
    if settings.bucket is None:
        return FolderStorage(settings.media_dir)
    try:
        from cloud_stub.storage.s3 import S3Storage  # boto3 takes its time, and is not everywhere
    except ModuleNotFoundError as error:
        raise SetupError("S3 needs boto3, which is not here: pip install 'cosound[cloud]'") from error
    return S3Storage(settings.bucket, settings.link_half_life_s)
