"""A real pgbouncer in transaction mode, as Supabase puts before every project, where there is one to start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.demo.ports import free_port
from cloud_stub.engines.address import Address
from tests.patience import PATIENCE_S

CONFIG = """
[databases]
* = host=127.0.0.1 port={theirs}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {ours}
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 4
unix_socket_dir =
"""


@contextmanager
def pooled(address: Address) -> Iterator[Address]:
    """The same database behind a pooler. Skips with its reason where there is none."""
    program = os.environ.get("COSOUND_PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer here: apt install pgbouncer, or name one in COSOUND_PGBOUNCER")
    with tempfile.TemporaryDirectory(prefix="cosound-pooler-") as name:
        folder, port = Path(name), free_port()
        (folder / "users").write_text(f'"{address.user}" "{address.password}"\n')
        (folder / "ini").write_text(CONFIG.format(theirs=address.port, ours=port, folder=folder))
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        for path in (folder, *folder.iterdir()) if as_nobody else ():
            shutil.chown(path, "nobody", "nogroup")
        log = (folder / "log").open("wb")
        with log, subprocess.Popen([program, "ini"], cwd=folder, stdout=log, stderr=log, **as_nobody) as running:
            try:
                _await(port, running, folder / "log")
                yield replace(address, port=port)
            finally:
                running.terminate()


def _await(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)) != 0:
            assert running.poll() is None and time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.01)
