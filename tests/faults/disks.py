"""Disks that can be full, read-only, ill and whole again. They need root; without it the tests say so and skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system in memory, mounted at `folder`."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Until not one more byte goes."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)

    def read_only(self) -> None:
        _run("mount", "-o", "remount,ro", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: int = 16 * MIB) -> Iterator[Disk]:
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


@dataclass(frozen=True, slots=True)
class Card:
    """An ext4 file system of its own, mounted at `folder` as the box's data partition is (docs/installer.md)."""

    image: Path
    folder: Path

    def fall_ill(self) -> None:
        """The kernel finds an error in the file system and lets nobody write to it any more, whoever has it open."""
        device = self.folder.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test's")

    def boot(self) -> None:
        """What a start of the machine does to it. No remount does: an aborted file system has to be let go of first."""
        _run("umount", str(self.folder))
        checked = subprocess.run(["e2fsck", "-p", str(self.image)], capture_output=True, check=False)
        assert checked.returncode in (0, 1), checked.stdout  # 1: it was put right
        self.mount()

    def boot_read_only(self) -> None:
        """What a start does to a card that takes no more writes."""
        _run("umount", str(self.folder))
        self.mount()
        _run("mount", "-o", "remount,ro", str(self.folder))

    def take_writes_again(self) -> None:
        _run("mount", "-o", "remount,rw", str(self.folder))

    def mount(self) -> None:
        _mount("-o", "loop,noatime,errors=remount-ro", str(self.image), str(self.folder))


@contextmanager
def card(place: Path, size: int) -> Iterator[Card]:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs mkfs.ext4: apt-get install -y e2fsprogs")
    made = Card(place / "card.img", place / "card")
    made.folder.mkdir()
    make_image(made.image, size, "mkfs.ext4", "-q")
    made.mount()
    try:
        yield made
    finally:
        _run("umount", "--lazy", str(made.folder))


def make_image(path: Path, size: int, *make: str) -> None:
    """A file system in a file, as large as `size` says and as small as what is on it."""
    with path.open("wb") as file:
        file.truncate(size)
    _run(*make, str(path))


@contextmanager
def read_only_file(path: Path) -> Iterator[None]:
    """Nobody who opens it from now on can write to it, not even root."""
    _mount("--bind", str(path), str(path))
    try:
        _run("mount", "-o", "remount,bind,ro", str(path))
        yield
    finally:
        _run("umount", "--lazy", str(path))


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount ({done.stderr.strip()}): run the tests as root")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
