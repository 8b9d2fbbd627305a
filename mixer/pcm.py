"""The cache file: planar int16 at 48 kHz behind one page of header, made to be mapped and never rewritten.

The header ends in a sum of itself, looked at whenever the file is opened, and holds one of each channel's samples, for
whoever has the time to read them all. Files of version 1 have neither; they are read as ever.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mixer.scene import SAMPLE_RATE, Loop

MAGIC = b"COSOUND-PCM\n"
VERSION = 2
VERSION_WITHOUT_SUMS = 1
HEADER_BYTES = 4096  # one page: the samples behind it are page aligned
SUM_BYTES = 4
SAMPLE_BYTES = 2
CHECK_BYTES = 1 << 20
PEAK_DBFS = -1.0


class PcmError(Exception):
    """A cache file (or the file it should be made from) that cannot be used: says which, why, what next."""


class PcmWithoutSums(PcmError):
    """A cache file of version 1: it can be played, not checked."""


@dataclass(frozen=True, slots=True)
class PcmInfo:
    """What the header says. int16 sample × `scale` = amplitude of the original file, 1.0 = full scale.

    sums: CRC-32 of each channel's samples; () in a file of version 1.
    """

    channels: int
    frames: int
    scale: float
    loudness_lufs: float
    true_peak_dbtp: float
    loop: Loop | None = None
    sums: tuple[int, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.frames / SAMPLE_RATE

    @property
    def file_bytes(self) -> int:
        return HEADER_BYTES + self.channels * self.frames * SAMPLE_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Pcm:
    """An opened cache file. `samples` is int16 of shape (channels, frames), mapped, not loaded."""

    path: Path
    info: PcmInfo
    samples: npt.NDArray[np.int16]

    @property
    def frames(self) -> int:
        return self.info.frames

    @property
    def scale(self) -> float:
        return self.info.scale

    @property
    def loudness_lufs(self) -> float:
        return self.info.loudness_lufs

    @property
    def loop(self) -> Loop | None:
        return self.info.loop


def open_pcm(path: str | os.PathLike[str]) -> Pcm:
    """Map a cache file. Raises `PcmError` for one that is missing, foreign, damaged or cut short."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            info = _read_header(path, file)
            mapped = mmap.mmap(file.fileno(), info.file_bytes, access=mmap.ACCESS_READ)
    except OSError as error:
        raise PcmError(f"{path}: cannot be opened ({error.strerror}); prepare it again") from error
    flat = np.frombuffer(mapped, np.int16, offset=HEADER_BYTES)
    return Pcm(path, info, flat.reshape(info.channels, info.frames))


def read_info(path: str | os.PathLike[str]) -> PcmInfo:
    """The header of a cache file that is whole; raises `PcmError` as `open_pcm` does."""
    return open_pcm(path).info


def check_samples(path: str | os.PathLike[str]) -> Iterator[None]:
    """Compare the samples with the header's sums, at most `CHECK_BYTES` of them with each step.

    Raises `PcmError` for a file that `open_pcm` would refuse or whose samples are others than were written,
    `PcmWithoutSums` for one that says nothing of them, OSError when the disk cannot read it.
    """
    path = Path(path)
    with path.open("rb", buffering=0) as file:
        info = _read_header(path, file)
        if not info.sums:
            raise PcmWithoutSums(f"{path}: made before cache files had sums; prepare it again")
        for wanted in info.sums:
            left, found = info.frames * SAMPLE_BYTES, 0
            while left:
                block = file.read(min(left, CHECK_BYTES))
                if not block:
                    raise PcmError(f"{path}: was cut short meanwhile; prepare it again")
                left, found = left - len(block), zlib.crc32(block, found)
                yield
            if found != wanted:
                raise PcmError(f"{path}: its samples are not those that were written; prepare it again")


def write_pcm(
    path: str | os.PathLike[str],
    blocks: Iterable[npt.NDArray[np.float32]],
    info: PcmInfo,
    *,
    offset: tuple[float, ...] = (0.0, 0.0),
) -> PcmInfo:
    """Write `blocks` of float32 (channels, n), quantised by `info.scale`, as the cache file `path`.

    `offset` is taken off each channel first; the header as it was written, with sums, is returned. The file appears
    whole or not at all: temporary name, fsync, rename, fsync of the folder. Raises `PcmError` when the blocks do not
    add up to `info.frames`.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            written, sums = _write_planes(file.fileno(), blocks, info, offset)
            if written != info.frames:
                raise PcmError(f"{path}: {written} frames came, {info.frames} were announced; prepare it again")
            info = replace(info, sums=sums)
            os.pwrite(file.fileno(), _header(info), 0)
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise PcmError(f"{path}: cannot be written ({error.strerror}); look at the disk") from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return info


def scale_for_peak(peak: float) -> float:
    """Size of one int16 step such that `peak` (amplitude) lands on −1 dBFS."""
    return peak / (10 ** (PEAK_DBFS / 20) * 32767)


def _write_planes(
    fd: int, blocks: Iterable[npt.NDArray[np.float32]], info: PcmInfo, offset: tuple[float, ...]
) -> tuple[int, tuple[int, ...]]:
    """(frames that came, the sum of each plane)."""
    done, sums = 0, [0] * info.channels
    for block in blocks:
        frames: int = block.shape[1]
        if done + frames > info.frames:
            return done + frames, ()
        for channel in range(info.channels):
            data = _quantise(block[channel], info.scale, offset[channel])
            _write_all(fd, data, HEADER_BYTES + (channel * info.frames + done) * SAMPLE_BYTES)
            sums[channel] = zlib.crc32(data, sums[channel])
        done += frames
    return done, tuple(sums)


def _quantise(samples: npt.NDArray[np.float32], scale: float, offset: float) -> bytes:
    steps = np.rint((samples - np.float32(offset)) * np.float32(1 / scale))
    data: bytes = np.clip(steps, -32768, 32767).astype("<i2").tobytes()
    return data


def _write_all(fd: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, position)
        view, position = view[written:], position + written


def _header(info: PcmInfo) -> bytes:
    fields = {"version": VERSION, "rate": SAMPLE_RATE, **asdict(info)}
    text = MAGIC + json.dumps(fields, allow_nan=False).encode() + b"\n"
    page = text.ljust(HEADER_BYTES - SUM_BYTES, b"\0")
    return page + _sum(page)


def _sum(page: bytes) -> bytes:
    """Never zeros: with those ends a header that has no sum."""
    return (zlib.crc32(page) or 1).to_bytes(SUM_BYTES, "little")


def _read_header(path: Path, file: IO[bytes]) -> PcmInfo:
    info = _parse_header(path, file.read(HEADER_BYTES))
    size = os.fstat(file.fileno()).st_size
    if size != info.file_bytes:
        raise PcmError(f"{path}: {size} bytes, its header says {info.file_bytes}; prepare it again")
    return info


def _parse_header(path: Path, data: bytes) -> PcmInfo:
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        raise PcmError(f"{path}: not a Cosound cache file; remove it and prepare the song again")
    page, found = data[:-SUM_BYTES], data[-SUM_BYTES:]
    summed = any(found)
    if summed and found != _sum(page):
        raise PcmError(f"{path}: damaged header; remove it and prepare the song again")
    try:
        fields = json.loads(page[len(MAGIC) :].rstrip(b"\0"))
        version = VERSION if summed else VERSION_WITHOUT_SUMS
        if (fields.pop("version"), fields.pop("rate")) != (version, SAMPLE_RATE):
            raise PcmError(f"{path}: made by another version of Cosound; prepare the song again")
        info = _info(fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PcmError(f"{path}: damaged header; remove it and prepare the song again") from error
    return info


def _info(fields: dict[str, Any]) -> PcmInfo:
    loop, sums = fields.pop("loop"), tuple(map(int, fields.pop("sums", ())))
    info = PcmInfo(**fields, loop=None if loop is None else Loop(**loop), sums=sums)
    numbers = tuple(float(x) for x in (info.scale, info.loudness_lufs, info.true_peak_dbtp))
    whole = isinstance(info.frames, int) and isinstance(info.channels, int)
    whole = whole and len(info.sums) in (0, info.channels)
    if not (whole and info.frames > 0 and info.channels in (1, 2) and all(map(math.isfinite, numbers))):
        raise ValueError("a number that cannot be")
    return info


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sample_blocks(pcm: Pcm, frames: int = 65536) -> Iterator[npt.NDArray[np.float32]]:
    """The file's original amplitudes again, float32 (channels, ≤ frames) at a time."""
    for start in range(0, pcm.frames, frames):
        yield pcm.samples[:, start : start + frames].astype(np.float32) * np.float32(pcm.scale)
