"""What changes too fast for the card: meters, positions, states, as small JSON files in the runtime directory."""

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
