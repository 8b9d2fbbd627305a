"""A Supabase project in small on this machine, until told to stop: PostgreSQL, its API and its public files."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from cloud_stub.embedded_postgres import EmbeddedPostgres
from cloud_stub.project import api_key, create_project
from cloud_stub.serve import KEEP_ALIVE_S, Server, bind
from cloud_stub.storage import FolderStorage


def run(
    version: int, port: int, password: str | None, api_port: int, files: Path, announce: Callable[[str], None]
) -> None:
    """`announce` is given what to put into the environment, a line each. `files`: what lies in its bucket."""
    secret = secrets.token_hex(32)
    with EmbeddedPostgres(version, port, password or secrets.token_hex(16)) as postgres:
        sock = bind("127.0.0.1", api_port)
        app = create_project(postgres.address(), secret, FolderStorage(files))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_keep_alive=KEEP_ALIVE_S, server_header=False
        )
        announce(f"DATABASE_URL={postgres.url()}")
        announce(f"SUPABASE_URL=http://127.0.0.1:{sock.getsockname()[1]}")
        announce(f"SUPABASE_ANON_KEY={api_key(secret, 'anon', time.time())}")
        try:
            Server(config, lambda: None).run(sockets=[sock])
        finally:
            sock.close()
