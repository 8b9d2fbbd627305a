"""MPD and Mopidy, started as we are started: one local file into a sink that makes no sound, timed to 'playing'."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

NEIGHBOURS = ("mpd", "mopidy")
PLAYING_WITHIN_S = 20.0


def is_here(name: str) -> bool:
    return shutil.which(name) is not None


def seconds_to_playing(name: str) -> float:
    """From process start until it says that time passes in the song. Raises TimeoutError."""
    with TemporaryDirectory(prefix="cosound-bench-") as folder:
        song = _write_song(Path(folder))
        return {"mpd": _mpd, "mopidy": _mopidy}[name](Path(folder), song)


def _mpd(folder: Path, song: Path) -> float:
    """MPD is told to play over its socket as soon as that is there, as any client would."""
    conf, address = folder / "mpd.conf", folder / "socket"
    conf.write_text(
        f'music_directory "{folder}"\ndb_file "{folder}/db"\nbind_to_address "{address}"\n'
        'audio_output {\n  type "null"\n  name "null"\n}\n'
    )
    with _running(["mpd", "--no-daemon", str(conf)]) as began_s:
        _until(lambda: "OK" in _ask_mpd(address, f'add "{song.as_uri()}"'), began_s)
        _ask_mpd(address, "play")
        return _until(lambda: _has_begun(_ask_mpd(address, "status")), began_s)


def _has_begun(status: str) -> bool:
    return "state: play" in status and "elapsed: 0.000" not in status


def _mopidy(folder: Path, song: Path) -> float:
    """Mopidy must be asked to play over its HTTP interface, as any client would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "-o", f"http/port={port}", "-o", "audio/output=fakesink sync=true", "-o", "zeroconf/enabled=false",
        "-o", f"core/data_dir={folder}/data", "-o", f"core/cache_dir={folder}/cache",
        "-o", f"core/config_dir={folder}/config", "-o", f"file/media_dirs={folder}",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}/mopidy/rpc"
    with _running(["mopidy", *options]) as began_s:
        _until(lambda: _ask_mopidy(url, "core.tracklist.add", {"uris": [song.as_uri()]}) is not None, began_s)
        _ask_mopidy(url, "core.playback.play", {})
        return _until(lambda: (_ask_mopidy(url, "core.playback.get_time_position", {}) or 0) > 0, began_s)


def _ask_mpd(address: Path, command: str) -> str:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(address))
        line.recv(256)
        line.sendall(f"{command}\n".encode())
        return line.recv(4096).decode(errors="replace")
    return ""


def _ask_mopidy(url: str, method: str, params: dict[str, Any]) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        return httpx.post(url, json=call, timeout=2).json().get("result")
    except (httpx.HTTPError, ValueError):
        return None


@contextmanager
def _running(command: list[str]) -> Iterator[float]:
    began_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield began_s
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def _until(done: Callable[[], bool], began_s: float) -> float:
    while not done():
        if time.monotonic() - began_s > PLAYING_WITHIN_S:
            raise TimeoutError("it did not come to play")
        time.sleep(0.002)
    return time.monotonic() - began_s


def _write_song(folder: Path) -> Path:
    import soundfile

    song = folder / "noise.wav"
    noise = np.random.default_rng(0).standard_normal((48_000 * 20, 2)) * 0.1
    soundfile.write(str(song), noise.astype(np.float32), 48_000)
    return song
