"""The demo's processes: started as systemd would start them, brought back when they die, ended with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import SetupError
from appliance.process import die_with_parent

RESTART_AFTER_S = 0.25
STOP_WITHIN_S = 2.0


@dataclass(slots=True)
class Child:
    """One process: what it is called, how it is started, and when it was last seen to die."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    died_s: float | None = None
    restarts: int = 0

    def start(self) -> None:
        """Start it in a session of its own; the kernel kills it if we die. Call from the main thread only:
        'parent' means the thread that forked."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl; we hold no lock it could need
            )
        self.died_s = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def last_words(self) -> str:
        """The last line it logged, for a person."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


@dataclass(slots=True)
class Children:
    """All of them, in the order they start."""

    folder: Path
    env: Mapping[str, str]
    of_name: dict[str, Child] = field(default_factory=dict)
    _held_down: set[str] = field(default_factory=set)

    def start(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
        """Start `cosound <arguments>` as `name`."""
        child = Child(
            name=name,
            command=[sys.executable, "-m", "appliance", *arguments],
            env={**self.env, **(env or {})},
            log=self.folder / f"{name}.log",
        )
        child.start()
        self.of_name[name] = child
        return child

    def mind(self) -> list[str]:
        """Bring back what died; returns the names of those brought back just now."""
        back = []
        for child in self.of_name.values():
            if child.alive or child.name in self._held_down:
                continue
            if child.died_s is None:
                child.died_s = time.monotonic()
            elif time.monotonic() - child.died_s >= RESTART_AFTER_S:
                if child.restarts >= 5 and child.process is not None and child.process.returncode == 2:
                    raise SetupError(f"{child.name} does not start: {child.last_words()}")
                child.restarts += 1
                child.start()
                back.append(child.name)
        return back

    def hold_down(self, name: str) -> None:
        """Kill one and leave it dead until `let_up`."""
        self._held_down.add(name)
        child = self.of_name[name]
        child.signal(signal.SIGKILL)
        if child.process is not None:
            child.process.wait()

    def let_up(self, name: str) -> None:
        self._held_down.discard(name)
        self.of_name[name].start()

    def stop(self) -> None:
        """End all, last started first, within two seconds."""
        for child in reversed(self.of_name.values()):
            child.signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_WITHIN_S
        for child in self.of_name.values():
            if child.process is None:
                continue
            try:
                child.process.wait(max(deadline_s - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def base_env() -> dict[str, str]:
    """Our own environment, so that SDL_AUDIODRIVER and friends are respected."""
    return dict(os.environ)
