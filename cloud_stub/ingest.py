"""From an uploaded file to a song: is it audio, what is in it, how loud is it, what does it sound like."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import soundfile

from cloud_stub.errors import Refused
from cloud_stub.loudness import Measure, measure
from cloud_stub.repositories.songs import NewSong
from cloud_stub.storage import Storage
from ml.tags import DIMENSIONS, TAGS

# What libsndfile must find in a file that ends like this.
FORMATS: dict[str, frozenset[str]] = {
    ".wav": frozenset({"WAV", "WAVEX", "RF64", "W64"}),
    ".flac": frozenset({"FLAC"}),
    ".ogg": frozenset({"OGG"}),
    ".opus": frozenset({"OGG"}),
    ".mp3": frozenset({"MP3", "MPEG"}),
}
MIN_SECONDS = 0.5
KINDS = ("soundscape", "instrumental")


@dataclass(frozen=True, slots=True)
class Meant:
    """What the uploader says the file is. `embedding` set by hand wins over the model's."""

    title: str
    type: str
    artist: str | None = None
    embedding: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model makes of a file."""

    vector: Sequence[float] | None
    source: str
    confidence: float | None


Listen = Callable[[Path, str], Heard]


def ingest(path: Path, name: str, meant: Meant, storage: Storage, listen: Listen) -> NewSong:
    """Check the file at `path` (uploaded as `name`), keep it, and say what it is. Slow: not for an event loop.

    Raises Refused (422) with one line for a file that cannot be a song; then nothing is kept.
    """
    ending = ending_of(name)
    _check_meant(meant)
    measured = _measured(path, name, ending)
    digest = hash_file(path)
    heard = _embedded(path, meant, listen)
    stored = f"{digest}{ending}"
    storage.put(stored, path)
    return NewSong(
        title=meant.title.strip(),
        artist=(meant.artist or "").strip() or None,
        type=meant.type,
        file_url=storage.url(stored),
        sha256=digest,
        byte_size=path.stat().st_size,
        duration=round(measured.duration_s, 3),
        loudness_lufs=None if measured.loudness_lufs is None else round(measured.loudness_lufs, 2),
        true_peak_dbtp=round(measured.true_peak_dbtp, 2),
        embedding=heard.vector,
        embedding_source=heard.source,
        confidence=heard.confidence,
    )


def ending_of(name: str) -> str:
    ending = Path(name).suffix.lower()
    if ending not in FORMATS:
        raise _bad(f"file {_short(name)}: only {', '.join(end[1:] for end in FORMATS)} can be played")
    return ending


def parse_embedding(text: str | None) -> list[float] | None:
    """Five numbers, as JSON or separated by commas; None when nothing was given."""
    if not text or not text.strip():
        return None
    try:
        vector = [float(part) for part in text.strip().removeprefix("[").removesuffix("]").split(",")]
    except ValueError:
        vector = []
    if len(vector) != DIMENSIONS or not all(math.isfinite(x) for x in vector):
        raise _bad(f"embedding: give {DIMENSIONS} numbers ({', '.join(TAGS)}), separated by commas")
    return vector


def model_listener() -> Listen:
    """Our own extractor and model, loaded when first asked."""

    def listen(path: Path, kind: str) -> Heard:
        from ml.features import extract_file
        from ml.model import load_default

        found = load_default().embed(extract_file(path))
        if kind == "instrumental":  # the tags are about landscapes: an instrumental is neutral unless set by hand
            return Heard(None, "neutral", float(found.confidence))
        vector = None if found.source == "neutral" else [float(x) for x in found.vector]
        return Heard(vector, found.source, float(found.confidence))

    return listen


def hash_file(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _check_meant(meant: Meant) -> None:
    if not 1 <= len(meant.title.strip()) <= 200:
        raise _bad("title: give 1 to 200 characters")
    if meant.type not in KINDS:
        raise _bad(f"type: give {' or '.join(KINDS)}")


def _measured(path: Path, name: str, ending: str) -> Measure:
    if path.stat().st_size == 0:
        raise _bad(f"file {_short(name)} is empty: upload it again")
    try:
        info = soundfile.info(path)
        if info.format not in FORMATS[ending]:
            raise _bad(f"file {_short(name)} ends in {ending} but holds {info.format}: give it the right ending")
        measured = measure(path)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise _bad(f"file {_short(name)} cannot be read as audio: export it again and upload that") from error
    if measured.duration_s < MIN_SECONDS:
        raise _bad(f"file {_short(name)} is only {measured.duration_s:.2f} s long: at least {MIN_SECONDS} s are needed")
    if measured.silent:
        raise _bad(f"file {_short(name)} is silent: there is nothing to hear in it")
    return measured


def _embedded(path: Path, meant: Meant, listen: Listen) -> Heard:
    if meant.embedding is not None:
        return Heard(meant.embedding, "hand", None)
    return listen(path, meant.type)


def _short(name: str) -> str:
    return repr(Path(name).name[-60:])


def _bad(message: str) -> Refused:
    return Refused(422, "bad_upload", message)
