"""A card whose power can be cut: an ext4 image on a file system that clones files, so that a clone taken at any moment
holds exactly what had reached the card by then. Needs root and mkfs.xfs; without them the tests say so and skip."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import pytest

from tests.faults.disks import make_image

HOST_BYTES = 640 << 20  # mkfs.xfs makes none below 300 MB; sparse
CARD_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Card:
    """Mounted at `folder` for whoever writes on it."""

    place: Path

    @property
    def folder(self) -> Path:
        return self.place / "card"

    @contextmanager
    def after_a_cut(self) -> Iterator[Path]:
        """What a box finds that starts again after its power went, just now."""
        found = self.place / "found"
        found.mkdir(exist_ok=True)
        # A new file each time: mount would take a loop device that still holds the last one, with what was read of it.
        with NamedTemporaryFile(dir=self.place / "host", prefix="cut-") as image:
            _run("cp", "--reflink=always", str(self.place / "host" / "card.img"), image.name)
            _run("mount", "-o", "loop,noatime", image.name, str(found))
            try:
                yield found
            finally:
                _run("umount", str(found))


@contextmanager
def card_with_power() -> Iterator[Card]:
    if shutil.which("mkfs.xfs") is None:
        pytest.skip("needs mkfs.xfs: apt-get install -y xfsprogs")
    with TemporaryDirectory(prefix="cosound-p-") as folder:
        place = Path(folder)
        for name in ("host", "card"):
            (place / name).mkdir()
        make_image(place / "host.img", HOST_BYTES, "mkfs.xfs", "-q", "-m", "reflink=1")
        with _mounted(place / "host.img", place / "host"):
            make_image(place / "host" / "card.img", CARD_BYTES, "mkfs.ext4", "-q")
            with _mounted(place / "host" / "card.img", place / "card"):
                yield Card(place)


@contextmanager
def _mounted(image: Path, folder: Path) -> Iterator[None]:
    done = subprocess.run(["mount", "-o", "loop,noatime", image, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount ({done.stderr.strip()}): run the tests as root")
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
