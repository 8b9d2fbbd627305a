"""What changes too fast for the card: meters, positions, states, as small JSON files in the runtime directory; and
what is on its way to the card, one line each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Runtime:
    """One file a subject: `player`, `sync`, `reader`, `ui`. Readers see a whole file, old or new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def publish(self, subject: str, state: Mapping[str, Any]) -> None:
        """Replace the subject's file. No fsync: it lives in memory and dies with the boot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{subject}.json"
        temp = self.folder / f".{subject}.{os.getpid()}"
        temp.write_text(json.dumps(state))
        temp.replace(target)

    def read(self, subject: str) -> dict[str, Any]:
        """The subject's last state, {} when nobody has published one."""
        try:
            state = json.loads((self.folder / f"{subject}.json").read_text())
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def note(self, subject: str, entry: Mapping[str, Any]) -> None:
        """Add a line to the subject's notes. They outlive every process and die with the boot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(entry, separators=(",", ":")) + "\n"
        handle = os.open(self._notes(subject), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())  # in one piece: whoever is killed leaves whole lines
        finally:
            os.close(handle)

    def notes(self, subject: str) -> list[dict[str, Any]]:
        """The subject's notes, oldest first; what cannot be read is left out."""
        try:
            lines = self._notes(subject).read_bytes().splitlines()
        except OSError:
            return []
        return [entry for entry in map(_entry, lines) if entry is not None]

    def forget(self, subject: str) -> None:
        self._notes(subject).unlink(missing_ok=True)

    def _notes(self, subject: str) -> Path:
        return self.folder / f"{subject}.notes"


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
