"""An ordinary music folder: every format, rate and number of channels people have, with tags; and the bad ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

GOOD = 10


@dataclass(frozen=True)
class Made:
    """One file: what it is called, how it is written, what its tags say."""

    name: str
    rate_hz: int = 44_100
    channels: int = 2
    format: str = "WAV"
    subtype: str = "PCM_16"
    tags: dict[str, str] = field(default_factory=dict)


ORDINARY = (
    Made("01 - rain_on_roof.wav", channels=1, subtype="PCM_24"),
    Made("night drive.flac", 96_000, format="FLAC", subtype="PCM_24", tags={"title": "Fährt bei Nacht"}),
    Made("harbour.ogg", format="OGG", subtype="VORBIS", tags={"title": "Harbour"}),
    Made("Ann - Wood.mp3", format="MP3", subtype="MPEG_LAYER_III", tags={"title": "Wood", "artist": "Ann"}),
    Made("meadow.opus", 48_000, format="OGG", subtype="OPUS"),
    Made("telephone.wav", 8_000, 1),
    Made("hall.wav", 48_000, 6, "WAVEX"),
    Made("pieces/slow piano.wav", 22_050),
    Made("pieces/Tune.flac", format="FLAC", tags={"title": "Tune", "genre": "Jazz"}),
    Made("really_a_wav.mp3", 48_000, 1),
)  # fmt: skip


def ordinary_folder(folder: Path, seconds: float = 3.0) -> Path:
    """`GOOD` files that can be played, seven of them soundscapes by their names and an eighth in disguise."""
    for number, made in enumerate(ORDINARY):
        write(folder, made, sound(number, made.rate_hz, made.channels, seconds))
    return folder


def bad_folder(folder: Path) -> Path:
    """One of each kind that cannot be played."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "noending").write_bytes(b"?")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no sound\n" * 50)
    (folder / "random.mp3").write_bytes(np.random.default_rng(1).bytes(40_000))
    write(folder, Made("silent.flac", format="FLAC"), np.zeros((44_100, 2), np.float32))
    write(folder, Made("blink.wav"), sound(1, 44_100, 2, 0.1))
    write(folder, Made("seven.wav", channels=7, format="WAVEX"), sound(1, 44_100, 7, 1.0))
    write(folder, Made("nan.wav", subtype="FLOAT"), np.full((44_100, 2), np.nan, np.float32))
    write(folder, Made("aiff.wav", format="AIFF"), sound(1, 44_100, 2, 1.0))
    for cut in (
        Made("cut.wav"), Made("cut.flac", format="FLAC"), Made("cut.ogg", format="OGG", subtype="VORBIS"),
        Made("cut.opus", 48_000, format="OGG", subtype="OPUS"),
        Made("cut.mp3", format="MP3", subtype="MPEG_LAYER_III"),
    ):  # fmt: skip
        path = write(folder, cut, sound(2, cut.rate_hz, 2, 4.0))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return folder


def write(folder: Path, made: Made, samples: NDArray[np.float32]) -> Path:
    path = folder / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", made.rate_hz, made.channels, format=made.format, subtype=made.subtype) as file:
        for tag, text in made.tags.items():
            setattr(file, tag, text)
        file.write(samples)
    return path


def sound(number: int, rate_hz: int, channels: int, seconds: float) -> NDArray[np.float32]:
    """A chord of its own over a little noise, different in each channel: (frames, channels)."""
    frames = round(rate_hz * seconds)
    at_s = np.arange(frames)[:, None] / rate_hz
    pitch_hz = 110.0 * 2 ** (number / 12) * (1 + 0.01 * np.arange(channels))
    chord = sum(np.sin(2 * np.pi * pitch_hz * part * at_s) / part for part in (1, 2, 3))
    noise = np.random.default_rng(number).standard_normal((frames, channels))
    return (0.1 * np.asarray(chord) + 0.02 * noise).astype(np.float32)
