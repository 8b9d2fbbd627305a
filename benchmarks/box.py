"""A box in a temporary directory, with songs ready and no cloud, for processes to be timed in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from appliance.model import LOCAL, Song
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from mixer.scene import SAMPLE_RATE, SongId

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Box:
    """The box's directories, and what a process of it is told."""

    data_dir: Path
    runtime_dir: Path
    reader: str = "none"
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "COSOUND_CONFIG": str(self.data_dir / "none.toml"),
            "COSOUND_DATA_DIR": str(self.data_dir),
            "COSOUND_RUNTIME_DIR": str(self.runtime_dir),
            "COSOUND_PEPPER": "00" * 16,
            "COSOUND_READER": self.reader,
            "SDL_AUDIODRIVER": "dummy",
            "OPENBLAS_NUM_THREADS": "1",
            **self.extra,
        }

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.runtime_dir)

    def store(self, name: str) -> Store:
        return open_store(self.data_dir, self.runtime_dir, name)


@contextmanager
def empty_box(folder: Path, extra: Mapping[str, str]) -> Iterator[tuple[Box, Store]]:
    """As it comes out of the carton, its runtime directory in memory where there is one; `extra` is its environment."""
    memory = Path("/dev/shm")  # noqa: S108 - the runtime directory of a box is in memory too
    with TemporaryDirectory(prefix="cosound-", dir=memory if memory.is_dir() else None) as runtime:
        box = Box(folder / "box", Path(runtime), extra=extra)
        box.data_dir.mkdir(parents=True)
        store = box.store("bench")
        try:
            yield box, store
        finally:
            store.close()


@contextmanager
def box_with_songs(beds: int = 8, instrumentals: int = 4) -> Iterator[Box]:
    """Noise under five tags, cached and ready, as after a day of sync; then the cloud went away."""
    with TemporaryDirectory(prefix="cosound-bench-") as folder:
        box = Box(Path(folder) / "box", Path(folder) / "run")
        box.data_dir.mkdir()
        store = box.store("bench")
        kinds = ["soundscape"] * beds + ["instrumental"] * instrumentals
        songs = [_song(index, kind) for index, kind in enumerate(kinds)]
        store.bucket.apply([BucketChange("songs", song["id"], "put", song) for song in songs], epoch="bench", rev=1)
        for index, song in enumerate(songs):
            store.library.set_ready(song["id"], _cache_file(box.data_dir, index))
        store.close()
        yield box


def put_local_songs(box: Box, beds: int = 8) -> None:
    """Songs as a person puts them on the box: no cloud knows of them."""
    box.data_dir.mkdir(parents=True, exist_ok=True)
    store = box.store("bench")
    for index in range(beds):
        file = _cache_file(box.data_dir, index)
        row = _song(index, "soundscape")
        song = Song(
            SongId(str(row["id"])), str(row["title"]), "soundscape", embedding_source="neutral", duration_s=SECONDS,
            sha256=str(row["sha256"]), byte_size=1, file_url=f"{LOCAL}{index}", media_path=str(file),
        )  # fmt: skip
        store.library.add_local(replace(song, pcm_path=str(file)), loudness_lufs=-20.0, true_peak_dbtp=-1.0)
    store.close()


def _song(index: int, kind: str) -> dict[str, object]:
    embedding = [0.05] * 5
    embedding[index % 5] = 1.0
    return {
        "id": str(uuid5(NAMESPACE_URL, f"bench-{index}")),
        "title": f"Noise {index}",
        "type": kind,
        "file_url": "",
        "embedding": embedding,
        "embedding_source": "hand",
        "duration": SECONDS,
        "sha256": f"{index:064d}",
        "byte_size": 1,
    }


def _cache_file(folder: Path, index: int) -> Path:
    import soundfile

    from mixer.decode import decode_to_pcm

    source, target = folder / f"{index}.wav", folder / "pcm" / f"{index}.pcm"
    target.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(index).standard_normal((int(SECONDS * SAMPLE_RATE), 2)) * 0.1
    soundfile.write(str(source), noise.astype(np.float32), SAMPLE_RATE)
    decode_to_pcm(source, target)
    source.unlink()
    return target
