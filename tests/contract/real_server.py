"""`cosound cloud serve` as a person starts it: a real process on 127.0.0.1, and what it wrote down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_stub.engines.address import Address

COSOUND = [str(Path(sys.executable).with_name("cosound")), "cloud"]


@dataclass(frozen=True)
class RealServer:
    process: subprocess.Popen[str]
    url: str
    log: Path

    def end(self, how: signal.Signals = signal.SIGTERM, within_s: float = 20.0) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(within_s)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def serving(data: Path, **env: str) -> Iterator[RealServer]:
    """On that data directory, with the surroundings of this test and `env`."""
    log = data.with_name(f"{data.name}.log")
    command = [*COSOUND, "serve", "--data", str(data), "--port", "0"]
    surroundings: Mapping[str, str] = {**os.environ, **env}
    with log.open("w") as err, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=err, text=True, env=surroundings
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield RealServer(process, process.stdout.readline().split()[-1], log)
        finally:
            process.kill()


def url_of(where: Path | Address) -> str:
    """For DATABASE_URL."""
    if isinstance(where, Path):
        return f"sqlite:///{where}"
    return f"postgresql://{where.user}:{where.password}@{where.host}:{where.port}/{where.name}"
