"""The person's own files in the demo: `cosound add` at work beside it, and what became of each file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from appliance.demo.facts import query
from appliance.demo.voice import say
from appliance.errors import SetupError
from appliance.model import Rule
from appliance.process import die_with_parent
from mixer.scene import SongId

BEDS_FOR_A_ROOM = 4  # with fewer soundscapes of one's own, the starter library stays beneath


@dataclass(slots=True)
class OwnMusic:
    """Filled by two threads that listen to the command; it goes on while the room already sounds."""

    folder: Path
    process: subprocess.Popen[str]
    results: list[dict[str, Any]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    _ears: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, kind: str | None, env: Mapping[str, str]) -> OwnMusic:
        """Start adding. Call from the main thread only: the kernel ends the command when that ends."""
        command = [sys.executable, "-m", "appliance", "add", "--json", "--small-first"]
        process = subprocess.Popen(
            [*command, *(["--type", kind] if kind else []), "--", str(folder)],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl; we hold no lock it could need
        )
        own = cls(folder, process)
        assert process.stdout is not None and process.stderr is not None
        for ear, pipe in ((own._note, process.stdout), (own._relay, process.stderr)):
            own._ears.append(threading.Thread(target=ear, args=(pipe,), daemon=True))
            own._ears[-1].start()
        return own

    @property
    def ended(self) -> bool:
        """The command is over, and all it said was heard."""
        return self.process.poll() is not None and not any(ear.is_alive() for ear in self._ears)

    @property
    def usable(self) -> list[dict[str, Any]]:
        return [result for result in self.results if result["word"] != "refused"]

    @property
    def beds(self) -> int:
        return sum(result["kind"] == "soundscape" for result in self.usable)

    def enough(self) -> bool:
        """Enough for a room, or all there is. Raises SetupError when nothing of it can be played."""
        if self.beds >= BEDS_FOR_A_ROOM:
            return True
        if self.ended and not self.usable:
            raise SetupError(f"nothing in {self.folder} can be played; the reasons stand above")
        return self.ended

    def stand_out(self, library: Iterable[Mapping[str, Any]]) -> None:
        """Rules, as staff would set them, by which few files of one's own are heard among the starter library:
        beds are pinned, and pieces play instead of its pieces."""
        own = {result["song_id"]: result["kind"] for result in self.usable}
        self.rules = [Rule(SongId(song), "pin") for song, kind in own.items() if kind == "soundscape"]
        if "instrumental" in own.values():
            others = [row for row in library if row["type"] == "instrumental" and row["id"] not in own]
            self.rules += [Rule(SongId(row["id"]), "ban") for row in others]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def told(self, heard: Iterable[str], data_dir: Path) -> dict[str, Any]:
        """For the report: how many files, what of them was heard (`heard`: ids) and what counts as played."""
        titles = {result["song_id"]: result["title"] for result in self.usable}
        played = {row[0] for row in query(data_dir, "select distinct song_id from songs_playing")}
        return {
            "folder": str(self.folder),
            "files": len(self.results),
            "usable": len(self.usable),
            "soundscapes": self.beds,
            "refused": [f"{result['name']}: {result['why']}" for result in self.results if result["word"] == "refused"],
            "heard": sorted(titles[song] for song in set(heard) & titles.keys()),
            "played": sorted(titles[song] for song in played & titles.keys()),
        }

    def _note(self, lines: IO[str]) -> None:
        for line in lines:
            self.results.append(json.loads(line))

    def _relay(self, lines: IO[str]) -> None:
        for line in lines:
            say(line.rstrip())
