"""The cache file: planar int16 at 48 kHz behind one page of header, made to be mapped and never rewritten."""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixer.scene import SAMPLE_RATE, Loop

MAGIC = b"COSOUND-PCM\n"
VERSION = 1
HEADER_BYTES = 4096  # one page: the samples behind it are page aligned
SAMPLE_BYTES = 2
PEAK_DBFS = -1.0


class PcmError(Exception):
    """A cache file (or the file it should be made from) that cannot be used: says which, why, what next."""


@dataclass(frozen=True, slots=True)
class PcmInfo:
    """What the header says. int16 sample × `scale` = amplitude of the original file, 1.0 = full scale."""

    channels: int
    frames: int
    scale: float
    loudness_lufs: float
    true_peak_dbtp: float
    loop: Loop | None = None

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
            info = _parse_header(path, file.read(HEADER_BYTES))
            size = os.fstat(file.fileno()).st_size
            if size != info.file_bytes:
                raise PcmError(f"{path}: {size} bytes, its header says {info.file_bytes}; prepare it again")
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        raise PcmError(f"{path}: cannot be opened ({error.strerror}); prepare it again") from error
    flat = np.frombuffer(mapped, np.int16, offset=HEADER_BYTES)
    return Pcm(path, info, flat.reshape(info.channels, info.frames))


def read_info(path: str | os.PathLike[str]) -> PcmInfo:
    """The header of a cache file that is whole; raises `PcmError` as `open_pcm` does."""
    return open_pcm(path).info


def write_pcm(
    path: str | os.PathLike[str],
    blocks: Iterable[npt.NDArray[np.float32]],
    info: PcmInfo,
    *,
    offset: tuple[float, ...] = (0.0, 0.0),
) -> None:
    """Write `blocks` of float32 (channels, n), quantised by `info.scale`, as the cache file `path`.

    `offset` is taken off each channel first. The file appears whole or not at all: temporary name, fsync,
    rename, fsync of the folder. Raises `PcmError` when the blocks do not add up to `info.frames`.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            os.pwrite(file.fileno(), _header(info), 0)
            written = _write_planes(file.fileno(), blocks, info, offset)
            if written != info.frames:
                raise PcmError(f"{path}: {written} frames came, {info.frames} were announced; prepare it again")
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise PcmError(f"{path}: cannot be written ({error.strerror}); look at the disk") from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def scale_for_peak(peak: float) -> float:
    """Size of one int16 step such that `peak` (amplitude) lands on −1 dBFS."""
    return peak / (10 ** (PEAK_DBFS / 20) * 32767)


def _write_planes(fd: int, blocks: Iterable[npt.NDArray[np.float32]], info: PcmInfo, offset: tuple[float, ...]) -> int:
    done = 0
    for block in blocks:
        frames: int = block.shape[1]
        if done + frames > info.frames:
            return done + frames
        for channel in range(info.channels):
            plane = HEADER_BYTES + (channel * info.frames + done) * SAMPLE_BYTES
            _write_all(fd, _quantise(block[channel], info.scale, offset[channel]), plane)
        done += frames
    return done


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
    return text.ljust(HEADER_BYTES, b"\0")


def _parse_header(path: Path, data: bytes) -> PcmInfo:
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        raise PcmError(f"{path}: not a Cosound cache file; remove it and prepare the song again")
    try:
        fields = json.loads(data[len(MAGIC) :].rstrip(b"\0"))
        if (fields.pop("version"), fields.pop("rate")) != (VERSION, SAMPLE_RATE):
            raise PcmError(f"{path}: made by another version of Cosound; prepare the song again")
        info = _info(fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PcmError(f"{path}: damaged header; remove it and prepare the song again") from error
    return info


def _info(fields: dict[str, Any]) -> PcmInfo:
    loop = fields.pop("loop")
    info = PcmInfo(**fields, loop=None if loop is None else Loop(**loop))
    numbers = tuple(float(x) for x in (info.scale, info.loudness_lufs, info.true_peak_dbtp))
    whole = isinstance(info.frames, int) and isinstance(info.channels, int)
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
