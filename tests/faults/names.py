"""A world of its own for names: /etc/hosts as the test says, and nobody else to ask. Needs root."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAME = "cloud.cosound.test"


@dataclass(frozen=True, slots=True)
class Names:
    """Files that stand in for /etc/hosts and /etc/resolv.conf."""

    folder: Path

    def inside(self) -> tuple[str, ...]:
        """The command that runs another one there."""
        self.know()
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        script = 'for f in hosts resolv.conf; do mount --bind "$0/$f" /etc/$f || exit 9; done; exec "$@"'
        command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(self.folder))
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"needs the right to mount ({tried.stderr.strip()}): run the tests as root")
        return command

    def know(self) -> None:
        self._hosts(f"127.0.0.1 localhost {NAME}\n")

    def forget(self) -> None:
        self._hosts("127.0.0.1 localhost\n")

    def _hosts(self, text: str) -> None:
        """In place: a new file would not be the one that is mounted."""
        with (self.folder / "hosts").open("w") as file:
            file.write(text)
