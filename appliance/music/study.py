"""What is in a sound file, found out by a child process: `python -m appliance.music.study SOURCE [TARGET]`.

With a TARGET the child also makes the cache file there and listens for the five tags.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.child import Progress, ask_child, begin_child, progress_teller, tell
from appliance.errors import InputError
from appliance.music.cut import is_cut
from appliance.music.find import SAVE_AS
from appliance.space import shortage

FORMATS = {
    "WAV": ".wav",
    "WAVEX": ".wav",
    "RF64": ".wav",
    "W64": ".wav",
    "FLAC": ".flac",
    "MP3": ".mp3",
    "MPEG": ".mp3",
}
RATES = range(4_000, 384_001)
MOST_CHANNELS = 6
SHORTEST_S = 0.5
SILENT_DBFS = -60.0
BLOCK = 65_536
PCM_RATE = 48_000
_READING, _DECODING = 0.15, 0.7  # parts of the whole work, by how long they take


@dataclass(frozen=True, slots=True)
class Study:
    """ending: the right one for what the file holds. Tags are as they stand in the file, empty where there are none.

    The rest is known only where a cache file was made. vector: the five tags, None when the song is neutral.
    """

    ending: str
    duration_s: float
    channels: int
    rate_hz: int
    title: str = ""
    artist: str = ""
    genre: str = ""
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    vector: tuple[float, ...] | None = None
    source: str = "neutral"


def study_in_child(source: Path, target: Path | None, progress: Progress) -> Study:
    """Raises InputError with what is wrong and what to do; then no `target` was made."""
    arguments = [str(source.absolute())] + ([str(target.absolute())] if target else [])
    ended = ask_child("appliance.music.study", *arguments, progress=progress)
    if ended.word != "said":
        raise InputError(f"ends whoever decodes it ({ended.why}); export it again")
    if "refused" in ended.said:
        raise InputError(str(ended.said["refused"]))
    return _study_from(ended.said)


def main(source: str, target: str | None = None) -> int:
    """The child: look into the file, and say what was found or why it is refused."""
    if not begin_child():
        return 1
    from mixer.pcm import PcmError
    from ml.errors import AudioError

    try:
        found = asdict(study(Path(source), Path(target) if target else None, progress_teller()))
    except (InputError, PcmError, AudioError) as error:
        tell({"refused": str(error).replace(f"{source}: ", "")})
    else:
        tell(found)
    return 0


def study(source: Path, target: Path | None, progress: Progress) -> Study:
    """Read all of it once; with a target, make the cache file and listen. Raises InputError, PcmError, AudioError."""
    reading = _READING if target else 1.0
    found = _read(source, lambda share: progress(share * reading))
    if target is None:
        return found
    missing = shortage(target.parent, int(found.duration_s * PCM_RATE) * 2 * min(found.channels, 2))
    if missing:
        raise InputError(f"{missing}; make room and add it again")
    from mixer.decode import decode_to_pcm

    info = decode_to_pcm(source, target, progress=lambda share: progress(reading + share * _DECODING))
    vector, by = _listen(source)
    progress(1.0)
    measured = {"loudness_lufs": info.loudness_lufs, "true_peak_dbtp": info.true_peak_dbtp}
    return _study_from({**asdict(found), **measured, "vector": vector, "source": by})


def _listen(source: Path) -> tuple[tuple[float, ...] | None, str]:
    from ml.features import extract_file
    from ml.model import load_default

    heard = load_default().embed(extract_file(source))
    return (heard.vector, "model") if heard.source == "model" else (None, "neutral")


def _read(source: Path, progress: Progress) -> Study:
    import soundfile

    try:
        file = soundfile.SoundFile(source)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise InputError(f"holds no sound that can be read; {SAVE_AS}") from error
    with file:
        found = _header(file)
        frames, peak = _decoded(file, progress)
    _check_sound(found, frames, peak, source)
    return found


def _header(file: Any) -> Study:
    tags: Mapping[str, str] = file.copy_metadata()
    opus_or_vorbis = ".opus" if file.subtype == "OPUS" else ".ogg"
    ending = opus_or_vorbis if file.format == "OGG" else FORMATS.get(file.format)
    if ending is None:
        raise InputError(f"holds {file.format}, whatever its ending says; {SAVE_AS}")
    if file.samplerate not in RATES:
        raise InputError(f"is sampled at {file.samplerate} Hz; save it at 44100 or 48000 Hz")
    if file.channels > MOST_CHANNELS:
        raise InputError(f"has {file.channels} channels, at most {MOST_CHANNELS} are played; save it in stereo")
    if not file.frames:
        raise InputError("has no sound in it; export it again")
    return Study(
        ending=ending,
        duration_s=round(file.frames / file.samplerate, 3),
        channels=file.channels,
        rate_hz=file.samplerate,
        title=tags.get("title", ""),
        artist=tags.get("artist", ""),
        genre=tags.get("genre", ""),
    )


def _decoded(file: Any, progress: Progress) -> tuple[int, float]:
    """How many frames there are, and the highest sample."""
    import numpy as np

    frames, peak = 0, 0.0
    for block in _blocks(file, frames_claimed=file.frames):
        frames += len(block)
        highest = float(np.abs(block).max())
        if not math.isfinite(highest):
            raise InputError("has samples that are not numbers; export it again")
        peak = max(peak, highest)
        progress(min(1.0, frames / file.frames))
    return frames, peak


def _blocks(file: Any, frames_claimed: int) -> Iterator[Any]:
    import soundfile

    done = 0
    while True:
        try:
            block = file.read(BLOCK, dtype="float32")
        except soundfile.SoundFileError as error:
            at, whole = clock(done / file.samplerate), clock(frames_claimed / file.samplerate)
            raise InputError(f"is damaged after {at} of {whole}; copy or export it again") from error
        if not len(block):
            return
        done += len(block)
        yield block


def _check_sound(found: Study, frames: int, peak: float, source: Path) -> None:
    here_s = frames / found.rate_hz
    if here_s < found.duration_s - max(0.1, found.duration_s * 0.001):
        raise InputError(f"is cut short: {clock(here_s)} of {clock(found.duration_s)} are there; copy it again")
    if is_cut(source):
        raise InputError(f"is cut short: after {clock(here_s)} its end is missing; copy it again")
    if here_s < SHORTEST_S:
        raise InputError(f"is only {here_s:.2f} s long; {SHORTEST_S} s are the least")
    if peak < 10 ** (SILENT_DBFS / 20):
        raise InputError("is silent; choose a file with sound in it")


def clock(seconds: float) -> str:
    """3:12, or 10:00:00 from an hour on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _study_from(said: Mapping[str, Any]) -> Study:
    vector = said.get("vector")
    return Study(**{**said, "vector": None if vector is None else tuple(vector)})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
